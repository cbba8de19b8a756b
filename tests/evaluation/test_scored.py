"""Maps are worked on in blocks: the same tables and boxes, one map in memory at a time."""

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from camagain.evaluation import scored
from camagain.evaluation.boxes import best_ious, boxes_at
from camagain.evaluation.scored import sweep, threshold_grid

STEPS = (0.05, 0.02)


def maps(count: int, size: int = 16) -> Iterator[np.ndarray]:
    generator = np.random.default_rng(0)
    for _ in range(count):
        yield generator.random((size, size))


@pytest.mark.parametrize("step", STEPS)
def test_the_tables_are_those_of_best_ious(monkeypatch: pytest.MonkeyPatch, step: float):
    monkeypatch.setattr(scored, "BLOCK", 5)
    boxes, grid = [np.array([[2, 3, 9, 12]]), np.array([[0, 0, 15, 15]])] * 6, threshold_grid(step)
    tables = sweep(maps(12), boxes, STEPS).by_step[step]
    assert set(tables) == {(contours, delta) for contours in ("largest", "all") for delta in (0.3, 0.5, 0.7)}
    for contours in ("largest", "all"):
        ious = best_ious(maps(12), boxes, grid, contours)
        for delta in (0.3, 0.5, 0.7):
            found = np.unpackbits(tables[contours, delta].bits, axis=1, count=len(grid)).astype(bool)
            np.testing.assert_array_equal(found, ious >= delta)


def test_the_largest_boxes_are_those_of_a_search_at_that_threshold(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scored, "BLOCK", 5)
    faint = [0.4 * score_map for score_map in maps(6)]
    every = [*maps(5), *faint, np.zeros((16, 16))]
    largest = sweep(iter(every), [np.array([[2, 3, 9, 12]])] * 12, STEPS).largest
    for threshold in (*threshold_grid(0.05), 1.0):
        expected = [boxes_at(score_map, np.array([threshold]))[0] for score_map in every]
        np.testing.assert_array_equal(largest.at(threshold), np.concatenate(expected))


@pytest.mark.parametrize(("count", "message"), [(9, "found"), (11, "found more than 10")])
def test_another_number_of_maps_than_of_boxes_is_refused(count: int, message: str):
    with pytest.raises(ValueError, match=f"score maps: {message}"):
        sweep(maps(count), [np.array([[2, 3, 9, 12]])] * 10, STEPS)


def peak_bytes(count: int) -> int:
    boxes = [np.array([[2, 3, 9, 12]])] * count
    sweep(maps(2, 32), boxes[:2], (0.001,))  # compiled, and caches filled
    tracemalloc.start()
    sweep(maps(count, 32), boxes, (0.001,))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_hardly_grows_with_the_number_of_images(monkeypatch: pytest.MonkeyPatch):
    """Of an image 2.8 kB are kept, six tables of 1,000 bits and 256 boxes; map and IoUs would be 24 kB."""
    monkeypatch.setattr(scored, "BLOCK", 20)
    assert (peak_bytes(420) - peak_bytes(20)) / 400 < 6000
