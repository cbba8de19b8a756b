"""Correlations of rows and over models: against scipy, by hand, and by counting every resample."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from camagain.statistics import correlation as module
from camagain.statistics.bootstrap import Sampling
from camagain.statistics.correlation import (
    COLUMNS,
    correlate,
    correlation,
    correlations,
    rank_correlation,
    rank_correlations,
)

SAMPLING = Sampling(400, 0.95, 0)


def table(seed: int = 0) -> pd.DataFrame:
    """37 models of three families, as many as the paper's first figure has, some with equal values."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=37).round(1)
    return pd.DataFrame(
        {"family": ["a"] * 14 + ["b"] * 13 + ["c"] * 10, "x": x, "y": 0.5 * x + rng.normal(size=37).round(1)}
    )


def test_values_are_scipys_pooled_and_in_each_group():
    models = table()
    found = correlate(models, "x", "y", "family", SAMPLING).set_index(["group", "kind"])
    for group, rows in [("all", models), *models.groupby("family")]:
        for kind, theirs in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr)):
            assert found.loc[(group, kind), "value"] == pytest.approx(theirs(rows["x"], rows["y"]).statistic)
            assert found.loc[(group, kind), "models"] == len(rows)
    assert (found["low"] < found["value"]).all() and (found["value"] < found["high"]).all()
    assert (found["reason"] == "").all()


def test_intervals_are_scipys_percentile_bootstrap():
    models = table()[:14]
    for kind, theirs in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr)):
        found = correlation(models["x"].to_numpy(), models["y"].to_numpy(), kind, Sampling(4000, 0.9, 0))
        expected = stats.bootstrap(
            (models["x"], models["y"]),
            lambda x, y, theirs=theirs: theirs(x, y).statistic,
            paired=True,
            n_resamples=1000,
            confidence_level=0.9,
            method="percentile",
            rng=1,
        ).confidence_interval
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.05)


@pytest.mark.parametrize(("confidence", "low"), [(0.6, -1.0), (0.4, 0.5)])
def test_an_interval_of_three_models_is_that_of_all_their_resamples(confidence: float, low: float):
    # Of 27 resamples 3 are constant; of the other 24, 12 give +1, 6 give 0.5 (all three models), 6 give -1.
    found = correlation(np.array([0.0, 1, 2]), np.array([0.0, 2, 1]), "pearson", Sampling(2000, confidence, 0))
    assert (found.value, found.low, found.high) == pytest.approx((0.5, low, 1))


def test_spearman_asks_for_a_rising_line_and_pearson_for_a_straight_one():
    models = pd.DataFrame({"x": [1, 2, 3, 4], "y": [1, 4, 9, 100], "family": "a"})
    found = correlate(models, "x", "y", "family", SAMPLING).set_index(["group", "kind"])
    assert tuple(found.loc[("all", "spearman"), ["value", "low", "high"]]) == pytest.approx((1, 1, 1))
    assert found.loc[("all", "pearson"), "value"] == pytest.approx(stats.pearsonr([1, 2, 3, 4], [1, 4, 9, 100])[0])
    assert found.loc[("all", "pearson"), "value"] < 0.9


def test_too_few_models_and_constant_columns_say_so_and_give_no_number():
    models = pd.DataFrame(
        {
            "family": ["two", "two", "flat", "flat", "flat", None],
            "x": [1.0, 2, 3, 4, 5, 6],
            "y": [2.0, 1, 7, 7, 7, 3],
        }
    )
    found = correlate(models, "x", "y", "family", SAMPLING)
    assert tuple(found.columns) == COLUMNS
    reasons = found.drop_duplicates("group").set_index("group")["reason"]
    assert reasons["two"] == "too few models (2, at least 3 are needed)"
    assert reasons["flat"] == "y is the same for all 3 models"
    assert reasons["all"] == "" and found["models"].iloc[0] == 6, "a model without a family counts among all"
    assert found.loc[found["reason"] != "", ["value", "low", "high"]].isna().all(axis=None)
    assert "nan" not in found.to_csv(index=False)


def test_models_without_one_of_the_numbers_are_left_out():
    models = table()
    models.loc[[0, 20], "x"] = np.nan
    found = correlate(models, "x", "y", "family", SAMPLING)
    pd.testing.assert_frame_equal(found, correlate(models.drop(index=[0, 20]), "x", "y", "family", SAMPLING))
    assert found.loc[found["group"] == "b", "models"].iloc[0] == 12


