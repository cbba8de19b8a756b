"""Means over images with bootstrap intervals, of measurements that are no accuracies.

Axes: N images, M measurements of each, R resamples. Resamples are those of `evaluation.uncertainty`: the same settings
and number of images draw the same images. Intervals speak of other images from the same source, not of another seed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from camagain.statistics.bootstrap import Sampling, interval_of, resample_weights


@dataclass(frozen=True)
class Estimate:
    """A number and the bounds of its interval, in its own unit; all three NaN where it is not defined."""

    value: float
    low: float
    high: float

    def columns(self) -> dict[str, float]:
        """The columns of a tidy table."""
        return {"value": self.value, "low": self.low, "high": self.high}

    def scaled(self, factor: float) -> "Estimate":
        """The same in another unit: a share as percent, say."""
        return Estimate(self.value * factor, self.low * factor, self.high * factor)


def means(values: np.ndarray, sampling: Sampling) -> list[Estimate]:
    """The mean over images of each measurement, (N, M) -> M estimates; a NaN says nothing and is left out."""
    known = np.isfinite(values)
    return ratios(np.where(known, values, 0), known.astype(np.float64), sampling)


def ratios(numerator: np.ndarray, denominator: np.ndarray, sampling: Sampling) -> list[Estimate]:
    """Sum over images through sum over images, (N, M) and (N, M) -> M estimates.

    With counts of channels below sums over channels this is a mean over all channels of all images, in which images are
    drawn as a whole. Where the lower sum is 0, in a resample or altogether, the ratio is not defined there.
    """
    columns = numerator.shape[1]
    both = np.concatenate([numerator, denominator], axis=1)  # (N, 2 M)
    return of_sums(both, lambda sums: divided(sums[:, :columns], sums[:, columns:]), sampling)


def of_sums(values: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray], sampling: Sampling) -> list[Estimate]:
    """What is computed from sums over images, values (N, S) and sums (r, S) -> (r, M): M estimates."""
    weights = resample_weights(len(values), sampling.resamples, sampling.seed)
    drawn = np.concatenate([statistic(rows @ values) for rows in weights])  # (R, M)
    own = statistic(values.sum(0, keepdims=True))[0]  # (M,)
    return [estimate(column, float(value), sampling.confidence) for column, value in zip(drawn.T, own, strict=True)]


def estimate(drawn: np.ndarray, value: float, confidence: float) -> Estimate:
    """A value of the sample itself with the percentiles of its resampled values (R,), those that are defined."""
    defined = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or not len(defined):
        return Estimate(np.nan, np.nan, np.nan)
    return Estimate(value, *interval_of(defined, value, confidence))


def divided(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Quotients, NaN where the lower number is 0; same shapes."""
    return np.divide(upper, lower, out=np.full(upper.shape, np.nan), where=lower != 0)
