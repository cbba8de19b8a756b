"""Figures with their values in resamples of the images: what differences, means and contrasts of them are made of.

Every figure of one set of images is resampled alike (`evaluation.uncertainty`): resample i holds the same images in
all of them. So the interval of a difference is paired: what makes an image easy in both cancels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from camagain.statistics.bootstrap import Interval, Sampling, interval_of, resample_weights


@dataclass(frozen=True)
class Resampled:
    """A figure in percent, or a difference of figures in points."""

    value: float
    draws: np.ndarray  # (R,) the figure in each resample

    def __sub__(self, other: "Resampled") -> "Resampled":
        return Resampled(self.value - other.value, self.draws - other.draws)

    def interval(self, confidence: float) -> Interval:
        """The percentile bootstrap interval; holds the value."""
        return interval_of(self.draws, self.value, confidence)


def mean_percent(values: np.ndarray, sampling: Sampling) -> Resampled:
    """The mean over images of shares, or of differences of shares, in percent or points: (N,) -> a figure."""
    weights = resample_weights(len(values), sampling.resamples, sampling.seed)
    draws = np.concatenate([chunk @ values.astype(np.float64) for chunk in weights]) * 100 / len(values)  # (R,)
    return Resampled(float(values.mean() * 100), draws)


def mean_of(figures: Sequence[Resampled]) -> Resampled:
    """The mean of several figures of the same images."""
    return Resampled(
        float(np.mean([figure.value for figure in figures])), np.mean([figure.draws for figure in figures], axis=0)
    )
