"""Fills the holes of an image for all thresholds at once.

A dark pixel is in a hole of the components above t while every path from it to the outside, over edges, climbs above
t. Raised to the lowest such climb, each pixel is above exactly those thresholds at which it is bright or in a hole
(greyscale reconstruction from the border: Vincent, "Morphological grayscale reconstruction", 1993).
"""

import numpy as np

from camagain.evaluation.box_sweep.hills import Hills
from camagain.evaluation.box_sweep.runs import Runs
from camagain.evaluation.compiled import compiled


def without_holes(dark: Runs, hills: Hills) -> np.ndarray:
    """The image (H, W) uint8 of bright components with their holes filled; `dark` are the runs of the negated image.

    In the negated image a path climbs where it meets the saddles on the way from a hill to the outside, and a filled
    pixel is one that is capped at the lowest of these.
    """
    return _without_holes(*dark, hills.of_run, len(hills.height), hills.joins)


@compiled
def _without_holes(
    negated: np.ndarray,
    first: np.ndarray,
    start: np.ndarray,
    peak: np.ndarray,
    of_run: np.ndarray,
    hills: int,
    joins: np.ndarray,
) -> np.ndarray:
    filled = np.empty_like(negated)
    for y in range(negated.shape[0]):
        for x in range(negated.shape[1]):
            filled[y, x] = 255 - negated[y, x]
    _fill(filled, first, start, peak, of_run, _saddle_to_outside(hills, joins))
    return filled


@compiled
def _saddle_to_outside(hills: int, joins: np.ndarray) -> np.ndarray:
    """The value at which each hill joins the outside, (B,); that of the outside, the last hill, stays above all."""
    value = np.zeros(hills, np.int32)
    value[hills - 1] = 256
    # The outside takes in but is never taken in. Backwards, a hill's fate is known before that of those it took in.
    for k in range(len(joins) - 1, -1, -1):
        value[joins[k, 1]] = min(joins[k, 0], value[joins[k, 2]])
    return value


@compiled
def _fill(
    image: np.ndarray, first: np.ndarray, start: np.ndarray, peak: np.ndarray, of_run: np.ndarray, cap: np.ndarray
) -> None:
    """Raises the pixels of each dark run to its hill's cap, from its darkest pixel to both sides, in place."""
    for y in range(len(first) - 1):
        row = image[y]
        for run in range(first[y], first[y + 1]):
            level = 255 - cap[of_run[run]]
            x = peak[run]
            while x >= start[run] and row[x] < level:
                row[x] = level
                x -= 1
            end = start[run + 1] if run + 1 < first[y + 1] else len(row)
            x = peak[run] + 1
            while x < end and row[x] < level:
                row[x] = level
                x += 1
