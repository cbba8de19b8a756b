"""Spearman's rank correlation: along the rows of a table, and over images with a bootstrap interval."""

import numpy as np
from scipy.stats import rankdata

from camagain.analysis.estimates import Estimate, estimate
from camagain.evaluation.uncertainty import Sampling, resample_weights

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


def rank_correlation_over_images(first: np.ndarray, second: np.ndarray, sampling: Sampling) -> Estimate:
    """Spearman's rho over N images, (N,) and (N,), with its bootstrap interval; images with a NaN are left out."""
    known = np.isfinite(first) & np.isfinite(second)
    pair = np.stack([first[known], second[known]])  # (2, N')
    if pair.shape[1] < 2:
        return Estimate(np.nan, np.nan, np.nan)
    value = rank_correlations(*pair[:, None])[0]
    drawn = []
    for weights in resample_weights(pair.shape[1], sampling.resamples, sampling.seed):
        rows = np.stack([np.repeat(np.arange(pair.shape[1]), counts) for counts in weights.astype(np.int64)])  # (r, N')
        drawn.append(rank_correlations(pair[0][rows], pair[1][rows]))
    return estimate(np.concatenate(drawn), float(value), sampling.confidence)
