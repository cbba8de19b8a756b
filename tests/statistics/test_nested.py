"""Contrasts of group means: by hand, against a two-sample t-test, and how often the interval holds the truth."""

import numpy as np
import pytest
from scipy import stats

from camagain.statistics.nested import contrast


def test_with_one_unit_a_member_it_is_the_two_sample_t_test():
    rng = np.random.default_rng(0)
    a, b = rng.normal(3, 2, 6), rng.normal(0, 2, 4)
    found = contrast([*a, *b], ["a"] * 6 + ["b"] * 4, [*"uvwxyz", *"uvwx"], {"a": 1.0, "b": -1.0}, 0.9)
    expected = stats.ttest_ind(a, b).confidence_interval(0.9)
    assert found.value == pytest.approx(a.mean() - b.mean())
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_a_group_of_one_member_borrows_the_scatter_of_the_others():
    values = [1.0, 3.0, 8.0]
    found = contrast(values, ["a", "a", "b"], ["x", "y", "z"], {"b": 1.0}, 0.95)
    deviation = np.std(values[:2], ddof=1)
    assert found.value == 8 and found.high - 8 == pytest.approx(stats.t.ppf(0.975, 1) * deviation)


def test_a_member_is_the_mean_of_its_units_and_one_with_fewer_is_less_certain():
    """Members of four units scatter by their units alone; a member of one unit varies four times as much."""
    rng = np.random.default_rng(1)
    values = [*rng.normal(0, 1, 40), 5.0]
    groups, members = ["many"] * 40 + ["single"], [*np.repeat(list("abcdefghij"), 4), "z"]
    found = contrast(values, groups, members, {"single": 1.0}, 0.95)
    means = np.reshape(values[:40], (10, 4))
    within = means.var(1, ddof=1).mean()
    variance = means.mean(1).var(ddof=1) + (1 - 1 / 4) * within  # of a member of four, and what one of one has more
    freedom = variance**2 / ((variance - 0.75 * within) ** 2 / 9 + (0.75 * within) ** 2 / 30)
    assert found.high - 5 == pytest.approx(stats.t.ppf(0.975, freedom) * variance**0.5)
    assert contrast(values, groups, members, {"many": 1.0}, 0.95).value == pytest.approx(means.mean())


def test_without_two_members_anywhere_there_are_no_bounds():
    found = contrast([1.0, 2.0, 5.0], ["a", "a", "b"], ["x", "x", "y"], {"a": 1.0, "b": -1.0}, 0.95)
    assert found.value == -3.5 and np.isnan([found.low, found.high]).all()
    with pytest.raises(ValueError, match=r"coefficients for \['c'\]"):
        contrast([1.0], ["a"], ["x"], {"c": 1.0}, 0.95)


def test_equal_values_leave_no_doubt():
    found = contrast([2.0] * 4, ["a", "a", "b", "b"], [*"wxyz"], {"a": 1.0, "b": -1.0}, 0.95)
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_intervals_hold_the_truth_as_often_as_they_say():
    """Members of 1 to 5 units in groups of 1 to 5 members; of 600 intervals 95 % are 570, give or take 11."""
    rng = np.random.default_rng(2)
    groups, members = [], []
    for group, sizes in {"a": [1], "b": [3, 3, 3, 3, 2], "c": [5, 1], "d": [1] * 5}.items():
        for member, units in enumerate(sizes):
            groups += [group] * units
            members += [f"{group}{member}"] * units
    names = list(dict.fromkeys(members))
    place = np.array([names.index(member) for member in members])
    coefficients = {"a": -1.0, "b": 1 / 3, "c": 1 / 3, "d": 1 / 3}
    for of_members, of_units in ((0.0, 1.0), (2.0, 1.0)):
        held = 0
        for _ in range(600):
            values = of_members * rng.standard_normal(len(names))[place] + of_units * rng.standard_normal(len(place))
            found = contrast(values, groups, members, coefficients, 0.95)
            held += found.low <= 0 <= found.high
        assert 555 <= held <= 590, (of_members, of_units)
