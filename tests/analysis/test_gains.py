"""Mean gains by hand: what one remedy does, whatever the others do."""

from itertools import product

import numpy as np
import pytest

from camagain.analysis.kit.localizer import Localized
from camagain.analysis.remedies.measure import mean_gain
from camagain.statistics.accuracy import Accuracy
from camagain.statistics.correctness import Correct


def scored(percent: float, *errors: float) -> Localized:
    nothing = Correct.of(np.zeros((1, 1), dtype=bool))
    return Localized(percent, 0, 100, 0.5, nothing, Accuracy(percent, np.tile(errors, (3, 1)), images=10))


def test_two_remedies_by_hand():
    table = {
        (False, False): scored(50, 40, 60),
        (True, False): scored(60, 45, 60),
        (False, True): scored(40, 41, 42),
        (True, True): scored(80, 51, 52),
    }
    first, second = mean_gain(table, 0), mean_gain(table, 1)
    assert first.value == (10 + 40) / 2
    assert first.errors[0].tolist() == [(5 + 10) / 2, (0 + 10) / 2]
    assert second.value == (-10 + 20) / 2
    assert second.errors[0].tolist() == [(1 + 6) / 2, (-18 - 8) / 2]


@pytest.mark.parametrize("remedy", [0, 1, 2])
def test_remedies_that_add_up_are_told_apart(remedy: int):
    worth = np.array([3.0, -2.0, 7.0])
    table = {key: scored(20 + worth @ key, 0.0, 0.0) for key in product((False, True), repeat=3)}
    gain = mean_gain(table, remedy)
    assert gain.value == pytest.approx(worth[remedy])
    found = gain.estimate(0.95)
    assert (found.low, found.high) == pytest.approx((worth[remedy], worth[remedy]))
