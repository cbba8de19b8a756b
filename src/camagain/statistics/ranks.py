"""Spearman's rank correlation, and Pearson's, of the rows of two tables."""

import numpy as np
from scipy.stats import rankdata

ROWS = 512
"""Rows that are ranked together: 512 x 1,024 ranks take 4 MB."""


def rank_correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's rho of every row of one table with the same row of another, (N, C) and (N, C) -> (N,) in [-1, 1].

    Ties share their mean rank. NaN where all values of either row are equal.
    """
    parts = [
        correlations(rankdata(first[start : start + ROWS], axis=1), rankdata(second[start : start + ROWS], axis=1))
        for start in range(0, len(first), ROWS)
    ]
    return np.concatenate(parts) if parts else np.empty(0)


def correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Pearson's r of every row with the same row of another table, (N, C) and (N, C) -> (N,); NaN for a constant."""
    x, y = (np.asarray(rows, dtype=np.float64) for rows in (first, second))
    varies = (np.ptp(x, axis=1) > 0) & (np.ptp(y, axis=1) > 0)
    x, y = (rows - rows.mean(1, keepdims=True) for rows in (x, y))
    scale = np.sqrt((x * x).sum(1) * (y * y).sum(1))
    return np.divide((x * y).sum(1), scale, out=np.full(len(x), np.nan), where=varies & (scale > 0)).clip(-1, 1)
