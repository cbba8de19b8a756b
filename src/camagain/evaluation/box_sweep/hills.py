"""Joins the runs of an image into hills, and says at which value which hills join.

A hill is what belongs to one regional maximum. At a threshold t, a component of the pixels above t is made of the hills
that rise above t and have joined at values above t; so hills and the list of their joins hold the components of all
thresholds (a merge tree: Carr, Snoeyink and Axen, "Computing contour trees in all dimensions", 2003; computed by
union-find along falling values as in Salembier et al.'s max-tree, but over runs instead of pixels).

Dark components are those of the negated image. They touch along edges only, not at corners, and those at the border
belong to what surrounds the image, which is a hill of its own there: the outside, higher than any other.
"""

from typing import NamedTuple

import numpy as np

from camagain.evaluation.box_sweep.runs import Runs
from camagain.evaluation.compiled import compiled

OUTSIDE = 256
"""The height of the outside in an image of dark components, above all values."""


class Hills(NamedTuple):
    """The B hills of an image. Hill 0 to B - 2 are of pixels; B - 1 is the outside, of height 0 if it plays no part."""

    of_run: np.ndarray  # (R + 1,) int64, the hill that a run belongs to; the last entry is the outside
    height: np.ndarray  # (B,) int64, the value of the maximum
    joins: np.ndarray  # (J, 3) int64 value, hill, the higher hill that takes it in; in descending order of value


def find_hills(runs: Runs, bright: bool) -> Hills:
    """The hills of an image of bright components (8 neighbours), or of a negated one of dark components (4)."""
    return Hills(*_find_hills(*runs, int(bright), 0 if bright else OUTSIDE))


def at_values(hills: Hills, pixels: np.ndarray) -> np.ndarray:
    """The hill that the hill of each pixel has joined by its value; (E, 4) value, run, ..., brightest first -> (E,)."""
    return _at_values(hills.of_run, len(hills.height), hills.joins, pixels)


