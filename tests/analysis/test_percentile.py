"""Percentile thresholding equals the rule of Bae et al. in its direct form: contours of cv2 above int(tau * P)."""

import cv2
import numpy as np
import pytest

from camagain.analysis.remedies.percentile import percentile_ious, shares_of_maximum
from camagain.evaluation.box_sweep.contours import quantise
from camagain.evaluation.boxes import boxes_at
from camagain.evaluation.iou import iou
from camagain.evaluation.score_maps import score_maps

TAUS = np.arange(0, 1, 0.01)


@pytest.fixture(scope="module")
def maps() -> list[np.ndarray]:
    """Maps of 64 x 64 pixels in [0, 1] from small grids, some with a spot that is far above the rest."""
    generator = np.random.default_rng(0)
    grids = generator.random((40, 7, 7)) ** generator.integers(1, 4, (40, 1, 1))
    grids[20:, 2, 4] = 8
    return list(score_maps(grids, 64))


def direct_box(score_map: np.ndarray, tau: float, q: float) -> list[int]:
    """The rule as it is defined: a threshold from the percentile of the 8-bit map, cut to a whole number."""
    pixels = (255 * score_map).astype(np.uint8)
    level = int(tau * np.percentile(pixels, q))
    _, kept = cv2.threshold(pixels, level, 255, cv2.THRESH_BINARY)
    contours, _ = cv2.findContours(kept, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
    x, y, w, h = cv2.boundingRect(max(contours, key=cv2.contourArea))
    height, width = pixels.shape
    return [x, y, min(x + w, width - 1), min(y + h, height - 1)]


@pytest.mark.parametrize("q", [50, 90, 99])
def test_every_box_is_that_of_the_direct_rule(maps, q: float):
    for score_map in maps:
        found = boxes_at(score_map, shares_of_maximum(quantise(score_map), TAUS, q))
        assert [box.tolist() for box in found] == [[direct_box(score_map, tau, q)] for tau in TAUS]


def test_the_percentile_is_that_of_the_8_bit_map(maps):
    """With the percentile of the map itself, some boxes would be others, which the test above sees."""
    others = 0
    for score_map in maps:
        levels = (TAUS * 255 * np.percentile(score_map, 90)).astype(int)
        pixels = quantise(score_map)
        others += int((levels != (TAUS * np.percentile(pixels, 90)).astype(int)).sum())
    assert others > 0.05 * len(TAUS) * len(maps)


def test_ious_are_those_of_the_boxes(maps):
    generator = np.random.default_rng(1)
    truths = [np.sort(generator.integers(0, 64, (2, 2)), axis=0).reshape(1, 4) for _ in maps]
    found = percentile_ious(iter(maps), truths, TAUS, 90)
    for row, score_map, truth in zip(found, maps, truths, strict=True):
        expected = [iou(np.array([direct_box(score_map, tau, 90)]), truth)[0, 0] for tau in TAUS]
        np.testing.assert_array_equal(row, expected)


def test_a_spot_that_outshines_the_object_no_longer_matters():
    score_map = np.zeros((20, 20))
    score_map[5:15, 5:15] = 0.1
    score_map[9, 9] = 1
    half = np.array([0.5])
    ((without,), (with_it,)) = (
        boxes_at(score_map, shares) for shares in (half, shares_of_maximum(quantise(score_map), half, 90))
    )
    assert without.tolist() == [[9, 9, 10, 10]]
    assert with_it.tolist() == [[5, 5, 15, 15]]


def test_where_the_percentile_is_zero_everything_above_zero_is_kept():
    score_map = np.zeros((20, 20))
    score_map[3:5, 3:6] = [[1, 0.4, 0.01], [1, 0.4, 0.01]]
    shares = shares_of_maximum(quantise(score_map), np.array([0.0, 0.5, 0.99]), 90)
    assert all(box.tolist() == [[3, 3, 6, 5]] for box in boxes_at(score_map, shares))


def test_a_map_of_one_value_stays_without_a_box():
    (constant,) = score_maps([np.full((4, 4), 3.0)], 16)
    shares = shares_of_maximum(quantise(constant), TAUS, 90)
    assert all(box.tolist() == [[0, 0, 0, 0]] for box in boxes_at(constant, shares))
