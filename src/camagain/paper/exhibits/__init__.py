"""The tables and figures that no single analysis owns, one module each."""
