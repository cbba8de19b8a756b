"""Two methods, or two models, on the same images: is one better, or were the images kind to it?"""

from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest

from camagain.statistics.bootstrap import Interval, interval_of


class McNemar(NamedTuple):
    """Images on which exactly one of two is right, and how likely so uneven a split is where neither is better."""

    only_first: int
    only_second: int
    p_value: float


def mcnemar(first: np.ndarray, second: np.ndarray) -> McNemar:
    """McNemar's exact test of two classifications of the same images: (N,) bool, (N,) bool.

    Under the null hypothesis each discordant image falls to either side with probability 1/2 (McNemar 1947; the exact,
    two-sided binomial form). Images that both have right, or both wrong, say nothing. Without any discordant image p is
    1. Raises ValueError when the two do not have the same images.
    """
    if first.shape != second.shape:
        raise ValueError(f"found {first.shape} and {second.shape} images, expected the same images")
    only_first = int(np.count_nonzero(first & ~second))
    only_second = int(np.count_nonzero(second & ~first))
    discordant = only_first + only_second
    p_value = float(binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0
    return McNemar(only_first, only_second, p_value)


def paired_interval(first: np.ndarray, second: np.ndarray, difference: float, confidence: float) -> Interval:
    """Bootstrap interval of a difference, first minus second, in points.

    `first` and `second` are the resampled values (R,) of `uncertainty.draws` with the same sampling: resample i holds
    the same images in both, so that what makes an image easy for both cancels.
    """
    return interval_of(first - second, difference, confidence)


def holm(p_values: np.ndarray) -> np.ndarray:
    """Holm's adjustment of p-values of several tests made together: (M,) -> (M,), each at least its own, at most 1."""
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted
