"""Judging: whether what two runs found is the same, within its tolerance."""
