"""Judging: how far apart two runs are, or a run and the paper, and whether chance explains it."""
