"""Numbers with their values in resamples of the images, and the estimates that follow: a value with its interval.

Every number of the same N images is resampled alike: resample i draws the same images for all of them. So the interval
of a difference is paired: what makes an image easy for both numbers cancels.

Axes: N images, M measurements of each, S sums, R resamples, r of them handled together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

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


UNDEFINED = Estimate(np.nan, np.nan, np.nan)


class Number(Protocol):
    """A number of the sample whose error is known from resamples; arithmetic is among numbers of one kind."""

    @property
    def value(self) -> float: ...

    def __sub__(self, other: Any) -> Any: ...

    @classmethod
    def mean(cls, numbers: Any) -> Any: ...

    def estimate(self, confidence: float) -> Estimate: ...


@dataclass(frozen=True)
class Resampled:
    """A number of the sample itself and its value in each resample, in one unit."""

    value: float
    draws: np.ndarray  # (R,); NaN where a resample does not define it

    def __sub__(self, other: "Resampled") -> "Resampled":
        return Resampled(self.value - other.value, self.draws - other.draws)

    @classmethod
    def mean(cls, numbers: "Sequence[Resampled]") -> "Resampled":
        """The mean of several numbers of the same images."""
        return cls(
            float(np.mean([number.value for number in numbers])), np.mean([number.draws for number in numbers], axis=0)
        )

    def estimate(self, confidence: float) -> Estimate:
        """The number with its percentile interval, of those resamples that define it."""
        defined = self.draws[np.isfinite(self.draws)]
        if not np.isfinite(self.value) or not len(defined):
            return UNDEFINED
        return Estimate(self.value, *interval_of(defined, self.value, confidence))


def mean_percent(values: np.ndarray, sampling: Sampling) -> Resampled:
    """The mean over images of shares as percent, or of differences of shares as points: (N,) -> one number."""
    weights = resample_weights(len(values), sampling.resamples, sampling.seed)
    draws = np.concatenate([chunk @ values.astype(np.float64) for chunk in weights]) * 100 / len(values)  # (R,)
    return Resampled(float(values.mean() * 100), draws)


def means(values: np.ndarray, sampling: Sampling) -> list[Estimate]:
    """The mean over images of each measurement, (N, M) -> M estimates; a NaN is no measurement and is left out."""
    known = np.isfinite(values)
    return ratios(np.where(known, values, 0), known.astype(np.float64), sampling)


def ratios(numerator: np.ndarray, denominator: np.ndarray, sampling: Sampling) -> list[Estimate]:
    """One sum over images divided by another, (N, M) and (N, M) -> M estimates.

    With sums over channels above and counts of channels below, this is a mean over all channels of all images, in which
    images are drawn as a whole. Where the lower sum is 0, in a resample or altogether, the ratio is not defined there.
    """
    columns = numerator.shape[1]
    both = np.concatenate([numerator, denominator], axis=1)  # (N, 2 M)
    return of_sums(both, lambda sums: divided(sums[:, :columns], sums[:, columns:]), sampling)


def of_sums(values: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray], sampling: Sampling) -> list[Estimate]:
    """What is computed from sums over images, values (N, S) and sums (r, S) -> (r, M): M estimates."""
    weights = resample_weights(len(values), sampling.resamples, sampling.seed)
    drawn = np.concatenate([statistic(rows @ values) for rows in weights])  # (R, M)
    own = statistic(values.sum(0, keepdims=True))[0]  # (M,)
    return [
        Resampled(float(value), draws).estimate(sampling.confidence) for draws, value in zip(drawn.T, own, strict=True)
    ]


def divided(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Quotients, NaN where the lower number is 0; same shapes."""
    return np.divide(upper, lower, out=np.full(upper.shape, np.nan), where=lower != 0)
