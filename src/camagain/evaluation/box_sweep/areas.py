"""The area inside the outer contour of every hill at every level, as cv2.contourArea measures it.

contourArea is the area of the polygon through the centres of the contour's pixels. Between the centres of each 2 x 2
block of pixels lies one unit square: the polygon covers all of it if all four pixels belong to the component, half of
it, a triangle, if three do, and nothing otherwise. Hence the area of a component without holes is a sum over blocks,
twice of which is a whole number, and sums over blocks can be taken for all thresholds at once: a block counts a half
below its third highest value and another half below its lowest. Holes are filled beforehand (`filling`), because
the outer contour encloses them.
"""

import numpy as np

from camagain.evaluation.box_sweep.hills import Hills
from camagain.evaluation.box_sweep.runs import Runs
from camagain.evaluation.compiled import compiled


def doubled_areas(runs: Runs, hills: Hills) -> np.ndarray:
    """Twice the area at each level of each hill with those it has taken in by then: (B, 256) int32.

    Levels are the t of "pixels above t". A row is meaningless where its hill is below the level or taken in itself.
    """
    return _doubled_areas(runs.image, runs.first, runs.start, hills.of_run, len(hills.height), hills.joins)


@compiled
def _doubled_areas(
    image: np.ndarray, first: np.ndarray, start: np.ndarray, of_run: np.ndarray, hills: int, joins: np.ndarray
) -> np.ndarray:
    areas = _blocks_by_value(image, first, start, of_run, hills)
    _gather(areas, joins)
    return areas


@compiled
def _blocks_by_value(
    image: np.ndarray, first: np.ndarray, start: np.ndarray, of_run: np.ndarray, hills: int
) -> np.ndarray:
    """How many half blocks of each hill appear at each value, (B, 256).

    The block of columns x - 1 and x is counted for the run of the upper row that has x. If a valley lies between the
    two columns, x - 1 is the valley and x the higher one, so that whenever three of the four pixels are above a level,
    that run is among them; and the three touch each other.
    """
    height, width = image.shape
    # Two counters: in smooth images both values are often equal, and adding twice to one place would have to wait.
    thirds, lowests = np.zeros((hills, 256), np.int32), np.zeros((hills, 256), np.int32)
    low, high = np.empty(width, np.uint8), np.empty(width, np.uint8)
    third, lowest = np.zeros(width, np.uint8), np.zeros(width, np.uint8)
    for y in range(height - 1):
        upper, lower = image[y], image[y + 1]
        for x in range(width):
            low[x], high[x] = min(upper[x], lower[x]), max(upper[x], lower[x])
        for x in range(1, width):
            lowest[x] = min(low[x - 1], low[x])
            third[x] = min(max(low[x - 1], low[x]), min(high[x - 1], high[x]))
        for run in range(first[y], first[y + 1]):
            end = start[run + 1] if run + 1 < first[y + 1] else width
            of_third, of_lowest = thirds[of_run[run]], lowests[of_run[run]]
            for x in range(start[run], end):
                if third[x]:
                    of_third[third[x]] += 1
                    of_lowest[lowest[x]] += 1
    for hill in range(hills):
        for value in range(256):
            thirds[hill, value] += lowests[hill, value]
    return thirds


@compiled
def _gather(areas: np.ndarray, joins: np.ndarray) -> None:
    """Turns counts at values into areas at levels, each hill's with those of the hills it has taken in, in place."""
    for hill in range(len(areas)):
        above = 0
        for level in range(255, -1, -1):
            here = areas[hill, level]
            areas[hill, level] = above
            above += here
    # In descending order of value: what a hill takes in has itself been completed down to there and below.
    for k in range(len(joins)):
        value, lower, higher = joins[k]
        for level in range(value):
            areas[higher, level] += areas[lower, level]
