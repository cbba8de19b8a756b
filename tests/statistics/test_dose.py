"""Trends over doses, by hand and against regressions."""

import numpy as np
import pytest
from scipy.stats import f as f_distribution

from camagain.statistics.dose import NO_TREND, UNDECIDED, line_weights, trend

KERNELS = np.array([3, 5, 7, 13, 21, 31, 51])
ALONG = np.log(KERNELS / 3) / np.log(17)


def test_two_seeds_on_straight_lines_by_hand():
    found = trend(np.array([1, 2, 4]), np.array([[0, 1, 2], [10, 13, 16]]))
    assert found.changes == pytest.approx([2, 6])
    assert found.departures == pytest.approx([0, 0, 0], abs=1e-12)
    interval = found.change(0.95)  # Student's quantile at one degree of freedom is 12.706
    assert (interval.value, interval.low, interval.high) == pytest.approx((4, 4 - 25.412, 4 + 25.412), abs=1e-3)


def test_doses_count_by_their_logarithm():
    assert line_weights(KERNELS) @ (7 * ALONG + 2) == pytest.approx(7)
    assert trend(KERNELS, 7 * ALONG[None]).changes == pytest.approx([7])


def test_a_response_that_levels_off_departs_from_its_line_upwards_in_the_middle():
    response = np.minimum(1, ALONG / ALONG[3]) + 0.001 * np.random.default_rng(0).standard_normal((5, 7))
    found = trend(KERNELS, response)
    assert found.departures.argmax() == 3 and found.departures[[0, -1]].max() < 0
    assert found.departure_p < 1e-6 and found.dose_p < 1e-6


def regression(columns: list[np.ndarray], y: np.ndarray) -> tuple[float, int]:
    """Residual sum of squares of a least-squares fit, and how many columns are independent."""
    design = np.stack([column.ravel() for column in columns], axis=1)
    fitted = design @ np.linalg.lstsq(design, y.ravel(), rcond=None)[0]
    return float(((y.ravel() - fitted) ** 2).sum()), int(np.linalg.matrix_rank(design))


def test_p_values_are_those_of_nested_regressions():
    y = np.random.default_rng(1).standard_normal((5, 7)) + 2 * ALONG + np.arange(5)[:, None]
    ones = np.ones((5, 7))
    seeds = [ones * (np.arange(5)[:, None] == s) for s in range(5)]
    doses = [ones * (np.arange(7) == d) for d in range(7)]
    (full, rank), found = regression([*seeds, *doses], y), trend(KERNELS, y)
    for smaller, p in (((*seeds,), found.dose_p), ((*seeds, ones * ALONG), found.departure_p)):
        left, fewer = regression(list(smaller), y)
        ratio = (left - full) / (rank - fewer) / (full / (y.size - rank))
        assert p == pytest.approx(f_distribution.sf(ratio, rank - fewer, y.size - rank))


@pytest.mark.parametrize(
    ("changes", "bound", "verdict"),
    [
        ([9.9, 10, 10.1], 5, "rises"),
        ([-9.9, -10, -10.1], 5, "falls"),
        ([9.9, 10, 10.1], None, "rises"),
        ([0.9, 1, 1.1], 5, "rises slightly"),
        ([-1, 0, 1], 5, NO_TREND),
        ([-2.5, 0, 2.5], 5, NO_TREND),  # 95 % reach to 6.2 points, 90 % to 4.2
        ([-1, 0, 1], None, UNDECIDED),
        ([-9, 0, 9], 5, UNDECIDED),
        ([3.5, 4.5, 5.5], 5, "rises"),  # certainly more than nothing, not certainly less than the bound
    ],
)
def test_verdicts(changes: list[float], bound: float | None, verdict: str):
    assert trend(np.array([1, 2, 4]), np.outer(changes, [0, 0.5, 1])).verdict(0.95, bound) == verdict


def test_one_seed_and_two_doses_decide_nothing():
    alone = trend(KERNELS, ALONG[None])
    assert alone.verdict(0.95, 5) == UNDECIDED and np.isnan([alone.dose_p, alone.departure_p]).all()
    assert np.isnan(trend(np.array([3, 7]), np.array([[0, 1.0], [0, 2]])).departure_p)
