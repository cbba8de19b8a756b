"""The bootstrap over images, and intervals: which images a resample draws, and what bounds follow from resamples.

An interval speaks of other images from the same source, not of another training with another seed.

Axes: N images, R resamples, r resamples that are handled together.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np

from camagain.statistics.confidence import CONFIDENCE

CHUNK = 64
"""Resamples that are handled together: 64 x 5,794 draws and 64 x 1,000 sums take 4 MB."""


class Interval(NamedTuple):
    """Bounds, in the unit of what they are of."""

    low: float
    high: float


@dataclass(frozen=True)
class Sampling:
    """How a bootstrap is drawn. The same settings and number of images give the same resamples."""

    resamples: int = 1000
    confidence: float = CONFIDENCE
    seed: int = 0


def resample_weights(images: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each image is drawn in each resample, in chunks of (r, N) float32; every row sums to N."""
    generator = np.random.Generator(np.random.Philox(seed))
    for start in range(0, resamples, CHUNK):
        rows = min(CHUNK, resamples - start)
        drawn = generator.integers(images, size=(rows, images)) + images * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * images)
        yield counts.reshape(rows, images).astype(np.float32)


def interval_of(values: np.ndarray, value: float, confidence: float) -> Interval:
    """The percentile interval of resampled values (R,), widened where necessary to hold `value`, that of the sample.

    For means, ratios and areas; not for a maximum, which resampling biases a second time (see `accuracies`).
    """
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return Interval(float(min(low, value)), float(max(high, value)))


def wilson_interval(correct: np.ndarray, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's score interval of a share: (N,) bool -> percent. Never of width zero, and inside [0, 100].

    For a share whose threshold, if any, was fixed beforehand (Wilson 1927).
    """
    from scipy.special import ndtri

    images, right = len(correct), int(np.count_nonzero(correct))
    deviations, share = float(ndtri(0.5 + 0.5 * confidence)), right / images
    whole = 2 * (images + deviations**2)
    centre = (2 * images * share + deviations**2) / whole
    half = deviations / whole * sqrt(4 * images * share * (1 - share) + deviations**2)
    low, high = centre - half if right else 0.0, centre + half if right < images else 1.0  # exact at the ends
    return Interval(100 * low, 100 * high)
