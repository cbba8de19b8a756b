"""Outlines as arrays of points, float64 (n, 2), x to the right and y down.

Only + - * / and sqrt, element by element, in float64: IEEE 754 rounds these the same way on every machine, which it
does not promise for sin, cos or for the order of sums in a matrix product. Angles are whole degrees, clockwise on the
screen, and come from a table.
"""

import math
from functools import cache

import numpy as np


@cache
def _directions() -> np.ndarray:
    """cos and sin of 0..359 degrees, (360, 2), rounded to multiples of 2**-20.

    The mathematics libraries of two machines may differ in the last bit (1e-16); rounded this coarsely they agree,
    because no entry lies within 1e-4 of the middle between two multiples (a test checks it).
    """
    exact = [(math.cos(math.radians(degrees)), math.sin(math.radians(degrees))) for degrees in range(360)]
    return np.rint(np.array(exact) * 2.0**20) / 2.0**20


def direction(degrees: int) -> np.ndarray:
    """The unit vector (2,) that points `degrees` clockwise from the x axis."""
    return _directions()[degrees % 360]


def rotate(points: np.ndarray, degrees: int) -> np.ndarray:
    """Points (n, 2) turned clockwise about the origin."""
    cos, sin = direction(degrees)
    x, y = points[:, 0], points[:, 1]
    turned = np.empty_like(points)
    turned[:, 0] = x * cos - y * sin
    turned[:, 1] = x * sin + y * cos
    return turned


def ellipse(center: tuple[float, float], radii: tuple[float, float], tilt: int = 0, step: int = 15) -> np.ndarray:
    """An ellipse as a polygon with a corner every `step` degrees, (360 / step, 2)."""
    outline = _directions()[::step] * radii
    return (rotate(outline, tilt) if tilt else outline) + center


def smooth(points: np.ndarray, steps: int = 6, closed: bool = True) -> np.ndarray:
    """A Catmull-Rom curve through points (n, d): (n * steps, d) closed, ((n - 1) * steps + 1, d) open."""
    points = np.asarray(points, dtype=np.float64)
    if closed:
        padded = np.concatenate([points[-1:], points, points[:2]])
    else:
        padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    a, b, c, d = (padded[i : len(padded) - 3 + i, None, :] for i in range(4))
    wa, wb, wc, wd = _catmull_rom(steps)
    curve = (a * wa + b * wb + c * wc + d * wd).reshape(-1, points.shape[1])
    return curve if closed else np.concatenate([curve, points[-1:]])


@cache
def _catmull_rom(steps: int) -> np.ndarray:
    """The weights (4, steps, 1) of the four points around a piece of the curve."""
    t = (np.arange(steps) / steps)[:, None]
    return (
        np.stack(
            [2 * t * t - t - t * t * t, 2 - 5 * t * t + 3 * t * t * t, t + 4 * t * t - 3 * t * t * t, t * t * t - t * t]
        )
        / 2
    )


def ribbon(spine: np.ndarray) -> np.ndarray:
    """The outline (2n, 2) of a line with changing width; spine (n, 3) holds x, y and half the width."""
    count = len(spine)
    along = np.empty((count, 2))
    along[0], along[-1] = spine[1, :2] - spine[0, :2], spine[-1, :2] - spine[-2, :2]
    along[1:-1] = spine[2:, :2] - spine[:-2, :2]
    x, y = along[:, 0], along[:, 1]
    reach = spine[:, 2] / np.maximum(np.sqrt(x * x + y * y), 1e-9)
    normal = np.empty((count, 2))
    normal[:, 0], normal[:, 1] = -y * reach, x * reach
    return np.concatenate([spine[:, :2] + normal, (spine[:, :2] - normal)[::-1]])


def line(start: np.ndarray, end: np.ndarray, first: float, last: float) -> np.ndarray:
    """A straight tapered line as a polygon (4, 2); `first` and `last` are half the widths at its ends."""
    return ribbon(np.array([[start[0], start[1], first], [end[0], end[1], last]]))


@cache
def _leaf_profile() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Along one edge, back along the midrib and along the other edge: how far, how arched, how wide; each (27,)."""
    t = np.arange(9) / 8
    along = np.concatenate([t, t[::-1], t])
    arch = along * (1 - along) * 4
    side = np.concatenate([np.full(9, -0.5), np.zeros(9), np.full(9, 0.5)])
    return along, arch, side * arch * (1.3 - 0.6 * along)


def leaf(base: np.ndarray, degrees: int, length: float, width: float, bend: float) -> tuple[np.ndarray, np.ndarray]:
    """The two halves of a pointed leaf, polygons (18, 2) on either side of its bent midrib.

    `bend` is how far the middle bows aside, as a share of the length.
    """
    along, arch, across = _leaf_profile()
    points = np.empty((27, 2))
    points[:, 0] = along * length
    points[:, 1] = arch * (bend * length) + across * width
    points = rotate(points, degrees) + base
    return points[:18], points[9:]


def blade(base: np.ndarray, degrees: int, length: float, width: float, bend: float) -> np.ndarray:
    """A leaf without a midrib, one polygon (18, 2)."""
    first, second = leaf(base, degrees, length, width, bend)
    return np.concatenate([first[:9], second[:8:-1]])
