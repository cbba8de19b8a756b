"""The boxes around the regions of one score map at every threshold, exactly as wsolevaluation finds them, in one sweep.

The definition (Choe et al., CVPR 2020, in its published code): M = uint8(255 * map), truncated; a threshold t keeps the
pixels M > int(t * max(M)); contours by cv2.findContours with RETR_TREE and CHAIN_APPROX_SIMPLE, inner ones included; a
contour's box is (x, y, min(x + w, W - 1), min(y + h, H - 1)), one pixel beyond its right and bottom edge except at the
border; where nothing is kept there is one box, 0 0 0 0. Of contours of equal area the first counts as largest.

No contour is followed here. Only 255 levels can differ; their regions grow and join as the level falls, and from runs
of pixels (`runs`) come hills (`hills`), from hills the boxes and areas of all levels (`areas`, `sweep`).
- The outer contour of a region (8 neighbours) has the region's bounding box.
- The contour of a hole, a dark region (4 neighbours) that does not reach the border, runs over the bright pixels around
  it, so its box is one pixel wider on every side.
- A hole's contour lies inside the outer one, and comes after it, so it is never the largest. Nor is what lies in a
  hole. Hence the largest contour is that of the largest region once holes are filled (`filling`).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np

from camagain.evaluation.box_sweep.filling import without_holes
from camagain.evaluation.box_sweep.hills import Hills, find_hills
from camagain.evaluation.box_sweep.nesting import cv2_order
from camagain.evaluation.box_sweep.runs import Runs, cut_rows
from camagain.evaluation.box_sweep.sweep import Spans, all_components, largest_component
from camagain.evaluation.compiled import compiled
from camagain.evaluation.iou import iou

Contours = Literal["largest", "all"]
"""Which boxes count at a threshold: that of the contour of largest area (MaxBoxAcc), or every one (MaxBoxAccV2)."""

GROWN = np.array([-1, -1, 1, 1])
"""What is added to the box of a hole for the bright pixels around it, on which its contour runs."""

BEYOND = np.array([0, 0, 1, 1])
"""What wsolevaluation adds to every box: x + w is one pixel beyond the last."""


@dataclass(frozen=True)
class ContourBoxes:
    """The boxes of one map at all levels; what is asked for is computed once, when it is asked for."""

    pixels: np.ndarray  # (H, W) uint8

    def at_thresholds(self, thresholds: np.ndarray, contours: Contours) -> list[np.ndarray]:
        """T int64 arrays (k, 4), one for each threshold, each its own copy; "all" in the order of cv2."""
        check_contours(contours)
        levels, which = np.unique(self._levels(thresholds), return_inverse=True)
        boxes_at = self._largest_at if contours == "largest" else self._all_at
        boxes = [boxes_at(int(level)).astype(np.int64) for level in levels]
        return [boxes[i].copy() for i in which]

    def best_iou(self, truth: np.ndarray, thresholds: np.ndarray, contours: Contours) -> np.ndarray:
        """IoU of the best pair of a box of this map and a true box (k, 4), at thresholds (T,) -> (T,) float64."""
        check_contours(contours)
        best = np.zeros(256)
        for spans in (self._largest,) if contours == "largest" else (self._components, self._holes):
            _raise_best(best, spans.low, spans.high, iou(spans.boxes, truth))
        best[self.pixels.max() :] = iou(np.zeros((1, 4)), truth).max()  # nothing kept
        return best[self._levels(thresholds)]

    @property
    def largest_by_level(self) -> np.ndarray:
        """The box of the largest contour at each level, (256, 4) int16; zeros where nothing is kept."""
        boxes = np.zeros((256, 4), np.int16)
        boxes[self._largest.low] = self._largest.boxes  # each is of one level
        return boxes

    def _levels(self, thresholds: np.ndarray) -> np.ndarray:
        return (thresholds * float(self.pixels.max())).astype(np.int64)  # (T,) truncated towards zero

    def _largest_at(self, level: int) -> np.ndarray:
        boxes = self._largest.boxes[self._largest.low == level]
        return boxes if len(boxes) else np.zeros((1, 4))

    def _all_at(self, level: int) -> np.ndarray:
        components, holes = _at_level(self._components, level), _at_level(self._holes, level)
        if not len(components.boxes):
            return np.zeros((1, 4))
        order = cv2_order(self._bright, self._dark, components, holes, level)
        return np.concatenate([components.boxes, holes.boxes])[order]

    @cached_property
    def _bright(self) -> tuple[Runs, Hills]:
        runs = cut_rows(self.pixels)
        return runs, find_hills(runs, bright=True)

    @cached_property
    def _dark(self) -> tuple[Runs, Hills]:
        runs = cut_rows(255 - self.pixels)
        return runs, find_hills(runs, bright=False)

    @cached_property
    def _largest(self) -> Spans:
        filled = cut_rows(without_holes(*self._dark))
        return self._bounded(largest_component(filled, find_hills(filled, bright=True)))

    @cached_property
    def _components(self) -> Spans:
        return self._bounded(all_components(*self._bright))

    @cached_property
    def _holes(self) -> Spans:
        """Spans of levels of the map: in the negated image, above 254 - t means at most t."""
        holes = all_components(*self._dark)
        holes = holes._replace(low=254 - holes.high, high=254 - holes.low, boxes=holes.boxes + GROWN)
        return self._bounded(holes)

    def _bounded(self, spans: Spans) -> Spans:
        """The same spans with boxes that end one pixel beyond the contour, but inside the map."""
        height, width = self.pixels.shape
        return spans._replace(boxes=np.minimum(spans.boxes + BEYOND, [width, height, width - 1, height - 1]))


def _at_level(spans: Spans, level: int) -> Spans:
    here = (spans.low <= level) & (spans.high >= level)
    return Spans(*(column[here] for column in spans))


@compiled
def _raise_best(best: np.ndarray, low: np.ndarray, high: np.ndarray, ious: np.ndarray) -> None:
    """Raises the best IoU of each level, (256,), to those of the spans (M, k), in place."""
    for i in range(len(low)):
        for k in range(ious.shape[1]):
            for level in range(low[i], high[i] + 1):
                best[level] = max(best[level], ious[i, k])


def quantise(score_map: np.ndarray) -> np.ndarray:
    """A score map (H, W) in [0, 1] as 8-bit pixels, truncated; ValueError for any other shape or value.

    The product 255 * map is taken in float64 whatever the map's type, as wsolevaluation does.
    """
    scores = np.require(score_map, np.float64, ["C", "W", "E"])  # a base array: one type to compile for, rarely a copy
    if scores.ndim != 2 or not scores.size:
        raise ValueError(f"score map: found shape {scores.shape}, expected (H, W) with at least one pixel")
    pixels = np.empty(scores.shape, np.uint8)
    if _quantise(scores.reshape(-1), pixels.reshape(-1)):
        return pixels
    if np.isnan(scores).any():
        raise ValueError(f"score map: found {np.isnan(scores).sum()} NaN of {scores.size} values, expected none")
    raise ValueError(f"score map: found values from {scores.min()} to {scores.max()}, expected the range [0, 1]")


@compiled
def _quantise(scores: np.ndarray, pixels: np.ndarray) -> bool:
    """Writes the pixels; whether all scores are in [0, 1]."""
    valid = True
    for i in range(len(scores)):
        valid = valid & (scores[i] >= 0) & (scores[i] <= 1)
        pixels[i] = np.int32(scores[i] * 255)
    return valid


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
