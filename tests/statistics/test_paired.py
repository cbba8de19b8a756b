"""Paired tests: known cases, and how often they are wrong when nothing is there to find."""

import numpy as np
import pytest
from scipy.stats import binom

from camagain.statistics.accuracies import accuracy_at_best
from camagain.statistics.accuracy import Accuracy
from camagain.statistics.bootstrap import Sampling
from camagain.statistics.correctness import Correct
from camagain.statistics.estimates import Estimate
from camagain.statistics.paired import holm, mcnemar


def right(both: int, first: int, second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    counts = [both, first, second, neither]
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


def test_mcnemar_by_hand():
    # 9 against 1: both tails of a fair coin thrown ten times, 2 (1 + 10) / 1024.
    assert mcnemar(*right(50, 9, 1, 40)) == (9, 1, pytest.approx(22 / 1024))
    assert mcnemar(*right(50, 1, 9, 40)) == (1, 9, pytest.approx(22 / 1024))


def test_images_that_agree_say_nothing():
    assert mcnemar(*right(5, 9, 1, 0)).p_value == mcnemar(*right(500, 9, 1, 300)).p_value
    assert mcnemar(*right(10, 0, 0, 10)) == (0, 0, 1.0)


def test_an_even_split_is_no_evidence():
    assert mcnemar(*right(0, 6, 6, 0)).p_value == pytest.approx(1.0)
    expected = 2 * binom.cdf(20, 60, 0.5)
    assert mcnemar(*right(7, 20, 40, 9)).p_value == pytest.approx(expected)


def test_different_images_are_refused():
    with pytest.raises(ValueError, match="expected the same images"):
        mcnemar(np.ones(3, dtype=bool), np.ones(4, dtype=bool))


def resampled(table: np.ndarray, seed: int = 0) -> Accuracy:
    correct = Correct.of(table)
    return accuracy_at_best([(correct, correct)], Sampling(400, 0.95, seed))


def test_a_paired_interval_is_narrower_than_one_of_different_images():
    """Two maps that are right on nearly the same images: what makes an image easy cancels."""
    generator = np.random.default_rng(0)
    first = generator.random((300, 1)) < 0.6
    second = first ^ (generator.random((300, 1)) < 0.03)
    difference = 100 * (first.mean() - second.mean())
    paired = (resampled(first) - resampled(second)).estimate(0.95)
    apart = (resampled(first) - resampled(second, seed=1)).estimate(0.95)
    assert paired.value == pytest.approx(difference) and paired.low <= difference <= paired.high
    assert (apart.high - apart.low) > 3 * (paired.high - paired.low)


def test_the_same_map_differs_by_nothing():
    table = np.random.default_rng(0).random((50, 9)) < 0.5
    difference = resampled(table) - resampled(table)
    assert difference.estimate(0.95) == Estimate(0.0, 0.0, 0.0)
    assert np.isnan(difference.p_value()), "there is nothing to test"


@pytest.mark.parametrize("images", [5, 40, 300])
def test_an_interval_leaves_out_nothing_exactly_where_p_is_below_its_level(images: int):
    """Maps of all kinds of distance, also by few images, at many levels: one decision, whichever of the two is read."""
    generator, decided = np.random.default_rng(images), set()
    for _ in range(40):
        first = generator.random((images, 12)) < generator.uniform(0, 1)
        second = np.where(generator.random((images, 1)) < generator.uniform(0, 0.5), ~first, first)
        difference = resampled(first) - resampled(second)
        p = difference.p_value()
        for confidence in (0.5, 0.9, 0.95, 0.999, 1 - 0.999 * p, 1 - 1.001 * p):
            if 0 < confidence < 1:
                found = difference.estimate(confidence)
                outside = found.low > 0 or found.high < 0
                decided.add(outside)
                assert outside == (p < 1 - confidence), (p, confidence, found)
    assert decided == {True, False}


def test_few_images_more_are_no_evidence():
    """Three images against none were called certain by a bootstrap of 1,000 resamples once in twenty."""
    first, second = right(40, 3, 0, 57)
    assert 0.05 < (resampled(first[:, None]) - resampled(second[:, None])).p_value() < 0.25


def test_paired_intervals_cover_no_difference_as_often_as_they_say():
    generator, held = np.random.default_rng(5), 0
    for seed in range(200):
        one, other = (generator.random((150, 1)) < 0.5 for _ in range(2))
        found = (resampled(one, seed) - resampled(other, seed)).estimate(0.95)
        held += found.low <= 0 <= found.high
    assert 0.90 <= held / 200 <= 0.99


def test_holm_by_hand():
    # Sorted 0.01, 0.02, 0.03, 0.5 times 4, 3, 2, 1 gives 0.04, 0.06, 0.06, 0.5: never falling.
    found = holm(np.array([0.03, 0.01, 0.5, 0.02]))
    assert found.tolist() == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm(np.array([0.4, 0.6])).tolist() == pytest.approx([0.8, 0.8])
    assert holm(np.array([0.9, 0.8])).max() == 1.0
