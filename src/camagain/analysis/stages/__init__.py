"""The analyses as stages of a run: each module reads a model or what localization stored, and returns one table."""