def test_the_same_seed_draws_the_same_models():
    assert correlate(table(), "x", "y", "family", SAMPLING).equals(correlate(table(), "x", "y", "family", SAMPLING))


def test_every_row_is_scipys(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "ROWS", 4)  # several blocks, the last of them short
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=(10, 15)), generator.integers(0, 4, (10, 15))  # the second has many ties
    rho, r = rank_correlations(first, second), correlations(first, second)
    for i in range(10):
        assert rho[i] == pytest.approx(stats.spearmanr(first[i], second[i]).statistic)
        assert r[i] == pytest.approx(stats.pearsonr(first[i], second[i]).statistic)


def test_ranks_know_no_scale():
    values = np.random.default_rng(1).uniform(0.1, 1, (3, 9))
    assert rank_correlations(values, np.exp(5 * values)) == pytest.approx(1)
    assert rank_correlations(values, -(values**3)) == pytest.approx(-1)


def test_a_row_of_one_value_has_no_correlation():
    found = rank_correlations(np.array([[1.0, 1.0, 1.0], [1.0, 2.0, 3.0]]), np.array([[1.0, 2.0, 3.0]] * 2))
    assert np.isnan(found[0]) and found[1] == 1
    tenth = np.full((1, 7), 0.1)  # whose mean is not exactly 0.1
    assert np.isnan(correlations(tenth, np.arange(7.0)[None]))
    assert np.isnan(correlations(np.arange(7.0)[None], tenth))
    assert rank_correlations(np.empty((0, 3)), np.empty((0, 3))).shape == (0,)


def test_a_single_group_has_fishers_interval():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2, 13))
    rho = stats.spearmanr(x, y).statistic
    half = stats.norm.ppf(0.95) * np.sqrt((1 + rho**2 / 2) / 10)
    for within in (False, True):
        found = rank_correlation(x, y, np.zeros(13), 0.9, within)
        assert found.value == pytest.approx(rho)
        assert (found.low, found.high) == pytest.approx(tuple(np.tanh(np.arctanh(rho) + np.array([-half, half]))))


def test_units_of_one_group_count_as_going_together():
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(2, 12))
    one, four = (rank_correlation(x, y, np.repeat(range(k), 12 // k), 0.9, within=False) for k in (1, 4))
    assert one.value == four.value
    widths = [np.arctanh(found.high) - np.arctanh(found.low) for found in (four, one)]
    assert widths[0] / widths[1] == pytest.approx(stats.t.ppf(0.95, 3) / stats.norm.ppf(0.95))


def test_within_groups_their_means_do_not_matter():
    rng = np.random.default_rng(5)
    groups = np.repeat(range(3), 6)
    x, y = rng.normal(size=(2, 18))
    shifted = rank_correlation(x + 100 * groups, y + 100 * groups, groups, 0.9, within=True)
    ranks = [np.concatenate([stats.rankdata(part) for part in np.split(values, 3)]) for values in (x, y)]
    assert shifted.value == pytest.approx(stats.pearsonr(*ranks).statistic)
    half = stats.norm.ppf(0.95) * np.sqrt((1 + shifted.value**2 / 2) / (18 - 3 - 2))
    assert np.arctanh(shifted.high) - np.arctanh(shifted.value) == pytest.approx(half)
    assert rank_correlation(x + 100 * groups, y + 100 * groups, groups, 0.9, within=False).value > 0.8


def test_a_perfect_order_of_few_is_no_certainty_and_nothing_to_rank_has_no_number():
    found = rank_correlation(np.arange(6.0), np.arange(6.0), np.zeros(6), 0.95, within=False)
    assert found.value == found.high == pytest.approx(1) and found.low < 0.9
    for values, groups, within in (
        (np.ones(6), np.zeros(6), False),
        (np.arange(3.0), np.zeros(3), False),
        (np.arange(6.0), np.arange(6), True),
        (np.repeat(range(3), 4) * 1.0, np.repeat(range(3), 4), True),
        (np.empty(0), np.empty(0), False),
    ):
        found = rank_correlation(values, np.arange(len(values)) * 1.0, groups, 0.95, within)
        assert np.isnan([found.value, found.low, found.high]).all()
