"""Repository tooling: documents written from what is recorded. Not part of the installed package."""
