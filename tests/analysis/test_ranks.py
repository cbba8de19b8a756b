"""Rank correlations of rows: scipy's, one row at a time."""

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from camagain.statistics import ranks
from camagain.statistics.ranks import correlations, rank_correlations


def test_every_row_is_scipys(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ranks, "ROWS", 4)  # several blocks, the last of them short
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=(10, 15)), generator.integers(0, 4, (10, 15))  # the second has many ties
    rho, r = rank_correlations(first, second), correlations(first, second)
    for i in range(10):
        assert rho[i] == pytest.approx(spearmanr(first[i], second[i]).statistic)
        assert r[i] == pytest.approx(pearsonr(first[i], second[i]).statistic)


def test_ranks_know_no_scale():
    values = np.random.default_rng(1).uniform(0.1, 1, (3, 9))
    assert rank_correlations(values, np.exp(5 * values)) == pytest.approx(1)
    assert rank_correlations(values, -(values**3)) == pytest.approx(-1)


def test_a_row_of_one_value_has_no_correlation():
    found = rank_correlations(np.array([[1.0, 1.0, 1.0], [1.0, 2.0, 3.0]]), np.array([[1.0, 2.0, 3.0]] * 2))
    assert np.isnan(found[0]) and found[1] == 1
    tenth = np.full((1, 7), 0.1)  # whose mean is not exactly 0.1
    assert np.isnan(correlations(tenth, np.arange(7.0)[None]))
    assert rank_correlations(np.empty((0, 3)), np.empty((0, 3))).shape == (0,)
