"""Lowers the threshold from 254 to 0 and keeps the bounding boxes of the components as they grow and join."""

from typing import NamedTuple

import numpy as np

from camagain.evaluation.box_sweep.areas import doubled_areas
from camagain.evaluation.box_sweep.hills import Hills, at_values
from camagain.evaluation.box_sweep.runs import Runs, peak_pixels
from camagain.evaluation.compiled import compiled

X0, Y0, X1, Y1, RUN = range(5)
"""Columns of the table of boxes, one row for each hill. RUN: the run of the component's first pixel, row by row."""


class Spans(NamedTuple):
    """M bounding boxes of components, each with the levels (the t of "pixels above t") at which it is the box."""

    low: np.ndarray  # (M,) int64, lowest level
    high: np.ndarray  # (M,) int64, highest level, inclusive
    boxes: np.ndarray  # (M, 4) int64, x0 y0 x1 y1, both corners inside
    run: np.ndarray  # (M,) int64, the run that holds the component's first pixel, row by row, at these levels
    hill: np.ndarray  # (M,) int64, the component's highest hill


def largest_component(runs: Runs, hills: Hills) -> Spans:
    """At each level the component with the largest contour, of an image of bright components without holes.

    Of equal areas the one counts whose first pixel, row by row, comes last: cv2.findContours lists neighbouring
    contours in reverse order of discovery, and max() keeps the first of equals. A contour without area counts too.
    """
    pixels = peak_pixels(runs)
    return _spans(_largest(doubled_areas(runs, hills), hills.joins, pixels, at_values(hills, pixels)))


def all_components(runs: Runs, hills: Hills) -> Spans:
    """Every component that is not the outside, at every level: a new span each time that its box changes."""
    pixels = peak_pixels(runs)
    return _spans(_all(len(hills.height), hills.joins, pixels, at_values(hills, pixels)))


def _spans(table: np.ndarray) -> Spans:
    columns = np.ascontiguousarray(table.T)  # (8, M)
    return Spans(columns[0], columns[1], columns[2:6].T, columns[6], columns[7])


@compiled
def _largest(areas: np.ndarray, joins: np.ndarray, pixels: np.ndarray, hill: np.ndarray) -> np.ndarray:
    boxes, taken_in = _no_boxes(len(areas)), np.zeros(len(areas), np.uint8)
    roots, count = np.empty(len(areas), np.int64), 0
    spans, n = np.empty((255, 8), np.int64), 0
    join = pixel = 0
    for level in range(254, -1, -1):
        while join < len(joins) and joins[join, 0] > level:
            _, lower, higher = joins[join]
            _join(boxes, lower, higher)
            taken_in[lower] = True
            join += 1
        while pixel < len(pixels) and pixels[pixel, 0] > level:
            if boxes[hill[pixel], X1] < 0:
                roots[count] = hill[pixel]
                count += 1
            _extend(boxes, hill[pixel], pixels, pixel)
            pixel += 1
        best, kept = -1, 0
        for k in range(count):
            root = roots[k]
            if taken_in[root]:
                continue
            roots[kept] = root
            kept += 1
            more = areas[root, level] - areas[best, level] if best >= 0 else 1
            if more > 0 or (more == 0 and boxes[root, RUN] > boxes[best, RUN]):
                best = root
        count = kept
        if best >= 0:
            n = _append(spans, n, level, level, boxes, best)
    return spans[:n]


@compiled
def _all(hills: int, joins: np.ndarray, pixels: np.ndarray, hill: np.ndarray) -> np.ndarray:
    outside = hills - 1
    boxes = _no_boxes(hills)
    since = np.full(hills, -1, np.int64)  # the level from which the present box has been valid; -1: not there, or over
    spans, n = np.empty((len(pixels) + len(joins) + hills, 8), np.int64), 0
    join = pixel = 0
    for level in range(254, -1, -1):
        while join < len(joins) and joins[join, 0] > level:
            _, lower, higher = joins[join]
            n = _close(spans, n, level, since, boxes, lower)
            since[lower] = -1
            if higher != outside:
                n = _close(spans, n, level, since, boxes, higher)
                since[higher] = level
                _join(boxes, lower, higher)
            join += 1
        while pixel < len(pixels) and pixels[pixel, 0] > level:
            root = hill[pixel]
            if root != outside and _is_news(boxes, root, pixels, pixel):
                n = _close(spans, n, level, since, boxes, root)
                since[root] = level
                _extend(boxes, root, pixels, pixel)
            pixel += 1
    for root in range(hills):
        n = _close(spans, n, -1, since, boxes, root)
    return spans[:n]


@compiled
def _close(spans: np.ndarray, n: int, level: int, since: np.ndarray, boxes: np.ndarray, root: int) -> int:
    """Writes down a box that was valid down to just above a level, if it was valid at all: the new number of spans."""
    return _append(spans, n, level + 1, since[root], boxes, root) if since[root] > level else n


@compiled
def _append(spans: np.ndarray, n: int, low: int, high: int, boxes: np.ndarray, root: int) -> int:
    spans[n, 0], spans[n, 1], spans[n, 7] = low, high, root
    for k in range(5):
        spans[n, 2 + k] = boxes[root, k]
    return n + 1


@compiled
def _no_boxes(hills: int) -> np.ndarray:
    """Boxes that hold nothing, which any pixel extends to itself."""
    boxes = np.empty((hills, 5), np.int64)
    for i in range(hills):
        boxes[i, X0] = boxes[i, Y0] = boxes[i, RUN] = 2**31 - 1
        boxes[i, X1] = boxes[i, Y1] = -1
    return boxes


@compiled
def _is_news(boxes: np.ndarray, root: int, pixels: np.ndarray, pixel: int) -> bool:
    """Whether a pixel lies outside a box or in an earlier run."""
    _, run, x, y = pixels[pixel]
    inside = boxes[root, X0] <= x <= boxes[root, X1] and boxes[root, Y0] <= y <= boxes[root, Y1]
    return not inside or run < boxes[root, RUN]


@compiled
def _extend(boxes: np.ndarray, root: int, pixels: np.ndarray, pixel: int) -> None:
    """Extends a box to hold a pixel."""
    _, run, x, y = pixels[pixel]
    boxes[root, X0], boxes[root, X1] = min(boxes[root, X0], x), max(boxes[root, X1], x)
    boxes[root, Y0], boxes[root, Y1] = min(boxes[root, Y0], y), max(boxes[root, Y1], y)
    boxes[root, RUN] = min(boxes[root, RUN], run)


@compiled
def _join(boxes: np.ndarray, lower: int, higher: int) -> None:
    """Extends the box of the higher of two hills to hold that of the lower."""
    for k in (X0, Y0, RUN):
        boxes[higher, k] = min(boxes[higher, k], boxes[lower, k])
    for k in (X1, Y1):
        boxes[higher, k] = max(boxes[higher, k], boxes[lower, k])
