"""What the logarithm does to areas, what areas without it do not depend on, and areas of any shape."""

import numpy as np
import pytest

from camagain.analysis.erf.area import (
    area_ratios,
    free_area_ratios,
    linear_area_ratios,
    linear_free_area_ratios,
    logarithmic,
)


def bump(factor: float = 1.0) -> np.ndarray:
    """A broad hill of contributions, 41 x 41."""
    distance = np.hypot(*np.mgrid[-20:21, -20:21])
    return factor * np.exp(-distance / 4)


def test_the_logarithm_by_hand():
    np.testing.assert_allclose(logarithmic(np.array([[0.0, 9], [99, 0], [0, 0], [9, 0]]).repeat(4, 1))[:2, ::4],
                               [[0, 0.5], [1, 0]])  # fmt: skip


def test_linear_areas_by_hand():
    values = np.zeros((9, 9))
    values[4, 4], values[4, 7] = 99, 9  # 99 of 108 lie in the centre; of log10(A + 1) it is 2 of 3
    assert linear_area_ratios(values, (0.6, 0.7, 0.95)) == {0.6: (3, 9 / 81), 0.7: (3, 9 / 81), 0.95: (7, 49 / 81)}
    assert area_ratios(values, (0.7,)) == {0.7: (7, 49 / 81)}


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
def test_the_scale_of_gradients_moves_areas_but_not_linear_ones(factor: float):
    assert linear_area_ratios(bump(factor)) == linear_area_ratios(bump())
    assert area_ratios(bump(1e-6)) == linear_area_ratios(bump()), "far below 1 the logarithm is a straight line"
    if factor > 1:
        assert area_ratios(bump(factor))[0.5][1] > 2 * linear_area_ratios(bump())[0.5][1]


def test_the_fewest_pixels_by_hand():
    values = np.zeros((9, 9))
    values[4, 4], values[4, 7], values[0, 0] = 99, 9, 9  # 99 of 117; of log10(A + 1) it is 2 of 4
    assert linear_free_area_ratios(values, (0.5, 0.84, 0.85, 0.99)) == {
        t: n / 81 for t, n in ((0.5, 1), (0.84, 1), (0.85, 2), (0.99, 3))
    }
    assert free_area_ratios(values, (0.49, 0.5, 0.74, 0.75)) == {
        t: n / 81 for t, n in ((0.49, 1), (0.5, 2), (0.74, 2), (0.75, 3))
    }, "more than t, not t itself"


def test_a_cross_is_smaller_than_the_square_around_it():
    cross = np.zeros((21, 21))
    cross[10, 3:18] = cross[3:18, 10] = 1  # 29 pixels
    assert linear_free_area_ratios(cross, (0.99,)) == {0.99: 29 / 441}
    assert linear_area_ratios(cross, (0.99,)) == {0.99: (15, 225 / 441)}


@pytest.mark.parametrize("t", [0.0, 0.2, 0.5, 0.99])
def test_no_set_of_fewer_pixels_holds_as_much(t: float):
    values = np.random.default_rng(3).random((6, 7)) ** 4 * 50
    scaled = logarithmic(values)
    count = round(free_area_ratios(values, (t,))[t] * 42)
    brightest = sorted(scaled.ravel(), reverse=True)
    assert sum(brightest[:count]) > t * scaled.sum() >= sum(brightest[: count - 1])


def test_the_scale_of_gradients_does_not_move_linear_areas_of_any_shape():
    assert linear_free_area_ratios(bump(1e6)) == linear_free_area_ratios(bump())
    assert free_area_ratios(bump(1e6))[0.5] > 2 * free_area_ratios(bump())[0.5]


def test_maps_without_areas_are_refused_by_all():
    for measure in (area_ratios, linear_area_ratios, free_area_ratios, linear_free_area_ratios):
        with pytest.raises(ValueError, match="no square holds a share"):
            measure(np.zeros((8, 8)))
        with pytest.raises(ValueError, match=r"outside \[0, 1\)"):
            measure(np.ones((8, 8)), [1.5])
