"""Bits against the table they were packed from."""

import numpy as np
import pytest

from camagain.statistics import correctness
from camagain.statistics.correctness import Correct


@pytest.fixture(params=[1, 7, 8, 21, 1000])
def table(request) -> np.ndarray:
    """(N, T) bool for several T, not all of them multiples of 8."""
    return np.random.default_rng(request.param).random((37, request.param)) < 0.4


def test_everything_is_that_of_the_table(table: np.ndarray, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(correctness, "ROWS", 10)
    packed = Correct.of(table)
    assert len(packed) == 37 and packed.thresholds == table.shape[1]
    np.testing.assert_array_equal(packed.curve(), table.sum(axis=0) * 100.0 / 37)
    for index in {0, table.shape[1] // 2, table.shape[1] - 1}:
        np.testing.assert_array_equal(packed.at(index), table[:, index])
    start, end = table.shape[1] // 3, table.shape[1] // 3 + 1
    np.testing.assert_array_equal(packed.columns(start, end).curve(), 100.0 * table[:, start:end].sum(axis=0) / 37)
    weights = np.random.default_rng(1).integers(0, 4, (5, 37)).astype(np.float32)
    np.testing.assert_array_equal(packed.sums(weights), weights @ table)


def test_a_condition_and_joining(table: np.ndarray):
    condition = np.arange(37) % 3 == 0
    kept = (table & condition[:, None]).sum(axis=0)
    np.testing.assert_array_equal(Correct.of(table).where(condition).curve(), kept * 100.0 / 37)
    halves = Correct.joined([Correct.of(table[:20]), Correct.of(table[20:])])
    np.testing.assert_array_equal(halves.bits, Correct.of(table).bits)


def test_a_thousand_thresholds_take_125_bytes_of_an_image():
    assert Correct.of(np.ones((3, 1000), dtype=bool)).bits.nbytes == 3 * 125
