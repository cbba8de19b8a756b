"""Paired tests: known cases, and how often they are wrong when nothing is there to find."""

import numpy as np
import pytest
from scipy.stats import binom

from camagain.statistics.accuracies import accuracy_at_best
from camagain.statistics.bootstrap import Sampling
from camagain.statistics.correctness import Correct
from camagain.statistics.estimates import Estimate, Resampled
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


def resampled(table: np.ndarray, seed: int = 0) -> Resampled:
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
    assert (resampled(table) - resampled(table)).estimate(0.95) == Estimate(0.0, 0.0, 0.0)


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
