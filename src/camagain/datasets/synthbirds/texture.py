"""Smooth noise, colour ramps and relief, in integers."""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

from camagain.datasets.synthbirds.classes import Colour
from camagain.datasets.synthbirds.dice import Dice

STEPS = 64
"""A cell of the noise lattice is divided this finely, so that the spline's weights are small integers."""

SPLINE_BITS = 13
"""The three weights of the quadratic B-spline add up to 2 * STEPS ** 2 = 2 ** 13."""


@lru_cache(maxsize=64)
def _spline(size: int, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Of each pixel along one axis the first of its three lattice points (size,) and their weights, int32 (3, size)."""
    position = (2 * np.arange(size) + 1) * cells * STEPS // (2 * size)
    first, t = position // STEPS, (position % STEPS).astype(np.int32)
    u = STEPS - t
    return first, np.stack([u * u, STEPS * STEPS + 2 * t * u, t * t])


def upsample(lattice: np.ndarray, size: int) -> np.ndarray:
    """A lattice (a + 2, b + 2) of values 0-255 spread smoothly over a square: int32 (size, size), 0-255."""
    rows, (a, b, c) = _spline(size, lattice.shape[0] - 2)
    columns, (p, q, r) = _spline(size, lattice.shape[1] - 2)
    values = lattice.astype(np.int32)
    tall = values[rows] * a[:, None] + values[rows + 1] * b[:, None] + values[rows + 2] * c[:, None]
    tall >>= 4  # so that the next sum stays below 2 ** 30
    wide = tall[:, columns] * p + tall[:, columns + 1] * q + tall[:, columns + 2] * r
    return wide >> 2 * SPLINE_BITS - 4


def noise(dice: Dice, size: int, octaves: Sequence[tuple[int, int, int]]) -> np.ndarray:
    """Smooth noise around 0, int32 (size, size); an octave is (cells across, cells down, amplitude)."""
    total = np.zeros((size, size), np.int32)
    for across, down, amplitude in octaves:
        total += ((upsample(dice.bytes(down + 2, across + 2), size) - 128) * amplitude) >> 6
    return total


def ramp(stops: Sequence[Colour]) -> np.ndarray:
    """256 colours that run evenly through the stops, int32 (256, 3)."""
    positions = np.arange(256) * (len(stops) - 1)
    low = np.minimum(positions // 255, len(stops) - 2)
    rest = (positions - low * 255)[:, None]
    table = np.array(stops, dtype=np.int32)
    return ((table[low] * (255 - rest) + table[low + 1] * rest) // 255).astype(np.int32)


def blur(field: np.ndarray, radius: int) -> np.ndarray:
    """The mean over a square window of side 2 * radius + 1, twice, rounded down; int32 (size, size), edges repeated."""
    side = 2 * radius + 1
    for _ in range(2):
        sums = cv2.boxFilter(field, cv2.CV_32S, (side, side), normalize=False, borderType=cv2.BORDER_REPLICATE)
        field = sums // (side * side)
    return field


def relief(cover: np.ndarray, full: int, radius: int) -> np.ndarray:
    """How light from above falls on a rounded body of silhouette `cover` (0..full): -256 below to 256 above, int32."""
    radius = max(1, radius)
    height = blur(cover.astype(np.int32) * 256 // full, radius)
    wide = cv2.copyMakeBorder(height, radius, radius, radius, radius, cv2.BORDER_REPLICATE)
    here = slice(radius, -radius)
    above, below = wide[: -2 * radius, here], wide[2 * radius :, here]
    left, right = wide[here, : -2 * radius], wide[here, 2 * radius :]
    return ((below - above) * 3 + (right - left)) // 4
