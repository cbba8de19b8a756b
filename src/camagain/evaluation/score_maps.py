"""From stored score maps to what the evaluator expects, and between pixels of images and pixels of maps."""

from collections.abc import Iterable, Iterator
from typing import Literal

import cv2
import numpy as np

Interpolation = Literal["linear", "cubic"]
Variant = Literal["published", "described"]

CV2_INTERPOLATION = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}


SCRIPT_SIZE = 384
"""Side to which the authors' script resizes its maps before it rounds them to 8 bits, pixels."""


def score_maps(
    maps: Iterable[np.ndarray], size: int, interpolation: Interpolation = "linear", variant: Variant = "described"
) -> Iterator[np.ndarray]:
    """Upsampled, normalised score maps, one at a time: (h, w) each -> (size, size) float64 in [0, 1] each.

    - `described`: resized and scaled to span [0, 1]. wsolevaluation resizes with "cubic", the paper's script with
      "linear". Everything is computed in float64, as in wsolevaluation: a float32 map differs in the last place, which
      the truncation to 8 bits that follows can turn into another level.
    - `published`: first what the authors' script saves (see `script_map`), and that resized where `size` is another.

    ValueError for NaN, infinities or a wrong shape; wsolevaluation turns NaN into zeros instead.
    """
    for low_resolution in maps:
        if variant == "published":
            saved = script_map(low_resolution)  # (384, 384)
            yield saved if size == SCRIPT_SIZE else normalise(upsample(saved, size, interpolation))
        else:
            yield normalise(upsample(low_resolution, size, interpolation))


def script_map(score_map: np.ndarray) -> np.ndarray:
    """The map as the authors' script saves it: (h, w) -> (384, 384) float64 in [0, 1].

    Resized linearly in float32, times 255, cut to whole numbers, wrapped to 8 bits (256 becomes 0 and -1 becomes 255:
    a PC1 map leaves [0, 1]), and scaled to span [0, 1]. The wrap is numpy's cast on x86; elsewhere theirs may differ. A
    map of one value is 0/0 there and zeros here.
    """
    values = checked(score_map, np.float32)
    resized = cv2.resize(values, (SCRIPT_SIZE, SCRIPT_SIZE), interpolation=cv2.INTER_LINEAR)
    levels = (255 * resized).astype(np.int32).astype(np.uint8)
    low, high = int(levels.min()), int(levels.max())
    if low == high:
        return np.zeros(levels.shape)
    return cv2.LUT(levels, (np.arange(256.0) - low) / (high - low))  # each level is scaled once, and not each pixel


def upsample(score_map: np.ndarray, size: int, interpolation: Interpolation = "linear") -> np.ndarray:
    """The map resized by cv2 to a square: (h, w) -> (size, size) float64, values as they come (cubic overshoots)."""
    if interpolation not in CV2_INTERPOLATION:
        raise ValueError(f"interpolation: found {interpolation!r}, expected one of {sorted(CV2_INTERPOLATION)}")
    return cv2.resize(checked(score_map, np.float64), (size, size), interpolation=CV2_INTERPOLATION[interpolation])


def checked(score_map: np.ndarray, dtype: type) -> np.ndarray:
    """The map in a type; ValueError unless it is two-dimensional and finite."""
    values: np.ndarray = np.asarray(score_map, dtype=dtype)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"score map: found shape {values.shape}, expected (h, w) with at least one value")
    if not np.isfinite(values).all():
        raise ValueError(
            f"score map: found {(~np.isfinite(values)).sum()} values that are NaN or infinite, expected none"
        )
    return values


def normalise(score_map: np.ndarray) -> np.ndarray:
    """The map shifted and divided so that its values span [0, 1]; a constant map becomes zeros. Shape unchanged."""
    shifted = score_map - score_map.min()
    peak = shifted.max()
    if peak == 0:
        return np.zeros_like(shifted)
    return shifted / peak


def scale_boxes(boxes: np.ndarray, width: int, height: int, size: int) -> np.ndarray:
    """Boxes in pixels of an image as boxes in pixels of a map: (k, 4) x0 y0 x1 y1 -> (k, 4) int64.

    x * size / width, truncated, in this order of operations, as wsolevaluation does it.
    """
    original = np.array([width, height, width, height], dtype=np.float64)
    return (np.asarray(boxes, dtype=np.float64) * float(size) / original).astype(np.int64)


def unscale_boxes(boxes: np.ndarray, widths: np.ndarray, heights: np.ndarray, size: int) -> np.ndarray:
    """Boxes in pixels of the maps as boxes in pixels of N images: (N, 4), (N,), (N,) -> (N, 4) float64.

    x * width / size: undoes `scale_boxes` except for its truncation, so up to one map pixel is lost on the way.
    """
    original = np.stack([widths, heights, widths, heights], axis=1).astype(np.float64)  # (N, 4)
    return np.asarray(boxes, dtype=np.float64) * original / size
