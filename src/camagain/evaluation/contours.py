"""The boxes around the regions of one score map at every threshold, from a single pass of cv2.findContours.

A map is truncated to 8 bits before it is thresholded, so a grid of 1,000 thresholds meets at most 255 different masks;
each mask is searched once. Everything that needs contours goes through `contour_boxes`, the one place to make faster.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np

from camagain.evaluation.iou import iou

Contours = Literal["largest", "all"]
"""Which boxes count at a threshold: that of the contour of largest area (MaxBoxAcc), or every one (MaxBoxAccV2)."""


@dataclass(frozen=True)
class ContourBoxes:
    """The boxes of one map, stored once for each different mask (L of them) and looked up by threshold (T of them)."""

    boxes: np.ndarray  # (M, 4) int64 x0 y0 x1 y1, masks one after the other, each in cv2's order of contours
    first: np.ndarray  # (L,) row of `boxes` where a mask begins
    largest: np.ndarray  # (L,) row of `boxes` of a mask's contour of largest area
    mask: np.ndarray  # (T,) which of the L masks a threshold gives

    def at_thresholds(self, contours: Contours) -> list[np.ndarray]:
        """T arrays (k, 4), one for each threshold, each its own copy."""
        check_contours(contours)
        if contours == "largest":
            return list(self.boxes[self.largest[self.mask], None])  # (T, 1, 4)
        per_mask = np.split(self.boxes, self.first[1:])
        return [per_mask[mask].copy() for mask in self.mask]

    def best_iou(self, truth: np.ndarray, contours: Contours) -> np.ndarray:
        """IoU of the best pair of a box of this map and a true box, (k, 4) -> (T,) float64."""
        check_contours(contours)
        boxes = self.boxes[self.largest] if contours == "largest" else self.boxes  # (L, 4) or (M, 4)
        best = iou(boxes, truth).max(axis=1)  # (L,) or (M,)
        return (best if contours == "largest" else np.maximum.reduceat(best, self.first))[self.mask]  # (T,)


def contour_boxes(score_map: np.ndarray, thresholds: np.ndarray) -> ContourBoxes:
    """Boxes of a score map (H, W) in [0, 1] at thresholds (T,) in [0, 1], exactly as wsolevaluation finds them.

    The definition (Choe et al., CVPR 2020, in its published code): M = uint8(255 * map), truncated; a threshold t keeps
    the pixels M > int(t * max(M)); contours by cv2.findContours with RETR_TREE and CHAIN_APPROX_SIMPLE, inner ones
    included; a contour's box is (x, y, min(x + w, W - 1), min(y + h, H - 1)), one pixel beyond its right and bottom
    edge except at the border; where nothing is kept there is one box, 0 0 0 0. Of contours of equal area the first
    counts as largest.
    The product 255 * map is taken in float64 whatever the map's type, as wsolevaluation does.
    """
    pixels = quantise(score_map)
    values = np.unique(pixels)  # (V,) ascending
    levels = (check_thresholds(thresholds) * float(values[-1])).astype(np.int64)  # (T,) truncated towards zero
    # Levels with the same pixel values below them cut out the same mask.
    rank, example, mask = np.unique(
        np.searchsorted(values, levels, side="right"), return_index=True, return_inverse=True
    )
    found = [_boxes_above(pixels, int(levels[i])) for i in example]
    first = np.cumsum([0] + [len(boxes) for boxes, _ in found])[: len(rank)]  # (L,)
    largest = first + np.array([row for _, row in found], dtype=np.int64)  # (L,)
    boxes = np.concatenate([boxes for boxes, _ in found]) if found else np.empty((0, 4), dtype=np.int64)
    return ContourBoxes(boxes, first, largest, mask)


def _boxes_above(pixels: np.ndarray, level: int) -> tuple[np.ndarray, int]:
    """Boxes (k, 4) of the regions brighter than a level, in cv2's order, and which of them has the largest contour."""
    height, width = pixels.shape
    mask = cv2.threshold(pixels, level, 255, cv2.THRESH_BINARY)[1]
    contours = cv2.findContours(mask, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)[0]
    if not contours:
        return np.zeros((1, 4), dtype=np.int64), 0
    boxes = np.array([cv2.boundingRect(contour) for contour in contours], dtype=np.int64)  # (k, 4) x y w h
    boxes[:, 2] = np.minimum(boxes[:, 0] + boxes[:, 2], width - 1)
    boxes[:, 3] = np.minimum(boxes[:, 1] + boxes[:, 3], height - 1)
    return boxes, int(np.argmax([cv2.contourArea(contour) for contour in contours]))


def quantise(score_map: np.ndarray) -> np.ndarray:
    """A score map (H, W) in [0, 1] as 8-bit pixels, truncated; ValueError for any other shape or value."""
    scores = np.asarray(score_map, dtype=np.float64)
    if scores.ndim != 2 or not scores.size:
        raise ValueError(f"score map: found shape {scores.shape}, expected (H, W) with at least one pixel")
    low, high = scores.min(), scores.max()
    if np.isnan(low):
        raise ValueError(f"score map: found {np.isnan(scores).sum()} NaN of {scores.size} values, expected none")
    if low < 0 or high > 1:
        raise ValueError(f"score map: found values from {low} to {high}, expected the range [0, 1]")
    return (scores * 255).astype(np.uint8)


def check_thresholds(thresholds: np.ndarray) -> np.ndarray:
    """Thresholds as float64 (T,); ValueError when not one-dimensional or outside [0, 1]."""
    array = np.asarray(thresholds, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"thresholds: found shape {array.shape}, expected (T,)")
    if not ((array >= 0) & (array <= 1)).all():
        raise ValueError(f"thresholds: found {array.min()} to {array.max()}, expected shares of the maximum in [0, 1]")
    return array


def check_contours(contours: str) -> None:
    """ValueError unless it is a known way of choosing contours."""
    if contours not in get_args(Contours):
        raise ValueError(f"contours: found {contours!r}, expected 'largest' or 'all'")
