"""How OpenCV resizes score maps on this machine, as numbers with which a page can do the same to the last bit.

OpenCV resizes rows first, then columns. Each new value is made of two neighbours (linear) or four (cubic). Which
weights they have, and whether a product and a sum are rounded once or twice, depends on the build: on x86 processors
OpenCV leaves linear resizing to a library of Intel's. So both are taken from what OpenCV does here.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from camagain.evaluation.score_maps import CV2_INTERPOLATION, Interpolation

ANY_SEED = 0

MANY = 0.01
"""Share of values that differ in their last digit where products and sums are not rounded one by one. On random maps
a third do with Intel's library; without it at most one in 200, which compilers round otherwise."""


@dataclass(frozen=True)
class Resizing:
    """How one axis is resized: new value t is made of the old values at `index[t]`, weighted by `weight[t]`."""

    index: np.ndarray  # (T, 2 or 4) int
    weight: np.ndarray  # (T, 2 or 4)
    fused: bool  # a + w (b - a) with one rounding of product and sum, not a (1 - w) + b w with three

    def plain(self) -> dict[str, Any]:
        """The same for JSON."""
        return {
            "index": self.index.ravel().tolist(),
            "weight": self.weight.astype(np.float64).ravel().tolist(),
            "fused": self.fused,
        }


def resizing(source: int, target: int, dtype: type, interpolation: Interpolation) -> Resizing:
    """How cv2 resizes an axis of `source` values to `target` values of a type, float32 or float64."""
    index, weight = (_linear if interpolation == "linear" else _cubic)(source, target, dtype)
    values: np.ndarray = np.random.default_rng(ANY_SEED).random((source, source)).astype(dtype)
    expected = cv2.resize(values, (target, target), interpolation=CV2_INTERPOLATION[interpolation])
    rows = _weighted(values, index, weight)  # (source, target)
    columns = _weighted(np.ascontiguousarray(rows.T), index, weight).T  # (target, target)
    fused = interpolation == "linear" and np.mean(columns != expected) > MANY
    return Resizing(index, weight, bool(fused))


def _weighted(values: np.ndarray, index: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Each product and each sum rounded, from left to right: (n, source) -> (n, target)."""
    total = values[:, index[:, 0]] * weight[:, 0]
    for k in range(1, index.shape[1]):
        total = total + values[:, index[:, k]] * weight[:, k]
    return total


def _linear(source: int, target: int, dtype: type) -> tuple[np.ndarray, np.ndarray]:
    """Two neighbours and their weights, read off the images of unit vectors: (target, 2) each."""
    units: np.ndarray = np.eye(source, dtype=dtype)
    weights = cv2.resize(units, (target, source), interpolation=cv2.INTER_LINEAR).T  # (target, source)
    first = np.minimum((weights != 0).argmax(1), max(0, source - 2))  # (target,)
    index = np.stack([first, np.minimum(first + 1, source - 1)], axis=1)
    weight = np.take_along_axis(weights, index, axis=1)
    if source == 1:
        weight[:, 1] = 0
    return index, weight


def _cubic(source: int, target: int, dtype: type) -> tuple[np.ndarray, np.ndarray]:
    """Four neighbours and their weights, computed in float32 as OpenCV computes them: (target, 4) each."""
    one, a = np.float32(1), np.float32(-0.75)
    place = ((np.arange(target) + 0.5) * (1 / (target / source)) - 0.5).astype(np.float32)
    first = np.floor(place).astype(np.int64)  # (target,)
    x = place - first.astype(np.float32)
    y = one - x

    def near(d: np.ndarray) -> np.ndarray:
        return ((a + 2) * d - (a + 3)) * d * d + 1

    outer = ((a * (x + 1) - 5 * a) * (x + 1) + 8 * a) * (x + 1) - 4 * a
    weight = np.stack([outer, near(x), near(y), one - outer - near(x) - near(y)], axis=1)
    index = np.clip(first[:, None] + np.arange(-1, 3), 0, source - 1)
    return index, weight.astype(dtype)
