"""Paired tests of two methods, or two models, on the same images, and the adjustment of several p-values."""

from typing import NamedTuple

import numpy as np


class McNemar(NamedTuple):
    """Images on which exactly one of two is right, and how likely so uneven a split is where neither is better."""

    only_first: int
    only_second: int
    p_value: float


def mcnemar(first: np.ndarray, second: np.ndarray) -> McNemar:
    """McNemar's exact test of two classifications of the same images: (N,) bool, (N,) bool.

    Under the null hypothesis each discordant image falls to either side with probability 1/2 (McNemar 1947; the exact,
    two-sided binomial form). Images that both have right, or both wrong, say nothing. Without any discordant image p is
    1. The test does not know of thresholds that were chosen on these images; `Accuracy.p_value` does. Raises ValueError
    when the two do not have the same images.
    """
    only_first, only_second = discordant(first, second)
    either = only_first + only_second
    # Of the binomial distribution, which is symmetric; in whole numbers, so that the quotient is rounded once.
    ways = at_most = 1
    for k in range(min(only_first, only_second)):
        ways = ways * (either - k) // (k + 1)
        at_most += ways
    return McNemar(only_first, only_second, min(1.0, 2 * at_most / 2**either))


def discordant(first: np.ndarray, second: np.ndarray) -> tuple[int, int]:
    """How many images the first alone has right, and the second alone: (N,) bool, (N,) bool.

    Raises ValueError when the two do not have the same images.
    """
    if first.shape != second.shape:
        raise ValueError(f"found {first.shape} and {second.shape} images, expected the same images")
    return int(np.count_nonzero(first & ~second)), int(np.count_nonzero(second & ~first))


def holm(p_values: np.ndarray) -> np.ndarray:
    """Holm's adjustment of p-values of several tests made together: (M,) -> (M,), each at least its own, at most 1."""
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted
