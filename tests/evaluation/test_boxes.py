"""Boxes and IoUs of maps small enough to work out by hand, and how maps are read."""

from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from camagain.evaluation import boxes
from camagain.evaluation.box_sweep.contours import ContourBoxes, Contours
from camagain.evaluation.boxes import best_ious, best_ious_by_contours, boxes_at
from camagain.evaluation.workers import processes

TRUTH = np.array([[0, 0, 2, 2]])


def two_blobs() -> np.ndarray:
    """6 x 8: a 2 x 2 square of 1.0 at x 1-2, y 1-2 and a 3 x 2 rectangle of 0.5 at x 5-7, y 3-4."""
    score_map = np.zeros((6, 8))
    score_map[1:3, 1:3] = 1.0
    score_map[3:5, 5:8] = 0.5
    return score_map


def ring() -> np.ndarray:
    """7 x 7: the border of the 5 x 5 square at x 1-5, y 1-5; its inside is empty."""
    score_map = np.zeros((7, 7))
    score_map[1:6, 1:6] = 1.0
    score_map[2:5, 2:5] = 0.0
    return score_map


def test_box_ends_one_pixel_beyond_the_region_except_at_the_border():
    low, high = boxes_at(two_blobs(), np.array([0.0, 0.6]))
    assert low.tolist() == [[5, 3, 7, 5]]  # the larger region; x1 would be 8 and is held at the last column, 7
    assert high.tolist() == [[1, 1, 3, 3]]


def test_all_contours_are_boxes():
    low, high = boxes_at(two_blobs(), np.array([0.0, 0.6]), "all")
    assert sorted(low.tolist()) == [[1, 1, 3, 3], [5, 3, 7, 5]]
    assert high.tolist() == [[1, 1, 3, 3]]


def test_a_hole_is_a_contour_too_and_never_the_largest():
    assert boxes_at(ring(), np.array([0.5]))[0].tolist() == [[1, 1, 6, 6]]
    # A hole's contour runs along the pixels around it: 1-5 again.
    assert boxes_at(ring(), np.array([0.5]), "all")[0].tolist() == [[1, 1, 6, 6], [1, 1, 6, 6]]


def test_threshold_is_strict_and_relative_to_the_maximum_of_the_map():
    score_map = np.zeros((5, 5))
    score_map[2, 2], score_map[2, 3] = 0.4, 0.2  # 102 and 51 in 8 bits, so 0.5 of the maximum is 51
    below, at = boxes_at(score_map, np.array([0.49, 0.5]))
    assert below.tolist() == [[2, 2, 4, 3]]
    assert at.tolist() == [[2, 2, 3, 3]]


def test_scores_are_truncated_to_eight_bits():
    score_map = np.zeros((5, 5))
    score_map[1, 1], score_map[3, 3] = 1.0, 0.999 / 255  # the second truncates to 0
    assert boxes_at(score_map, np.array([0.0]), "all")[0].tolist() == [[1, 1, 2, 2]]


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_constant_maps(value: float):
    found = boxes_at(np.full((4, 6), value), np.array([0.0, 0.9, 1.0]))
    whole = [[0, 0, 5, 3]]
    nothing = [[0, 0, 0, 0]]
    assert [boxes.tolist() for boxes in found] == ([nothing] * 3 if value == 0 else [whole, whole, nothing])


def test_contours_of_equal_area_leave_the_first_of_cv2():
    score_map = np.zeros((9, 9))
    score_map[1:3, 1:3] = score_map[5:7, 5:7] = 1.0
    every = boxes_at(score_map, np.array([0.5]), "all")[0]
    assert len(every) == 2
    assert boxes_at(score_map, np.array([0.5]))[0].tolist() == [every[0].tolist()]


@pytest.mark.parametrize("contours", ["largest", "all"])
def test_boxes_are_separate_whole_number_arrays(contours: Contours):
    first, second = boxes_at(two_blobs(), np.array([0.6, 0.7]), contours)  # the same mask
    assert first.dtype == np.int64 and first.shape == (1, 4)
    first[:] = 9
    assert second.tolist() == [[1, 1, 3, 3]]


def test_best_iou_counts_inclusive_pixels():
    # Box 1 1 3 3 (9 pixels) and truth 0 0 2 2 (9 pixels) share 4 of 14; box 5 3 7 5 shares none.
    ious = best_ious([two_blobs()], [TRUTH], np.array([0.0, 0.6]))
    assert ious.tolist() == [[0.0, 4 / 14]]
    assert best_ious([two_blobs()], [TRUTH], np.array([0.0, 0.6]), "all").tolist() == [[4 / 14, 4 / 14]]


def test_best_iou_is_over_all_true_boxes():
    truth = np.array([[0, 0, 2, 2], [5, 3, 7, 5]])
    assert best_ious([two_blobs()], [truth], np.array([0.0, 0.6])).tolist() == [[1.0, 4 / 14]]


def test_one_pass_gives_both_ways_of_choosing_contours():
    generator = np.random.default_rng(0)
    maps = generator.random((5, 12, 9))
    truths = [np.array([[1, 2, 7, 9]])] * 5
    thresholds = np.arange(0, 1, 0.05)
    both = best_ious_by_contours(maps, truths, thresholds)
    for contours in ("largest", "all"):
        np.testing.assert_array_equal(both[contours], best_ious(maps, truths, thresholds, contours))
    assert (both["all"] >= both["largest"]).all() and (both["all"] > both["largest"]).any()


