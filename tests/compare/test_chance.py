"""Rows beyond a tolerance of 95 %: as many as chance explains say nothing, more do, and so does one that is far out."""

import math

import numpy as np
import pandas as pd
import pytest

from camagain.compare.judging.kinds import Kind
from camagain.compare.judging.rows import keys_of, row_text
from camagain.compare.judging.tables import compare_tables
from camagain.compare.judging.verdicts import Verdict
from camagain.statistics.tolerances import SeedSpread, explained, farthest

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


def test_a_row_is_judged_by_its_worst_verdict_and_then_by_its_largest_ratio():
    names = ("top1", "area", "mass")

    def table(*values: float) -> pd.DataFrame:
        """One row of three numbers with intervals of one point."""
        sides = {"": 0.0, "_low": -1.0, "_high": 1.0}
        cells = {f"{n}{s}_percent": v + d for n, v in zip(names, values, strict=True) for s, d in sides.items()}
        return pd.DataFrame([{"row": 0, **cells}])

    for moved, name, verdict in (
        ((0.2, 0.9, 0.5), "area", Verdict.WITHIN_TOLERANCE),
        ((3.0, 0.9, 9.0), "mass", Verdict.DIFFERS),
        ((9.0, 9.0, 0.9), "top1", Verdict.DIFFERS),  # the first of two alike
    ):
        tables = table(0.0, 0.0, 0.0), table(*(step * 2**0.5 for step in moved))
        row = compare_tables("analysis/x.csv", KIND, *tables, {}, {}).rows[0]
        assert (row.column, row.verdict) == (f"{name}_percent", verdict)


def test_a_difference_outweighs_a_far_larger_effect_of_the_same_sign():
    a = pd.DataFrame([{"row": 0, "top1_percent": 50.0, "top1_low_percent": 49.0, "top1_high_percent": 51.0}])
    a = a.assign(gain_points=50.0, gain_low_points=49.0, gain_high_points=51.0)
    b = a + {"row": 0, **dict.fromkeys(a.columns[1:4], 3.0), **dict.fromkeys(a.columns[4:], 400.0)}
    row = compare_tables("analysis/x.csv", KIND, a, b, {}, {}).rows[0]
    assert (row.column, row.verdict) == ("top1_percent", Verdict.DIFFERS)
    row = compare_tables("analysis/x.csv", KIND, a, b.assign(**a[a.columns[1:4]]), {}, {}).rows[0]
    assert (row.column, row.verdict) == ("gain_points", Verdict.SAME_CONCLUSION)


def test_a_value_without_a_tolerance_is_not_judged_beside_one_that_has_it():
    a = pd.DataFrame({"row": ["p", "q"], "value": [1.0, np.nan], "low": 0.0, "high": 2.0, "count": 5})
    b = a.assign(count=6)
    p, q = sorted(compare_tables("analysis/x.csv", KIND, a, b, {}, {}).rows, key=lambda row: row.name)
    assert (p.verdict, p.column, p.source) == (Verdict.WITHIN_TOLERANCE, "count", "the judged values are the same")
    assert (q.verdict, q.column, q.source) == (Verdict.DIFFERS, "count", "no tolerance is known")


def test_keys_of_all_rows_are_taken_at_once_and_those_of_one_row_alike():
    table = pd.DataFrame({"model": ["m", "n"], "t": [0.5, np.nan], "k": [3, 4], "note": [None, ""]})
    keys = keys_of(table, list(table))
    assert keys == [{"model": "m", "t": 0.5, "k": 3}, {"model": "n", "k": 4, "note": ""}]
    assert [row_text(key) for key in keys] == ["model=m; t=0.5; k=3", "model=n; k=4"]
    assert keys_of(table, []) == [{}, {}]
