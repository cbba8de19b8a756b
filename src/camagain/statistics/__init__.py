"""Intervals, paired tests, adjustment and correlations: the one place for them. Imports nothing of this package."""