@compiled
def _find_hills(
    image: np.ndarray, first: np.ndarray, start: np.ndarray, peak: np.ndarray, reach: int, outside: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    hill, height, saddles = _link_runs(image, first, start, peak, reach, outside)
    return hill, height, _join_hills(height, saddles)


@compiled
def _link_runs(
    image: np.ndarray, first: np.ndarray, start: np.ndarray, peak: np.ndarray, reach: int, outside: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hills, and the saddles between them, which may name a pair of hills more than once: (S, 3) value, hill, hill.

    `reach` is 1 if pixels touch at corners too, else 0; `outside` is the height of the outside, 0 for none.
    """
    runs = len(start)
    parent, top = np.arange(runs + 1), np.empty(runs + 1, np.int64)
    top[runs] = outside
    saddles, n = np.empty((3 * runs + 2 * len(image), 3), np.int64), 0
    for y in range(len(image)):
        for i in range(first[y], first[y + 1]):
            top[i] = image[y, peak[i]]
            if i > first[y]:  # runs of a row touch at the valley that ends the left one
                n = _touch(parent, top, saddles, n, i - 1, i, image[y, start[i] - 1])
        if outside:
            n = _link_to_outside(image, first, y, parent, top, saddles, n)
        if y > 0:
            n = _link_rows(image, first, start, peak, y, reach, parent, top, saddles, n)
    hill, height = _number_hills(parent, top)
    for k in range(n):
        saddles[k, 1], saddles[k, 2] = hill[saddles[k, 1]], hill[saddles[k, 2]]
    return hill, height, saddles[:n]


@compiled
def _link_to_outside(
    image: np.ndarray, first: np.ndarray, y: int, parent: np.ndarray, top: np.ndarray, saddles: np.ndarray, n: int
) -> int:
    """Links the first and the last run of a row, or all of the first and the last row, to the outside."""
    outside = len(parent) - 1
    if y == 0 or y == len(image) - 1:
        for i in range(first[y], first[y + 1]):
            n = _touch(parent, top, saddles, n, i, outside, top[i])
        return n
    n = _touch(parent, top, saddles, n, first[y], outside, image[y, 0])
    return _touch(parent, top, saddles, n, first[y + 1] - 1, outside, image[y, -1])


@compiled
def _link_rows(
    image: np.ndarray,
    first: np.ndarray,
    start: np.ndarray,
    peak: np.ndarray,
    y: int,
    reach: int,
    parent: np.ndarray,
    top: np.ndarray,
    saddles: np.ndarray,
    n: int,
) -> int:
    """Links runs i of the row above to runs j of row y, walking along both rows from one overlap to the next."""
    width = image.shape[1]
    i, j, left, right = first[y - 1], first[y], 0, -1
    while right < width - 1:
        i_end = start[i + 1] - 1 if i + 1 < first[y] else width - 1
        j_end = start[j + 1] - 1 if j + 1 < first[y + 1] else width - 1
        right = min(i_end, j_end)
        # The pair shares the columns from left to right. Where one has begun before, it may touch the other aslant.
        # On the right that needs no look: a run ends in a valley, and the higher run that follows touches both.
        i_best = _clip(peak[i], max(start[i], left - reach), right)
        j_best = _clip(peak[j], max(start[j], left - reach), right)
        n = _touch(parent, top, saddles, n, i, j, _saddle(image, y - 1, y, i_best, j_best, reach))
        left = right + 1
        i, j = i + (i_end == right), j + (j_end == right)
    return n


@compiled
def _saddle(image: np.ndarray, above: int, below: int, i: int, j: int, reach: int) -> int:
    """The highest value at which two runs touch, whose highest pixels are column i of row above and j of row below.

    From one peak towards the other the first run falls and the second rises, so the best place is where they cross.
    Peaks of neighbouring rows are close to each other in a smooth image: a few steps. Rows change places by their
    numbers: handing arrays over takes a third of the time of all hills.
    """
    if i > j:
        above, below, i, j = below, above, j, i
    x, last = i, j - reach
    if x >= last:
        return min(image[above, i], image[below, j])
    while x < last and image[below, x + reach] < image[above, x]:
        x += 1
    best = min(image[above, x], image[below, x + reach])
    return max(best, image[below, x - 1 + reach]) if x > i else best


@compiled
def _touch(parent: np.ndarray, top: np.ndarray, saddles: np.ndarray, n: int, i: int, j: int, value: int) -> int:
    """Notes that two runs touch at a value, and returns the number of saddles noted.

    Where the value is the top of one side, that side is no maximum of its own and becomes part of the other at once.
    This keeps the list of saddles short: what is left to sort are true hills only.
    """
    i, j = _root(parent, i), _root(parent, j)
    if i == j or value == 0:
        return n
    if top[i] < top[j]:
        i, j = j, i
    if top[j] == value:
        parent[j] = i
        return n
    saddles[n, 0], saddles[n, 1], saddles[n, 2] = value, i, j
    return n + 1


@compiled
def _number_hills(parent: np.ndarray, top: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The hills of the runs, numbered in the order of their representatives (the outside: last), and their heights."""
    hill, height, hills = np.empty_like(parent), np.empty_like(top), 0
    for i in range(len(parent)):
        if parent[i] == i:
            hill[i], height[hills] = hills, top[i]
            hills += 1
    for i in range(len(parent)):
        hill[i] = hill[_root(parent, i)]
    return hill, height[:hills].copy()


@compiled
def _join_hills(height: np.ndarray, saddles: np.ndarray) -> np.ndarray:
    """The saddles that join two hills not joined before, highest first (Kruskal): (J, 3) value, lower, higher hill."""
    following = np.zeros(257, np.int64)  # counting sort by value
    for k in range(len(saddles)):
        following[255 - saddles[k, 0] + 1] += 1
    for k in range(1, 257):
        following[k] += following[k - 1]
    order = np.empty(len(saddles), np.int64)
    for k in range(len(saddles)):
        order[following[255 - saddles[k, 0]]] = k
        following[255 - saddles[k, 0]] += 1
    parent = np.arange(len(height), dtype=np.int64)
    joins, n = np.empty((len(height), 3), np.int64), 0
    for highest in order:
        i, j = _root(parent, saddles[highest, 1]), _root(parent, saddles[highest, 2])
        if i != j:
            if height[i] < height[j]:
                i, j = j, i
            parent[j] = i
            joins[n, 0], joins[n, 1], joins[n, 2] = saddles[highest, 0], j, i
            n += 1
    return joins[:n]


@compiled
def _at_values(of_run: np.ndarray, hills: int, joins: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    parent = np.arange(hills, dtype=np.int64)
    found, n = np.empty(len(pixels), np.int64), 0
    for k in range(len(pixels)):
        while n < len(joins) and joins[n, 0] >= pixels[k, 0]:
            parent[joins[n, 1]] = joins[n, 2]
            n += 1
        found[k] = _root(parent, of_run[pixels[k, 1]])
    return found


@compiled
def _root(parent: np.ndarray, i: int) -> int:
    """The representative of i, halving the path to it on the way (union-find)."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@compiled
def _clip(x: int, low: int, high: int) -> int:
    return max(low, min(x, high))
