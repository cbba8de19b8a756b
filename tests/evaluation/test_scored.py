"""Maps are worked on in blocks: the same tables, one map in memory at a time."""

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from camagain.evaluation import scored
from camagain.evaluation.boxes import LargestBoxes, best_ious, boxes_at
from camagain.evaluation.scored import Scored, sweep, threshold_grid
from camagain.statistics.correctness import Correct

STEPS = (0.05, 0.02)
NO_BOXES = LargestBoxes.unknown(0)


def maps(count: int, size: int = 16) -> Iterator[np.ndarray]:
    generator = np.random.default_rng(0)
    for _ in range(count):
        yield generator.random((size, size))


@pytest.mark.parametrize("step", STEPS)
def test_the_tables_are_those_of_best_ious(monkeypatch: pytest.MonkeyPatch, step: float):
    monkeypatch.setattr(scored, "BLOCK", 5)
    boxes, grid = [np.array([[2, 3, 9, 12]]), np.array([[0, 0, 15, 15]])] * 6, threshold_grid(step)
    tables = sweep(maps(12), boxes, STEPS)[step]
    assert set(tables) == {(contours, delta) for contours in ("largest", "all") for delta in (0.3, 0.5, 0.7)}
    for contours in ("largest", "all"):
        ious = best_ious(maps(12), boxes, grid, contours)
        for delta in (0.3, 0.5, 0.7):
            found = np.unpackbits(tables[contours, delta].bits, axis=1, count=len(grid)).astype(bool)
            np.testing.assert_array_equal(found, ious >= delta)


def test_the_maps_own_boxes_are_those_of_boxes_at(monkeypatch: pytest.MonkeyPatch):
    """At every threshold, also where nothing is kept, and for a map of one value."""
    monkeypatch.setattr(scored, "BLOCK", 5)
    every = [*maps(11), np.zeros((16, 16))]
    largest, grid = LargestBoxes.unknown(12), threshold_grid(0.05)
    sweep(every, [np.array([[2, 3, 9, 12]])] * 12, STEPS, largest=largest)
    for threshold in (*grid, 1.0):
        expected = np.concatenate([boxes_at(score_map, np.array([threshold]))[0] for score_map in every])
        np.testing.assert_array_equal(largest.at(float(threshold)), expected)


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
    """Of an image 750 bytes are kept, six tables of 1,000 bits; its map has 8,192 bytes and its IoUs have 16,000."""
    monkeypatch.setattr(scored, "BLOCK", 20)
    assert (peak_bytes(420) - peak_bytes(20)) / 400 < 2500


def test_a_box_that_reaches_the_required_iou_exactly_is_right():
    """The map is one region, whose box is the whole image; the true box is half of it."""
    region = np.ones((8, 8))
    region[0, 0] = 0  # a map of one value would have no region
    right = sweep([region], [np.array([[0, 0, 7, 3]])], (0.5,))[0.5]
    assert right["largest", 0.5].at(0).tolist() == [True]
    assert right["largest", 0.7].at(0).tolist() == [False]


def test_a_threshold_is_written_with_all_its_digits_and_no_more():
    one = Scored("m", "cam", {}, {}, threshold_grid(0.001), None, None, {}, NO_BOXES)
    assert [one.threshold(i) for i in (3, 57, 999)] == [0.003, 0.057, 0.999]


def test_the_best_threshold_is_that_of_the_largest_contour_on_test_at_half_the_union():
    """Each table is best at another threshold."""

    def tables(**best: int) -> dict[tuple[str, float], Correct]:
        keys = {
            "largest": ("largest", 0.5),
            "every": ("all", 0.5),
            "loose": ("largest", 0.3),
            "strict": ("largest", 0.7),
        }
        return {keys[name]: Correct.of(np.eye(9, dtype=bool)[[index]]) for name, index in best.items()}

    test, val = tables(largest=4, every=3, loose=2, strict=1), tables(largest=5, every=6, loose=7, strict=8)
    assert Scored("m", "cam", {}, {"test": test, "val": val}, np.arange(9) / 9, None, None, {}, NO_BOXES).best == 4