def test_a_map_shared_by_all_images_is_searched_once(monkeypatch: pytest.MonkeyPatch):
    truths = [TRUTH, np.array([[5, 3, 7, 5]]), np.array([[0, 0, 1, 1], [4, 3, 7, 5]])]
    thresholds = np.array([0.0, 0.3, 0.6])
    expected = [best_ious([two_blobs()], [truth], thresholds)[0] for truth in truths]
    made = []
    monkeypatch.setattr(boxes, "ContourBoxes", lambda pixels: made.append(1) or ContourBoxes(pixels))
    np.testing.assert_array_equal(best_ious([two_blobs()] * 3, truths, thresholds), expected)
    assert len(made) == 1


@pytest.fixture(scope="module", params=[0, 1, 2])
def executor(request) -> Iterator[Executor | None]:
    """None, or an executor with so many processes."""
    if request.param == 0:
        yield None
        return
    with ProcessPoolExecutor(request.param, get_context("spawn")) as executor:
        yield executor


def test_processes_change_nothing(executor: Executor | None):
    maps = np.random.default_rng(1).random((200, 11, 11))
    truths = [np.array([[i % 5, 1, 8, 9]]) for i in range(200)]
    thresholds = np.arange(0, 1, 0.1)
    np.testing.assert_array_equal(
        best_ious(iter(maps), truths, thresholds, executor=executor),
        np.concatenate([best_ious([m], [t], thresholds) for m, t in zip(maps, truths, strict=True)]),
    )


@pytest.mark.parametrize(("most", "maps", "count"), [(1, 10**6, 0), (4, 1990, 0), (2, 10**6, 2), (4, 3500, 3)])
def test_processes_start_where_each_has_enough_to_do(most: int, maps: int, count: int):
    with processes(most, maps * 224**2) as executor:
        assert isinstance(executor, ProcessPoolExecutor) if count else executor is None
        assert not count or executor._max_workers == count


class Map(np.ndarray):
    """An array that counts how many of its kind are alive."""

    alive = 0
    most = 0

    @classmethod
    def make(cls) -> "Map":
        cls.alive += 1
        cls.most = max(cls.most, cls.alive)
        return np.full((64, 64), 0.5).view(cls)

    def __del__(self) -> None:
        if self.base is not None and type(self.base) is np.ndarray and self.shape == (64, 64):
            type(self).alive -= 1


def test_maps_are_read_as_needed(executor: Executor | None):
    Map.alive = Map.most = 0

    def stream() -> Iterator[np.ndarray]:
        for _ in range(50):
            yield Map.make()

    best_ious(stream(), [TRUTH] * 50, np.array([0.1, 0.5]), executor=executor)
    assert Map.alive == 0
    assert Map.most <= 3


def test_no_images_give_an_empty_table():
    assert best_ious([], [], np.array([0.1, 0.5])).shape == (0, 2)


@pytest.mark.parametrize(
    ("score_map", "message"),
    [
        (np.array([[0.1, np.nan]]), "1 NaN of 2 values"),
        (np.array([[0.1, 1.5]]), r"from 0.1 to 1.5, expected the range \[0, 1\]"),
        (np.array([[-0.1, 0.5]]), r"from -0.1 to 0.5"),
        (np.zeros((1, 2, 2)), r"shape \(1, 2, 2\), expected \(H, W\)"),
        (np.zeros((0, 4)), r"shape \(0, 4\)"),
    ],
)
def test_faulty_maps_are_refused(score_map: np.ndarray, message: str):
    with pytest.raises(ValueError, match=message):
        boxes_at(score_map, np.array([0.5]))
    with pytest.raises(ValueError, match="image 1: .*" + message):
        best_ious([two_blobs(), score_map], [TRUTH, TRUTH], np.array([0.5]))


@pytest.mark.parametrize(("maps", "message"), [(1, "found 1, expected 2"), (3, "found more than 2")])
def test_as_many_maps_as_boxes(maps: int, message: str, executor: Executor | None):
    with pytest.raises(ValueError, match=message):
        best_ious([two_blobs()] * maps, [TRUTH] * 2, np.array([0.5]), executor=executor)


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        (np.zeros((0, 4)), "at least one box"),
        (np.array([1, 2, 3, 4]), r"shape \(4,\)"),
        (np.array([[-1, 0, 3, 3]]), ">= 0"),
        (np.array([[0, np.nan, 3, 3]]), "finite"),
        (np.array([[5, 0, 3, 3]]), "x0 <= x1"),
    ],
)
def test_faulty_true_boxes_are_refused(boxes: np.ndarray, message: str):
    with pytest.raises(ValueError, match="boxes of image 1: .*" + message):
        best_ious([two_blobs()] * 2, [TRUTH, boxes], np.array([0.5]))


@pytest.mark.parametrize("thresholds", [np.array([[0.5]]), np.array([0.5, np.nan]), np.array([1.1]), np.array([-0.1])])
def test_faulty_thresholds_are_refused(thresholds: np.ndarray):
    with pytest.raises(ValueError, match="thresholds: found"):
        boxes_at(two_blobs(), thresholds)


def test_unknown_contours_are_refused():
    with pytest.raises(ValueError, match="found 'biggest', expected 'largest' or 'all'"):
        boxes_at(two_blobs(), np.array([0.5]), "biggest")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="found 'biggest'"):
        best_ious([], [], np.array([0.5]), "biggest")  # pyright: ignore[reportArgumentType]
