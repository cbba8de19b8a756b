"""What decides whether two runs differ: the same weights allow rounding alone, others are held against the seeds."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from camagain.compare.judging.decisions import ANALYSES_SHARE, ERROR_RATE, SCORES_SHARE, Evidence, decide
from camagain.compare.judging.judge import GOES_WITH, ROUNDING, SAME_WEIGHTS, SEEDS, Judge, TableComparison
from camagain.compare.judging.kinds import Kind
from camagain.compare.judging.noise import Measured, Sample, noise_of, stack_noise
from camagain.compare.judging.relations import Relation, Relations, model_of
from camagain.compare.judging.rows import keys_of, row_text, row_texts
from camagain.compare.judging.stacks import stacked
from camagain.compare.judging.tables import scores_stack
from camagain.compare.judging.verdicts import Verdict
from camagain.statistics.evidence import any_of, most_of, student_p
from camagain.statistics.tolerances import rounding_of_sums

IMAGES = 400
METHODS = ("cam", "cam-gt", "pc1", "pc1-gt")
FILE = "analysis/gap/net/table.csv"
KIND = Kind("analysis/gap/*/table.csv", "analyses", ("row",), "gap")


def related(relation: Relation, *trainings: str) -> Relations:
    """All trainings relate alike."""
    names = dict.fromkeys(trainings or ("net",), relation)
    return Relations(names, names, frozenset(), frozenset(names))


def judge(stack, relation: Relation, spread: dict, floor: float = 0.0) -> TableComparison:
    """One table, decided by its own numbers alone."""
    noise = stack_noise(stack, spread, rounding_of_sums(IMAGES), floor)
    evidence = {("net", stack.kind.analysis): Evidence(noise.cells.p.ravel(), SEEDS)}
    decisions = decide(evidence) if relation is Relation.RETRAINED else {}
    (table,) = Judge(stack, related(relation), noise, decisions, rounding_of_sums(IMAGES)).tables()
    return table


def scores(drop: dict[str, float]) -> pd.DataFrame:
    """MaxBoxAcc of four maps, 80 less what each lost."""
    rows = [("net", name, "max_box_acc", 80 - drop.get(name, 0.0), 75.0, 85.0, 0.2) for name in METHODS]
    return pd.DataFrame(rows, columns=["model", "method", "figure", "value", "low", "high", "threshold"])


def scores_judged(drop: dict[str, float], relation: Relation, deviation: float = 0.0) -> TableComparison:
    spread = {f"model=net; method={name}; figure=max_box_acc": (deviation, 6) for name in METHODS}
    known = {"scores": {"value": spread}} if deviation else {}
    return judge(scores_stack(scores(drop), scores({})), relation, known, 100 / IMAGES)


def rows(a: list[float], b: list[float], relation: Relation, spread: dict | None = None) -> TableComparison:
    """An analysis with these values."""
    tables = [pd.DataFrame({"row": range(len(side)), "value": side}) for side in (a, b)]
    return judge(stacked(KIND, [FILE], [tuple(tables)]), relation, {FILE: {"value": spread or {}}})


# The same weights


@pytest.mark.parametrize("points", [0.25, 3.0, 5.0])
@pytest.mark.parametrize("maps", [METHODS, METHODS[:1]])
def test_with_the_same_weights_every_lost_image_differs(points: float, maps: tuple[str, ...]):
    table = scores_judged(dict.fromkeys(maps, points), Relation.EXACT)
    assert table.counts[Verdict.DIFFERS] == len(maps)
    assert {row.source for row in table.rows} == {SAME_WEIGHTS}


@pytest.mark.parametrize(("ulps", "verdict"), [(3, Verdict.WITHIN_TOLERANCE), (3000, Verdict.DIFFERS)])
def test_what_the_order_of_adding_leaves_is_no_difference(ulps: int, verdict: Verdict):
    row = rows([60.0], [60.0 + ulps * np.spacing(60.0)], Relation.EXACT).rows[0]
    assert row.verdict is verdict  # a sum of 400 terms is off by at most 200 units in the last place
    assert row.source == (ROUNDING if verdict is Verdict.WITHIN_TOLERANCE else SAME_WEIGHTS)


def test_on_another_machine_the_same_weights_leave_traces_of_single_precision():
    assert rows([60.0], [60.0 * (1 + 1e-5)], Relation.ROUNDED).verdict is Verdict.WITHIN_TOLERANCE
    assert rows([60.0], [61.0], Relation.ROUNDED).verdict is Verdict.DIFFERS
    assert rows([60.0], [60.0 * (1 + 1e-5)], Relation.EXACT).verdict is Verdict.DIFFERS


# Other weights


def test_other_weights_are_held_against_the_spread_over_seeds_alone():
    lost = dict.fromkeys(METHODS, 5.0)
    assert scores_judged(lost, Relation.RETRAINED, 2.5).verdict is Verdict.WITHIN_TOLERANCE
    found = scores_judged(lost, Relation.RETRAINED, 0.5)
    assert found.counts == {Verdict.DIFFERS: 4}
    row = found.rows[0]
    assert (row.source, row.tolerance) == (SEEDS, pytest.approx(student.ppf(0.975, 5) * math.sqrt(2) * 0.5))


def test_a_row_beyond_its_tolerance_is_within_it_where_its_model_is_not_beyond():
    found = scores_judged({"cam": 1.5}, Relation.RETRAINED, 0.4)  # 2.65 deviations of a difference, one of four maps
    assert found.verdict is Verdict.WITHIN_TOLERANCE
    assert found.rows[0].note == "beyond it; its model as a whole is not"


def test_of_a_model_that_differs_only_rows_beyond_their_tolerance_do():
    found = scores_judged({"cam": 20.0, "pc1": 0.25}, Relation.RETRAINED, 0.5)
    assert {row.key["method"]: row.verdict for row in found.rows} == {
        "cam": Verdict.DIFFERS,
        "pc1": Verdict.WITHIN_TOLERANCE,
    }


def test_a_spread_of_less_than_one_image_is_none():
    assert scores_judged({"cam": 0.5}, Relation.RETRAINED, 1e-6).verdict is Verdict.WITHIN_TOLERANCE


def test_most_rows_of_an_analysis_speak_for_it_and_a_few_do_not():
    spread = {f"row={place}": (1.0, 6) for place in range(20)}
    zeros = [0.0] * 20
    assert rows([40.0] * 5 + zeros[5:], zeros, Relation.RETRAINED, spread).verdict is Verdict.WITHIN_TOLERANCE
    assert rows([40.0] * 12 + zeros[12:], zeros, Relation.RETRAINED, spread).counts[Verdict.DIFFERS] == 12


def test_a_number_that_few_seeds_gave_alike_takes_the_usual_spread_of_its_column():
    found = rows([30.0, 41.0], [30.0, 40.0], Relation.RETRAINED, {"row=0": (1.0, 3)})
    assert found.rows[0].tolerance == pytest.approx(student.ppf(0.975, 2) * math.sqrt(2))


def test_a_value_that_one_run_alone_has_differs_unless_some_seeds_lack_it_too():
    nan = math.nan
    found = rows([0.5, 0.5], [0.5, nan], Relation.RETRAINED, {"row=0": (1.0, 3), "row=1": (1.0, 3)})
    assert found.rows[0].b is None
    sample = Sample.of(np.array([1.0]), np.array([0]), 1), Sample.of(np.array([nan]), np.array([0]), 1)
    for deviation, p in ((1.0, 0.0), (math.inf, 1.0)):
        measured = Measured(np.array([deviation]), np.array([2]), np.array([False]))
        assert noise_of(*sample, measured, 0.0).p.tolist() == [p]


def test_without_a_spread_rows_go_with_their_model():
    stack = scores_stack(scores({"cam": 9.0}), scores({}))
    noise = stack_noise(stack, {}, 0.0, 0.25)
    for p, unexplained, verdict in (
        (0.5, True, Verdict.WITHIN_TOLERANCE),
        (1e-4, True, Verdict.UNDECIDED),
        (1e-4, False, Verdict.DIFFERS),
    ):
        decisions = decide({("net", ""): Evidence(np.array([p]), "images", unexplained)})
        (table,) = Judge(stack, related(Relation.RETRAINED), noise, decisions, 0.0).tables()
        assert (table.rows[0].verdict, table.rows[0].source) == (verdict, GOES_WITH)


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        ((3.0, 2.0, 4.0), (8.0, 7.0, 9.0), Verdict.SAME_CONCLUSION),
        ((3.0, 2.0, 4.0), (-8.0, -9.0, -7.0), Verdict.DIFFERS),
        ((3.0, 2.0, 4.0), (8.0, -1.0, 9.0), Verdict.DIFFERS),
        ((3.0, -1.0, 4.0), (8.0, -1.0, 9.0), Verdict.DIFFERS),  # neither run is certain of anything
    ],
)
def test_a_larger_effect_of_the_same_certain_sign_is_the_same_conclusion(a: tuple, b: tuple, verdict: Verdict):
    names = ("difference_points", "difference_low_points", "difference_high_points")
    tables = [pd.DataFrame([{"row": 0, **dict(zip(names, side, strict=True))}]) for side in (a, b)]
    stack = stacked(KIND, [FILE], [tuple(tables)])
    row = judge(stack, Relation.RETRAINED, {FILE: {names[0]: {"row=0": (0.1, 6)}}}).rows[0]
    assert row.verdict is verdict
    assert f"effect ratio {3 / b[0]:.2f}" in row.note
    assert ("of opposite sign" in row.note) == (b[0] < 0)


@pytest.mark.parametrize(("others", "verdict"), [(Relation.RETRAINED, "within"), (Relation.EXACT, "differs")])
def test_a_p_value_adjusted_for_other_trainings_moves_with_them(others: Relation, verdict: str):
    tables = [
        pd.DataFrame({"model": ["net", "other"], "row": 0, "p_value": [0.1, 0.2], "p_holm": [0.2, other]})
        for other in (0.3, 0.4)
    ]
    tables[1].loc[0, "p_holm"] = 0.25
    kind = Kind("tables/remedies.csv", "tables", ("model", "row"), "")
    stack = stacked(kind, ["tables/remedies.csv"], [tuple(tables)])
    names = {"net": Relation.EXACT, "other": others}
    relations = Relations(names, names, frozenset(), frozenset(names))
    judged = Judge(
        stack, relations, stack_noise(stack, {}, rounding_of_sums(IMAGES), 0.0), {}, rounding_of_sums(IMAGES)
    )
    assert (judged.level[0] < Verdict.DIFFERS.level) == (verdict == "within")


# Several seeds


def seeds(values: dict[int, float]) -> pd.DataFrame:
    """One score of a network trained with several seeds."""
    names = ["model", "method", "figure", "value", "low", "high", "threshold"]
    return pd.DataFrame(
        [(f"net/seed{k}", "cam", "max_box_acc", v, 0.0, 99.0, 0.2) for k, v in values.items()], columns=names
    )


def seeds_judged(a: dict[int, float], b: dict[int, float]) -> tuple[TableComparison, float]:
    stack = scores_stack(seeds(a), seeds(b))
    noise = stack_noise(stack, {}, 0.0, 0.25)
    decisions = decide({("net", ""): Evidence(noise.cells.p.ravel(), SEEDS)})
    names = {f"net/seed{k}": Relation.RETRAINED for k in (*a, *b)}
    both = frozenset(f"net/seed{k}" for k in a.keys() & b.keys())
    (table,) = Judge(stack, Relations(names, names, frozenset(), both), noise, decisions, 0.0).tables()
    return table, float(noise.cells.p[0, 0])


def test_means_over_seeds_are_compared_by_the_pooled_spread_of_both_runs():
    from scipy.stats import ttest_ind

    a, b = {0: 70.0, 1: 73.0, 2: 71.0}, {0: 80.0, 1: 79.0, 2: 82.0}
    table, p = seeds_judged(a, b)
    assert p == pytest.approx(ttest_ind(list(a.values()), list(b.values())).pvalue)
    assert table.counts == {Verdict.DIFFERS: 3}
    assert seeds_judged(b, {0: 79.0, 1: 82.0, 2: 80.0})[0].verdict is Verdict.WITHIN_TOLERANCE


def test_runs_with_other_seeds_have_no_rows_missing():
    table, _ = seeds_judged({0: 80.0, 1: 81.0, 2: 82.0}, {3: 80.0, 4: 81.5, 5: 82.0})
    assert table.counts == {Verdict.WITHIN_TOLERANCE: 6}
    table, _ = seeds_judged({0: 80.0, 1: 81.0, 2: 82.0}, {0: 80.0, 1: 81.0})
    assert Verdict.MISSING not in table.counts


def test_a_seed_is_no_part_of_the_name_of_a_model():
    assert [model_of(name) for name in ("net/seed1", "net", "a/net/seed0/table.csv", "net/K13-seed0")] == [
        "net", "net", "a/net/table.csv", "net/K13-seed0",
    ]  # fmt: skip


# The statistics behind it


def test_the_error_rate_is_divided_among_the_decisions():
    evidence = {("one", ""): Evidence(np.array([0.03]), SEEDS), ("two", ""): Evidence(np.array([0.005]), SEEDS)}
    found = decide(evidence)
    assert [one.p for one in found.values()] == pytest.approx([0.03 * 2 / SCORES_SHARE, 0.005 * 2 / SCORES_SHARE])
    assert [one.verdict for one in found.values()] == [Verdict.WITHIN_TOLERANCE, Verdict.DIFFERS]
    found = decide({**evidence, ("one", "gap"): Evidence(np.array([0.001, 1.0]), SEEDS)})
    assert found["two", ""].p == pytest.approx(0.005 * 2 / SCORES_SHARE)
    assert found["one", "gap"].p == pytest.approx(2 * 0.001 / ANALYSES_SHARE)


def test_any_of_several_p_values():
    assert any_of(np.full(40, 0.01)) == pytest.approx(0.01)  # all say the same
    assert any_of(np.array([1e-6] + [0.5] * 39)) == pytest.approx(4e-5, rel=1e-3)  # Bonferroni's 40 times the smallest
    assert any_of(np.array([0.0, 1.0])) == pytest.approx(2e-300)
    assert any_of(np.array([1.0, 1.0])) == pytest.approx(0.9)
    assert any_of(np.empty(0)) == 1.0


def test_most_of_several_p_values():
    assert most_of(np.array([0.01, 0.01, 0.9, 0.8])) == pytest.approx(0.02)
    assert most_of(np.array([0.01, 0.9, 0.9, 0.8])) == 1.0
    assert most_of(np.array([0.01])) == pytest.approx(0.01)
    assert most_of(np.empty(0)) == 1.0


@pytest.mark.parametrize("shared", [0.0, 0.5, 1.0])
def test_combined_p_values_keep_their_level_whatever_the_dependence(shared: float):
    from scipy.stats import norm

    random = np.random.default_rng(0)
    draws = math.sqrt(shared) * random.normal(size=(4000, 1)) + math.sqrt(1 - shared) * random.normal(size=(4000, 40))
    p_values = 2 * norm.sf(np.abs(draws))
    for combine in (any_of, most_of):
        assert np.mean([combine(own) < ERROR_RATE / 4 for own in p_values]) < 0.02


def test_p_values_of_a_difference():
    p = student_p(np.array([2.0, 2.0, np.nan, 2.0, 2.0]), np.array([1.0, np.inf, 1.0, np.nan, 0.0]), np.full(5, 4.0))
    assert p[:3] == pytest.approx([2 * student.sf(2, 4), 1.0, 0.0])
    assert np.isnan(p[3:]).all()


def test_keys_of_all_rows_are_taken_at_once_and_those_of_one_row_alike():
    table = pd.DataFrame({"model": ["m", "n"], "t": [0.5, np.nan], "k": [3, 4], "note": [None, ""]})
    keys = keys_of(table, list(table))
    assert keys == [{"model": "m", "t": 0.5, "k": 3}, {"model": "n", "k": 4, "note": ""}]
    assert [row_text(key) for key in keys] == row_texts(table, list(table)) == ["model=m; t=0.5; k=3", "model=n; k=4"]
    assert keys_of(table, []) == [{}, {}]
