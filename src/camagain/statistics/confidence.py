"""The level of confidence that holds where an experiment does not set its own, and what the normal distribution and
Student's make of it."""

from math import erfc, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np

Numbers = TypeVar("Numbers", float, "np.ndarray")
"""One number, or an array of them. An experiment is read without numpy, and this module is part of that."""

CONFIDENCE = 0.95
"""Share of intervals that hold the true value, and of chance differences that lie within a tolerance: one in twenty is
missed, the convention of Fisher ("Statistical Methods for Research Workers", 1925)."""


def normal_quantile(confidence: float = CONFIDENCE) -> float:
    """How many standard deviations on either side of the mean hold this share of a normal distribution: 1.96 for 0.95.

    `confidence`: between 0 and 1, both excluded.
    """
    return NormalDist().inv_cdf((1 + confidence) / 2)


def upper_tail(deviations: float) -> float:
    """Share of a normal distribution that lies above its mean by more than so many standard deviations."""
    return erfc(deviations / sqrt(2)) / 2


def student_quantile(freedom: Numbers, confidence: float) -> Numbers:
    """How many standard deviations on either side of 0 hold this share of Student's distribution.

    `freedom`: its degrees of freedom, positive; a number, or an array of any shape.
    """
    from scipy.special import stdtrit

    return stdtrit(freedom, (1 + confidence) / 2)
