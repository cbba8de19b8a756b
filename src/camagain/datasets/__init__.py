"""Datasets: every reader makes one index table, and nothing downstream knows which dataset it was."""
