"""Confidence intervals of accuracies, over the choice of images.

A share of images at a threshold fixed beforehand has Wilson's interval. A figure whose threshold is chosen on the same
images is bootstrapped: images are drawn again with replacement and the threshold is chosen anew in every resample.
Intervals speak of other images from the same source, not of another training run with another seed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest

from camagain.statistics.correctness import Correct

CHUNK = 64
"""Resamples handled together: 64 x 5,794 draws and 64 x 1,000 sums take 4 MB."""

Statistic = Callable[[list[np.ndarray]], np.ndarray]
"""What is computed from the accuracy curves of r resamples, each (r, T) in percent: -> (r,) percent."""


class Interval(NamedTuple):
    """Bounds in percent, or of a difference in points."""

    low: float
    high: float


@dataclass(frozen=True)
class Sampling:
    """How a bootstrap is drawn. The same settings and number of images give the same resamples."""

    resamples: int = 1000
    confidence: float = 0.95
    seed: int = 0


def wilson_interval(correct: np.ndarray, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a share: (N,) bool -> percent. Never of width zero, and inside [0, 100]."""
    share = binomtest(int(np.count_nonzero(correct)), len(correct))
    bounds = share.proportion_ci(confidence, method="wilson")
    return Interval(100 * float(bounds.low), 100 * float(bounds.high))


def mean_at_best(curves: list[np.ndarray]) -> np.ndarray:
    """The mean of curves, each where its own chooser is highest; of equals the first. `curves` alternate: one that
    chooses the threshold, one that counts there."""
    rows = np.arange(len(curves[0]))
    counted = [count[rows, choose.argmax(axis=1)] for choose, count in zip(curves[::2], curves[1::2], strict=True)]
    return np.mean(counted, axis=0)  # (r,)


def bootstrap(tables: Sequence[Correct], statistic: Statistic, sampling: Sampling) -> Interval:
    """Percentile bootstrap interval of a statistic of accuracy curves.

    The interval is widened where necessary to hold the statistic of the images themselves: the maximum over many
    thresholds is biased upwards by resampling, so that for few images all percentiles can lie above it.
    Where every image is correct, or none, resampling cannot vary anything and the interval has width zero.
    """
    value = float(statistic([table.curve()[None] for table in tables])[0])
    return interval_of(draws(tables, statistic, sampling), value, sampling.confidence)


def draws(tables: Sequence[Correct], statistic: Statistic, sampling: Sampling) -> np.ndarray:
    """The statistic of each resample of the images, (R,).

    The same seed gives the same values, whatever the number of threads: sums of 0s and 1s are exact in float32.
    """
    images = len(tables[0])
    distinct = {id(table): table for table in tables}  # MaxBoxAcc is chosen and counted in one table
    drawn = []
    for weights in resample_weights(images, sampling.resamples, sampling.seed):
        curves = {key: table.sums(weights) * 100.0 / images for key, table in distinct.items()}  # (r, T) each
        drawn.append(statistic([curves[id(table)] for table in tables]))
    return np.concatenate(drawn)


def interval_of(values: np.ndarray, value: float, confidence: float) -> Interval:
    """The percentiles of resampled values (R,), widened where necessary to hold the value of the sample itself."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return Interval(float(min(low, value)), float(max(high, value)))


def resample_weights(images: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each image is drawn in each resample, in chunks of (r, N) float32; every row sums to N."""
    generator = np.random.Generator(np.random.Philox(seed))
    for start in range(0, resamples, CHUNK):
        rows = min(CHUNK, resamples - start)
        drawn = generator.integers(images, size=(rows, images)) + images * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * images)
        yield counts.reshape(rows, images).astype(np.float32)
