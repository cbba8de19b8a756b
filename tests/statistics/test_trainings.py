"""Intervals over trainings, by hand."""

import numpy as np
import pytest

from camagain.statistics.estimates import Estimate
from camagain.statistics.trainings import over_both, over_trainings


def test_two_trainings_of_opposite_sign_make_nothing_certain():
    found = over_trainings(np.array([-4.9, 0.4]), 0.95)
    # Student's quantile at one degree of freedom is 12.706; the standard error is half the distance of the two.
    assert found.value == pytest.approx(-2.25)
    assert (found.low, found.high) == pytest.approx((-2.25 - 12.7062 * 2.65, -2.25 + 12.7062 * 2.65), abs=1e-3)


def test_three_trainings_by_hand():
    # Mean 2, deviation 1, standard error 1 / sqrt(3); Student's quantile at two degrees of freedom is 4.3027.
    found = over_trainings(np.array([1.0, 2, 3]), 0.95)
    assert (found.value, found.low, found.high) == pytest.approx((2, 2 - 2.48414, 2 + 2.48414), abs=1e-4)


def test_one_training_has_no_interval():
    found = over_trainings(np.array([3.0]), 0.95)
    assert found.value == 3 and np.isnan([found.low, found.high]).all()
    both = over_both(found, Estimate(3, 2, 4))
    assert both.value == 3 and np.isnan([both.low, both.high]).all()


def test_errors_over_trainings_and_images_add_in_quadrature_on_each_side():
    found = over_both(Estimate(10, 7, 13), Estimate(10, 6, 22))
    assert (found.value, found.low, found.high) == pytest.approx((10, 5, 10 + np.sqrt(9 + 144)))


def test_without_error_over_trainings_the_error_over_images_is_left():
    found = over_both(Estimate(1, 1, 1), Estimate(1, 0.5, 1.25))
    assert (found.low, found.high) == (0.5, 1.25)
