"""Confidence intervals of accuracies, over the choice of images.

A share of images at a threshold fixed beforehand has Wilson's interval. A figure whose threshold is chosen on the same
images is bootstrapped: images are drawn again with replacement and the threshold is chosen anew in every resample.
Intervals speak of other images from the same source, not of another training run with another seed.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest

from camagain.evaluation.metrics import DELTAS

CHUNK = 64
"""Resamples handled together: 64 x 5,794 draws and 64 x 1,000 sums take 4 MB."""


class Interval(NamedTuple):
    """Bounds in percent."""

    low: float
    high: float


def wilson_interval(correct: np.ndarray, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a share: (N,) bool -> percent. Never of width zero, and inside [0, 100]."""
    share = binomtest(int(np.count_nonzero(correct)), len(correct))
    bounds = share.proportion_ci(confidence, method="wilson")
    return Interval(100 * float(bounds.low), 100 * float(bounds.high))


def max_box_acc_interval(
    ious: np.ndarray, delta: float = 0.5, *, resamples: int = 1000, confidence: float = 0.95, seed: int = 0
) -> Interval:
    """Bootstrap interval of `metrics.max_box_acc`: (N, T) -> percent."""
    return bootstrap([ious >= delta], lambda curves: curves[0].max(axis=1), resamples, confidence, seed)


def max_box_acc_v2_interval(
    ious: np.ndarray,
    deltas: Sequence[float] = DELTAS,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Bootstrap interval of `metrics.max_box_acc_v2`: (N, T) of contours="all" -> percent."""

    def mean_of_maxima(curves: list[np.ndarray]) -> np.ndarray:
        return np.mean([curve.max(axis=1) for curve in curves], axis=0)  # (r,)

    return bootstrap([ious >= delta for delta in deltas], mean_of_maxima, resamples, confidence, seed)


def top1_loc_interval(
    ious: np.ndarray,
    class_correct: np.ndarray,
    delta: float = 0.5,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Bootstrap interval of `metrics.top1_loc_at` at the best threshold of the boxes alone: (N, T), (N,) -> percent."""

    def at_best_box_acc(curves: list[np.ndarray]) -> np.ndarray:
        best = curves[0].argmax(axis=1)  # (r,)
        return curves[1][np.arange(len(best)), best]

    correct = ious >= delta
    return bootstrap([correct, correct & class_correct[:, None]], at_best_box_acc, resamples, confidence, seed)


def bootstrap(
    tables: Sequence[np.ndarray],
    statistic: Callable[[list[np.ndarray]], np.ndarray],
    resamples: int,
    confidence: float,
    seed: int,
) -> Interval:
    """Percentile bootstrap interval of a statistic of accuracy curves.

    `tables` are (N, T) bool, true where an image is correct. Each resample of the images gives one curve (T,) in
    percent for each table; `statistic` takes the curves of r resamples, each (r, T), and returns (r,) percent.
    The interval is widened where necessary to hold the statistic of the images themselves: the maximum over many
    thresholds is biased upwards by resampling, so that for few images all percentiles can lie above it.
    Where every image is correct, or none, resampling cannot vary anything and the interval has width zero.
    The same seed gives the same bounds, whatever the number of threads: sums of 0s and 1s are exact in float32.
    """
    images = len(tables[0])
    numbers = [np.asarray(table, dtype=np.float32) for table in tables]
    draws = [
        statistic([(weights @ number).astype(np.float64) * 100.0 / images for number in numbers])  # (r, N) @ (N, T)
        for weights in _resample_weights(images, resamples, seed)
    ]
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.concatenate(draws), [tail, 1 - tail])
    value = statistic([number.sum(axis=0, dtype=np.float64)[None] * 100.0 / images for number in numbers])[0]
    return Interval(float(min(low, value)), float(max(high, value)))


def _resample_weights(images: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each image is drawn in each resample, in chunks of (r, N) float32; every row sums to N."""
    generator = np.random.Generator(np.random.Philox(seed))
    for start in range(0, resamples, CHUNK):
        rows = min(CHUNK, resamples - start)
        drawn = generator.integers(images, size=(rows, images)) + images * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * images)
        yield counts.reshape(rows, images).astype(np.float32)
