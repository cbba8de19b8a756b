"""Figures, differences and means with paired intervals."""

import numpy as np
import pytest

from camagain.statistics.bootstrap import Sampling, draws, mean_at_best
from camagain.statistics.correctness import Correct
from camagain.statistics.resampled import Resampled, mean_of, mean_percent

SAMPLING = Sampling(resamples=200, confidence=0.9, seed=3)


def test_means_are_resampled_like_box_accuracies():
    right = np.random.default_rng(0).random(50) < 0.7
    figure = mean_percent(right, SAMPLING)
    table = Correct.of(right[:, None])
    assert figure.value == pytest.approx(100 * right.mean())
    np.testing.assert_allclose(figure.draws, draws([table, table], mean_at_best, SAMPLING))


def test_differences_are_paired():
    values = np.random.default_rng(1).random(80)
    change = mean_percent(values + 0.1, SAMPLING) - mean_percent(values, SAMPLING)
    assert change.value == pytest.approx(10)
    assert change.interval(0.9) == pytest.approx((10, 10))  # alike in every image: nothing varies
    one_by_one = mean_percent(values - values[::-1], SAMPLING)
    joint = mean_percent(values, SAMPLING) - mean_percent(values[::-1], SAMPLING)
    np.testing.assert_allclose(joint.draws, one_by_one.draws)
    low, high = joint.interval(0.9)
    assert low <= joint.value <= high and high - low > 5


def test_the_mean_of_figures():
    figures = [Resampled(1.0, np.array([0.0, 2.0])), Resampled(3.0, np.array([4.0, 4.0]))]
    assert mean_of(figures).value == 2 and mean_of(figures).draws.tolist() == [2, 3]
