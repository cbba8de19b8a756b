"""Rows beyond a tolerance of 95 %: as many as chance explains say nothing, more do, and so does one that is far out."""

import math

import numpy as np
import pandas as pd
import pytest

from camagain.compare.judging.kinds import Kind
from camagain.compare.judging.tables import compare_tables
from camagain.compare.judging.verdicts import Verdict
from camagain.statistics.chance import explained, farthest
from camagain.statistics.tolerances import SeedSpread

KIND = Kind("analysis/x.csv", "analyses", ("row",))
ROWS = 200


def compared(moved: int, by: float = 1.2, spread: dict | None = None):
    """A table of values 0 with intervals of one point, so many of which moved by so many tolerances."""
    a = pd.DataFrame({"row": range(ROWS), "value": 0.0, "low": -1.0, "high": 1.0})
    step = np.where(np.arange(ROWS) < moved, by * np.sqrt(2), 0.0)
    b = a.assign(value=a["value"] + step, low=a["low"] + step, high=a["high"] + step)
    return compare_tables("analysis/x.csv", KIND, a, b, {}, spread or {})


def test_chance_puts_a_twentieth_of_many_rows_beyond():
    assert explained(1) == 0
    assert explained(ROWS) == 15  # the smallest k with P(X <= k) >= 0.95 for X of 200 times 0.05
    assert farthest(1) == pytest.approx(1.0)
    assert farthest(ROWS) == pytest.approx(3.654 / 1.960, abs=2e-3)  # 1 - 0.95 ** (1 / 200) on both sides


def test_as_many_rows_as_chance_explains_are_within_tolerance_and_say_so():
    found = compared(15)
    assert found.verdict is Verdict.WITHIN_TOLERANCE
    assert found.rows[0].note == "beyond it, as chance puts up to 15 of 200 rows"


def test_one_more_differs():
    found = compared(16)
    assert found.counts[Verdict.DIFFERS] == 16


def test_a_single_row_far_out_differs():
    assert compared(1, by=1.8).verdict is Verdict.WITHIN_TOLERANCE
    assert compared(1, by=1.9).verdict is Verdict.DIFFERS


def test_simulated_runs_that_agree_are_found_to_agree():
    random = np.random.default_rng(0)
    verdicts = []
    for _ in range(40):
        values = random.normal(scale=1 / 1.96, size=(2, ROWS))  # an interval of one point is 1.96 deviations
        tables = [
            pd.DataFrame({"row": range(ROWS), "value": side, "low": side - 1, "high": side + 1}) for side in values
        ]
        verdicts.append(compare_tables("analysis/x.csv", KIND, *tables, {}, {}).verdict)
    assert verdicts.count(Verdict.DIFFERS) <= 6  # two rules at 5 % each: 4 of 40 are expected at most


def test_a_number_that_few_seeds_gave_alike_takes_the_usual_spread_of_its_column():
    kind = Kind("analysis/x.csv", "analyses", ("row",))
    a = pd.DataFrame({"row": ["p", "q"], "side_pixels": [30.0, 40.0]})
    b = pd.DataFrame({"row": ["p", "q"], "side_pixels": [30.0, 41.0]})
    spread = {("analysis/x.csv", "row=p", "side_pixels"): SeedSpread(1.0, 3)}
    row = compare_tables("analysis/x.csv", kind, a, b, {}, spread).rows[0]
    assert row.verdict is Verdict.WITHIN_TOLERANCE
    assert row.tolerance == pytest.approx(4.3027 * 2**0.5, rel=1e-4)  # Student's t with two degrees of freedom
    assert compare_tables("analysis/x.csv", kind, a, b, {}, {}).verdict is Verdict.DIFFERS


@pytest.mark.parametrize(("ulps", "verdict"), [(3, Verdict.WITHIN_TOLERANCE), (3000, Verdict.DIFFERS)])
def test_what_the_order_of_adding_leaves_is_no_difference(ulps: int, verdict: Verdict):
    kind = Kind("figures/x.csv", "figure data", ("row",))
    a = pd.DataFrame({"row": ["mean"], "value": [60.0], "low": [np.nan], "high": [np.nan]})
    b = a.assign(value=60.0 + ulps * np.spacing(60.0))
    row = compare_tables("figures/x.csv", kind, a, b, {"test": 400}, {}).rows[0]
    assert row.verdict is verdict  # a sum of 400 terms is off by at most 200 units in the last place


def test_a_value_that_one_run_alone_has_differs_unless_some_seeds_lack_it_too():
    kind = Kind("analysis/x.csv", "analyses", ("row",))
    a = pd.DataFrame({"row": ["p", "q"], "area": [0.5, 0.5]})
    b = pd.DataFrame({"row": ["p", "q"], "area": [0.5, np.nan]})
    spread = {("analysis/x.csv", "row=p", "area"): SeedSpread(1.0, 3)}
    row = compare_tables("analysis/x.csv", kind, a, b, {}, spread).rows[0]
    assert (row.verdict, row.a, row.b) == (Verdict.DIFFERS, 0.5, None)
    spread[("analysis/x.csv", "row=q", "area")] = SeedSpread(math.inf, 3)  # some seeds have it, others do not
    row = compare_tables("analysis/x.csv", kind, a, b, {}, spread).rows[0]
    assert (row.verdict, row.source) == (Verdict.WITHIN_TOLERANCE, "spread over seeds")
