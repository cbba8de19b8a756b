"""Cuts the rows of an image into runs, the pieces of which everything at every threshold is made.

A run rises to one peak and falls again (either part may be missing, and neighbours may be equal). Whatever the
threshold, the pixels of a run above it are therefore one unbroken piece: a run behaves like a single pixel that is as
bright as its peak. An upsampled score map has a dozen runs in a row where it has hundreds of pixels.
"""

from typing import NamedTuple

import numpy as np

from camagain.evaluation.compiled import compiled


class Runs(NamedTuple):
    """An image and its R runs, numbered row by row from left to right."""

    image: np.ndarray  # (H, W) uint8
    first: np.ndarray  # (H + 1,) int64, number of the first run of each row; the last entry is R
    start: np.ndarray  # (R,) int64, column where a run begins; it ends where the next one begins
    peak: np.ndarray  # (R,) int64, column of its highest pixel


def cut_rows(image: np.ndarray) -> Runs:
    """The runs of an image (H, W) uint8."""
    image = np.ascontiguousarray(image)  # another order of memory would be another type, compiled anew
    return Runs(image, *_cut_rows(image))


def peak_pixels(runs: Runs) -> np.ndarray:
    """The pixels that can move the edge of a bounding box, brightest first: (E, 4) int64, value, run, column, row.

    As the threshold falls, a component reaches a new row first at a peak of that row, and a new column first at a peak
    of that column. All other pixels lie inside the box already when they appear. Pixels of value 0 are left out: no
    threshold is below them.
    """
    return _peak_pixels(*runs)


@compiled
def _cut_rows(image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    height, width = image.shape
    most = height * ((width + 1) // 2)  # a run that is not the last of its row has two pixels at least
    first, start, peak = np.empty(height + 1, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    run = 0
    for y in range(height):
        first[y] = run
        start[run] = 0
        rising = True
        last = image[y, 0]
        for x in range(1, width):
            value = image[y, x]
            if rising and value < last:
                peak[run] = x - 1
                rising = False
            elif not rising and value > last:  # the valley at x - 1 was the end of the run
                run += 1
                start[run] = x
                rising = True
            last = value
        if rising:
            peak[run] = width - 1
        run += 1
    first[height] = run
    return first, start[:run], peak[:run]


@compiled
def _peak_pixels(image: np.ndarray, first: np.ndarray, start: np.ndarray, peak: np.ndarray) -> np.ndarray:
    """Peaks of rows and of columns, collected from top to bottom, then sorted: (E, 4) value, run, column, row."""
    height, width = image.shape
    # Eight marks are read at once: peaks are rare, so that nearly all words are zero.
    marks = np.zeros((width + 7) // 8 * 8, np.uint8)
    words = marks.view(np.uint64)
    rising = np.ones(width, np.uint8)
    nothing = np.zeros(width, np.uint8)
    most = len(start) + width * ((height + 1) // 2)  # reserved; the memory that stays untouched costs nothing
    found, count = np.empty((most, 4), np.int64), 0
    for y in range(height):
        row = image[y]
        _mark_column_peaks(row, image[y + 1] if y + 1 < height else nothing, rising, marks)
        for run in range(first[y], first[y + 1]):
            marks[peak[run]] = row[peak[run]] > 0
        run = first[y]
        for word in range(len(words)):
            if words[word] == 0:
                continue
            for x in range(8 * word, 8 * word + 8):
                if marks[x]:
                    while run + 1 < first[y + 1] and start[run + 1] <= x:
                        run += 1
                    found[count, 0], found[count, 1], found[count, 2], found[count, 3] = row[x], run, x, y
                    count += 1
    return _brightest_first(found[:count])


@compiled
def _mark_column_peaks(row: np.ndarray, below: np.ndarray, rising: np.ndarray, marks: np.ndarray) -> None:
    """Marks where a column that has been rising falls below this row, and keeps account of which columns rise."""
    for x in range(len(row)):
        falls = below[x] < row[x]
        marks[x] = rising[x] & falls
        rising[x] = (below[x] > row[x]) | (rising[x] & (not falls))


@compiled
def _brightest_first(pixels: np.ndarray) -> np.ndarray:
    """Rows in descending order of their first column, a value of 0-255, and otherwise as they were (counting sort)."""
    following = np.zeros(257, np.int64)
    for i in range(len(pixels)):
        following[255 - pixels[i, 0] + 1] += 1
    for k in range(1, 257):
        following[k] += following[k - 1]
    ordered = np.empty_like(pixels)
    for i in range(len(pixels)):
        place = following[255 - pixels[i, 0]]
        following[255 - pixels[i, 0]] += 1
        for k in range(pixels.shape[1]):
            ordered[place, k] = pixels[i, k]
    return ordered
