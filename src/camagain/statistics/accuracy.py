"""An accuracy with the errors that the bootstrap reads from resamples, its interval, and its test against nothing.

Axes: 3 readings of the error (see `accuracies`), R resamples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from camagain.statistics.confidence import normal_quantile, upper_tail
from camagain.statistics.estimates import Estimate

FIXED, READINGS = 0, slice(1, 3)
"""Rows of errors: at the sample's own threshold, as if it had been fixed beforehand; and the two readings of what the
choice of the threshold adds."""


@dataclass(frozen=True)
class Accuracy:
    """A share of images in percent, a mean of such shares, or a difference of two in points.

    Resample i draws the same images for every accuracy of the same images and seed, so that differences are paired.
    """

    value: float
    errors: np.ndarray  # (3, R) points: estimate less truth, by each reading
    images: int
    counts: float = 1.0
    """How many counts of whole images the number adds up: 1, and 2 for a difference."""
    difference: bool = False

    def __sub__(self, other: "Accuracy") -> "Accuracy":
        counts = self.counts + other.counts
        return Accuracy(self.value - other.value, self.errors - other.errors, self.images, counts, difference=True)

    @classmethod
    def mean(cls, numbers: "Sequence[Accuracy]") -> "Accuracy":
        """The mean of several accuracies, or of several differences, of the same images."""
        return cls(
            float(np.mean([number.value for number in numbers])),
            np.mean([number.errors for number in numbers], axis=0),
            numbers[0].images,
            float(np.mean([number.counts for number in numbers])),
            numbers[0].difference,
        )

    @property
    def varies(self) -> bool:
        """Whether any resample differs from the sample."""
        return bool(self.errors.any())

    @property
    def excess(self) -> np.ndarray:
        """By how much choosing the threshold lifts the number above the truth, by each reading, (2,) points."""
        return self.errors[READINGS].mean(axis=1)

    @property
    def spread(self) -> np.ndarray:
        """Standard deviation of the errors beside each excess, (2,) points.

        For a difference, halfway between the variance in each reading, which is too small because the excess is itself
        uncertain, and that at fixed thresholds, which is too large where curves are flat (fixed by simulation). Each
        count adds half an image to the variance. Without it, an accuracy of 100 % would be certain, and a difference of
        three images against none too sure; with it, 100 % has exactly Wilson's interval.
        """
        variance = self.errors[READINGS].var(axis=1)
        if self.difference:
            variance = (variance + self.errors[FIXED].var()) / 2
        return np.sqrt(variance + self.counts / 2 * (100 / self.images) ** 2)

    def estimate(self, confidence: float) -> Estimate:
        """The number with its interval: all values of the truth that one of the two readings allows.

        Normal in the errors, as Wilson's is (1927): the error of a share is measured by the deviation that the truth
        would give it, so that bounds stay inside [0, 100]. Where chance has lifted a flat curve far, the value itself
        can lie outside; then the interval is widened to hold it. A difference that varies in no resample is exact.
        """
        if self.difference and not self.varies:
            return Estimate(self.value, self.value, self.value)
        half = normal_quantile(confidence) * self.spread
        least, most = float((self.excess - half).min()), float((self.excess + half).max())
        if self.difference:
            low, high = max(self.value - most, -100.0), min(self.value - least, 100.0)
        else:
            own = float(deviation(self.value, self.images))
            low, high = (truth_below(self.value, error / own) for error in (most, least))
        return Estimate(self.value, min(low, self.value), max(high, self.value))

    def p_value(self) -> float:
        """Two-sided p of a difference of nothing: the smallest 1 - confidence at which the interval leaves out 0.

        NaN where no resample varies: there is nothing to test.
        """
        if not self.varies:
            return np.nan
        deviations = (self.value - self.excess) / self.spread  # (2,)
        nearest = deviations.min() if self.value > 0 else -deviations.max() if self.value < 0 else 0.0
        return min(1.0, 2 * upper_tail(float(nearest)))


def deviation(percent: np.ndarray | float, images: int) -> np.ndarray:
    """Standard deviation of 0 or 100 of a single image, where a share of `percent` has 100.

    At least that of half an image in all of them, so that 0 and 100 percent can vary.
    """
    share = np.asarray(percent) / 100
    return 100 * np.sqrt(np.maximum(share * (1 - share), 0.5 / images))


def truth_below(value: float, error: float) -> float:
    """The truth in percent that a share exceeds by an error, measured in the deviation that this truth gives.

    Solves (value - truth) / sqrt(truth (100 - truth)) = error (Wilson 1927); a negative error gives a higher truth.
    """
    share, squared = value / 100, error**2
    root = abs(error) * np.sqrt(share * (1 - share) + squared / 4)
    return float(100 * np.clip((share + squared / 2 - np.sign(error) * root) / (1 + squared), 0, 1))
