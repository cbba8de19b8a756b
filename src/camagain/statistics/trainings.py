"""Intervals over trainings: what several trainings that differ in their seed say of a further one.

With few trainings such intervals are wide, and rightly so: two values a and b give (a + b) / 2 -+ 6.4 |a - b| at 95 %.
"""

import numpy as np

from camagain.statistics.confidence import student_quantile
from camagain.statistics.estimates import Estimate


def over_trainings(values: np.ndarray, confidence: float) -> Estimate:
    """The mean of one value for each training, (S,) -> with Student's interval for the mean of all trainings.

    For independent, roughly normal values. A single training has a mean and no interval: both bounds are NaN.
    """
    mean = float(np.mean(values))
    if len(values) < 2:
        return Estimate(mean, np.nan, np.nan)
    half = student_quantile(len(values) - 1, confidence) * float(np.std(values, ddof=1)) / len(values) ** 0.5
    return Estimate(mean, mean - half, mean + half)


def over_both(trainings: Estimate, images: Estimate) -> Estimate:
    """The interval of a mean that both other trainings and other images would change, from the interval over each.

    All trainings were measured on the same images, so what these images have in common is not seen in the deviation
    over trainings. The two distances to either bound are added in quadrature (the method of variance estimates
    recovery, Zou and Donner, Statistics in Medicine 27, 2008). The deviation over trainings holds a part of the images'
    error, too, so the interval is a little too wide rather than too narrow. NaN where one of the two has no interval.
    """
    value = trainings.value
    below = np.hypot(value - trainings.low, value - images.low)
    above = np.hypot(trainings.high - value, images.high - value)
    return Estimate(value, float(value - below), float(value + above))
