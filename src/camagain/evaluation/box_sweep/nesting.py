"""Puts the contours of one level in the order of cv2.findContours with RETR_TREE.

The order is that of a tree: after the outer contour of a component come the contours of its holes, and after that of a
hole those of the components inside it; among neighbours in the tree the one discovered last comes first (seen in
OpenCV 4 and 5, whose manual does not promise it; the tests would tell).
"""

import numpy as np

from camagain.evaluation.box_sweep.hills import Hills
from camagain.evaluation.box_sweep.runs import Runs
from camagain.evaluation.box_sweep.sweep import Spans
from camagain.evaluation.compiled import compiled


def cv2_order(
    bright: tuple[Runs, Hills], dark: tuple[Runs, Hills], components: Spans, holes: Spans, level: int
) -> np.ndarray:
    """The order of the C components and D holes of a level, with indices C and up for holes: (C + D,) int64."""
    around_components = _around(*bright[0][:3], components.run, level, *dark[0][1:3], *_of_hills(*dark), 254 - level)
    around_holes = _around(*dark[0][:3], holes.run, 254 - level, *bright[0][1:3], *_of_hills(*bright), level)
    count = len(components.run)
    hole_of_hill = np.full(len(dark[1].height), -1)  # the outside is nobody's hole
    hole_of_hill[holes.hill] = count + np.arange(len(holes.hill))
    component_of_hill = np.full(len(bright[1].height), -1)
    component_of_hill[components.hill] = np.arange(count)
    parents = np.concatenate([hole_of_hill[around_components], component_of_hill[around_holes]])
    discovered = np.concatenate([np.argsort(components.run), count + np.argsort(holes.run)])
    return _depth_first(parents, discovered)


def _of_hills(runs: Runs, hills: Hills) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which hill has a run, which hill takes in a hill, and at which value: (R + 1,), (B,), (B,)."""
    into, value = np.arange(len(hills.height)), np.zeros(len(hills.height), dtype=np.int64)
    into[hills.joins[:, 1]], value[hills.joins[:, 1]] = hills.joins[:, 2], hills.joins[:, 0]
    return hills.of_run, into, value


@compiled
def _around(
    image: np.ndarray,
    first: np.ndarray,
    start: np.ndarray,
    runs: np.ndarray,
    level: int,
    other_first: np.ndarray,
    other_start: np.ndarray,
    other_hill: np.ndarray,
    into: np.ndarray,
    value: np.ndarray,
    other_level: int,
) -> np.ndarray:
    """The hill, of the other kind, of what surrounds each component with its first pixel in one of the runs.

    The neighbour to the left of a component's first pixel, row by row, is outside of it, and directly around it.
    """
    found = np.empty(len(runs), np.int64)
    for k in range(len(runs)):
        y = 0
        while first[y + 1] <= runs[k]:
            y += 1
        x = start[runs[k]]
        while image[y, x] <= level:
            x += 1
        if x == 0:
            found[k] = len(into) - 1  # beyond the border: the outside
            continue
        run = other_first[y]
        while run + 1 < other_first[y + 1] and other_start[run + 1] < x:
            run += 1
        hill = other_hill[run]
        while value[hill] > other_level:
            hill = into[hill]
        found[k] = hill
    return found


@compiled
def _depth_first(parents: np.ndarray, discovered: np.ndarray) -> np.ndarray:
    """Nodes of a forest, a parent before its children, the last discovered of siblings first; parent -1: a root."""
    child, sibling = np.full(len(parents), -1, np.int64), np.full(len(parents), -1, np.int64)
    root = -1
    for node in discovered:  # each goes to the front of its siblings
        if parents[node] < 0:
            sibling[node], root = root, node
        else:
            sibling[node], child[parents[node]] = child[parents[node]], node
    order, n = np.empty(len(parents), np.int64), 0
    waiting, count = np.empty(len(parents) + 1, np.int64), 0
    node = root
    while node >= 0:
        order[n] = node
        n += 1
        if sibling[node] >= 0:
            waiting[count] = sibling[node]
            count += 1
        node = child[node]
        if node < 0 and count:
            count -= 1
            node = waiting[count]
    return order
