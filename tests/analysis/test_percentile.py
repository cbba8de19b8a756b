"""Percentile thresholding as a property of the map equals the rule of Bae et al. in its direct form."""

import cv2
import numpy as np
import pytest

from camagain.analysis.remedies.percentile import relative_to_percentile
from camagain.evaluation.boxes import boxes_at
from camagain.evaluation.score_maps import score_maps

LEVELS = 255
"""Levels to which the evaluator rounds a map: it keeps level k + 1 and above at tau = (k + 1/2) / 255."""


@pytest.fixture(scope="module")
def maps() -> list[np.ndarray]:
    """Smooth maps of 64 x 64 pixels in [0, 1], some with a spot that is far above the rest."""
    generator = np.random.default_rng(0)
    grids = generator.random((6, 7, 7))
    grids[3:, 2, 4] = 8
    return list(score_maps(grids, 64))


@pytest.mark.parametrize("q", [50, 90, 99])
@pytest.mark.parametrize("tau", [0.0, 0.35, 0.8, 0.99])
def test_a_pixel_is_above_tau_where_it_was_above_tau_times_the_percentile(maps, q: float, tau: float):
    for score_map in maps:
        prepared = relative_to_percentile(score_map, q)
        assert prepared.shape == score_map.shape and prepared.min() == 0 and prepared.max() == 1
        np.testing.assert_array_equal(prepared > tau, score_map > tau * np.percentile(score_map, q))


@pytest.mark.parametrize("level", [10, 89, 200])
def test_boxes_are_those_around_pixels_above_a_share_of_the_percentile(maps, level: int):
    for score_map in maps:
        kept = score_map >= np.percentile(score_map, 90) * (level + 1) / LEVELS
        contours, _ = cv2.findContours(kept.astype(np.uint8), cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
        x, y, w, h = cv2.boundingRect(max(contours, key=cv2.contourArea))
        box = [x, y, min(x + w, 63), min(y + h, 63)]
        found = boxes_at(relative_to_percentile(score_map, 90), np.array([(level + 0.5) / LEVELS]))
        assert found[0].tolist() == [box]


def test_a_spot_that_outshines_the_object_no_longer_matters():
    score_map = np.zeros((20, 20))
    score_map[5:15, 5:15] = 0.1
    score_map[9, 9] = 1
    (without,), (with_it,) = (
        boxes_at(prepared, np.array([0.5])) for prepared in (score_map, relative_to_percentile(score_map, 90))
    )
    assert without.tolist() == [[9, 9, 10, 10]]
    assert with_it.tolist() == [[5, 5, 15, 15]]


def test_where_the_percentile_is_zero_everything_above_zero_is_kept():
    score_map = np.zeros((20, 20))
    score_map[3:5, 3:6] = [[1, 0.4, 0.01], [1, 0.4, 0.01]]
    prepared = relative_to_percentile(score_map, 90)
    np.testing.assert_array_equal(prepared, score_map > 0)
    assert prepared.dtype == score_map.dtype
    assert all(box.tolist() == [[3, 3, 6, 5]] for box in boxes_at(prepared, np.array([0.0, 0.5, 0.99])))


def test_a_constant_map_stays_without_a_box():
    (constant,) = score_maps([np.full((4, 4), 3.0)], 16)
    assert not relative_to_percentile(constant, 90).any()


def test_negative_scores_are_refused():
    with pytest.raises(ValueError, match=r"found -1.0, expected values >= 0"):
        relative_to_percentile(np.array([[-1.0, 1.0]]), 90)
