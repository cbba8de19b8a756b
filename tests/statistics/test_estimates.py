"""Means over images with intervals: by hand, against a plain bootstrap, and where nothing is defined."""

import numpy as np
import pytest

from camagain.statistics.accuracies import accuracy_at_best
from camagain.statistics.bootstrap import Sampling, interval_of, resample_weights
from camagain.statistics.correctness import Correct
from camagain.statistics.estimates import (
    Estimate,
    Resampled,
    divided,
    mean_percent,
    means,
    of_sums,
    ratios,
)

SAMPLING = Sampling(resamples=300, confidence=0.9, seed=3)


def plain(values: np.ndarray) -> tuple[float, float]:
    """The interval of a mean, one resample after the other."""
    drawn = []
    for weights in resample_weights(len(values), SAMPLING.resamples, SAMPLING.seed):
        for row in weights:
            picked = np.repeat(values, row.astype(int))
            drawn.append(picked[np.isfinite(picked)].mean())
    low, high = np.quantile(drawn, [0.05, 0.95])
    return low, high


def test_means_are_those_of_a_plain_bootstrap_that_skips_what_is_missing():
    values = np.random.default_rng(0).normal(size=(30, 2))
    values[4, 1] = np.nan
    for column, found in enumerate(means(values, SAMPLING)):
        assert found.value == pytest.approx(np.nanmean(values[:, column]))
        assert (found.low, found.high) == pytest.approx(plain(values[:, column]))


def test_a_ratio_is_of_sums_and_not_a_mean_of_ratios():
    numerator, denominator = np.array([[1.0], [9.0]]), np.array([[1.0], [3.0]])
    found = ratios(numerator, denominator, SAMPLING)[0]
    assert found.value == 10 / 4  # the mean of 1 and 3 would be 2
    assert (found.low, found.high) == (1, 3), "resamples of one image alone"


def test_images_are_drawn_as_a_whole():
    """Two measurements of the same images: their difference never varies, though each does."""
    base = np.random.default_rng(1).normal(size=40)
    values = np.stack([base, base + 1], axis=1)
    found = of_sums(values, lambda sums: (sums[:, 1:] - sums[:, :1]) / 40, SAMPLING)[0]
    assert (found.value, found.low, found.high) == pytest.approx((1, 1, 1))
    assert means(values, SAMPLING)[0].high - means(values, SAMPLING)[0].low > 0.1


def test_what_is_never_defined_is_nan():
    undefined = means(np.full((5, 1), np.nan), SAMPLING)[0]
    assert np.isnan([undefined.value, undefined.low, undefined.high]).all()
    assert np.isnan(Resampled(1.0, np.array([np.nan])).estimate(0.9).value)
    rare = means(np.array([[2.0]] + [[np.nan]] * 9), SAMPLING)[0]  # many resamples miss the one image
    assert (rare.value, rare.low, rare.high) == (2, 2, 2)
    assert np.isnan(divided(np.array([1.0]), np.array([0.0]))).all()


def test_an_estimate_changes_its_unit_and_becomes_columns():
    assert Estimate(0.5, 0.25, 1.0).scaled(100).columns() == {"value": 50, "low": 25, "high": 100}


def test_means_are_resampled_like_box_accuracies():
    right = np.random.default_rng(0).random(50) < 0.7
    figure = mean_percent(right, SAMPLING)
    table = Correct.of(right[:, None])
    assert figure.value == pytest.approx(100 * right.mean())
    np.testing.assert_allclose(figure.draws - figure.value, accuracy_at_best([(table, table)], SAMPLING).errors[0])


def test_differences_are_paired():
    values = np.random.default_rng(1).random(80)
    change = mean_percent(values + 0.1, SAMPLING) - mean_percent(values, SAMPLING)
    assert change.value == pytest.approx(10)
    found = change.estimate(0.9)
    assert (found.low, found.high) == pytest.approx((10, 10))  # alike in every image: nothing varies
    one_by_one = mean_percent(values - values[::-1], SAMPLING)
    joint = mean_percent(values, SAMPLING) - mean_percent(values[::-1], SAMPLING)
    np.testing.assert_allclose(joint.draws, one_by_one.draws)
    found = joint.estimate(0.9)
    assert found.low <= joint.value <= found.high and found.high - found.low > 5


def test_the_mean_of_figures():
    figures = [Resampled(1.0, np.array([0.0, 2.0])), Resampled(3.0, np.array([4.0, 4.0]))]
    assert Resampled.mean(figures).value == 2 and Resampled.mean(figures).draws.tolist() == [2, 3]


def test_an_interval_holds_its_value_even_where_all_resamples_lie_to_one_side():
    draws = np.linspace(5, 6, 101)
    assert interval_of(draws, 5.5, 0.9) == pytest.approx((5.05, 5.95))
    assert interval_of(draws, 4.0, 0.9) == pytest.approx((4.0, 5.95))
    assert interval_of(draws, 7.0, 0.9) == pytest.approx((5.05, 7.0))
