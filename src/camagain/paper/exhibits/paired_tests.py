"""Paired tests: methods of one model, models under one method, and each against the centred Gaussian."""

from collections.abc import Iterator
from itertools import combinations

import pandas as pd

from camagain.config import BASELINE
from camagain.drawing.cells import NONE, change_cell, p_cell
from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults, series_name
from camagain.evaluation.metrics import best_of
from camagain.statistics.accuracies import accuracy_at_best
from camagain.statistics.bootstrap import Sampling
from camagain.statistics.paired import discordant, holm

NAME = "paired-tests"
TITLE = "Paired tests"
PLACE = 20
KEYS = ("kind", "model_a", "method_a", "model_b", "method_b")

Key = tuple[str, str]
"""(model, method)."""

CHANCE = (BASELINE, "centre-gaussian")


def numbers(results: RunResults) -> pd.DataFrame:
    """One row per pair, a minus b: difference of MaxBoxAcc with its paired interval, counts of images and p-values.

    Each side is taken at its own best threshold. `p_value` is that of the interval, which leaves out 0 where p is below
    1 - confidence. `p_holm` is adjusted for the pairs of its kind that test something, each once: a pair that no
    resample tells apart has no p-value, and where two methods have the same boxes right, their comparisons with a third
    are one test.
    """
    settings = results.experiment.evaluation
    sampling = Sampling(settings.bootstrap, settings.confidence, results.experiment.seed)
    tables = {key: results.correct(*key) for key in results.keys}
    best = {key: best_of(table.curve())[1] for key, table in tables.items()}
    scored = {key: accuracy_at_best([(table, table)], sampling) for key, table in tables.items()}
    rows = []
    for kind, a, b in pairs(results):
        difference = scored[a] - scored[b]
        found = difference.estimate(settings.confidence)
        only_a, only_b = discordant(tables[a].at(best[a]), tables[b].at(best[b]))
        rows.append(
            {
                "kind": kind,
                "model_a": a[0],
                "method_a": a[1],
                "model_b": b[0],
                "method_b": b[1],
                "difference_points": found.value,
                "low_points": found.low,
                "high_points": found.high,
                "only_a_right": only_a,
                "only_b_right": only_b,
                "p_value": difference.p_value(),
                "test": (kind, tables[a].bits.tobytes(), tables[b].bits.tobytes()),
            }
        )
    table = pd.DataFrame(rows)
    tests = table.drop_duplicates("test").dropna(subset="p_value")
    adjusted = tests.groupby("kind")["p_value"].transform(lambda values: holm(values.to_numpy()))
    return table.assign(p_holm=table["test"].map(dict(zip(tests["test"], adjusted, strict=True)))).drop(columns="test")


def pairs(results: RunResults) -> Iterator[tuple[str, Key, Key]]:
    """Every pair that differs in one thing: kind, a, b."""
    methods = results.experiment.localization.methods
    for model in results.models:
        for first, second in combinations(methods, 2):
            yield "methods", (model, second), (model, first)
    for method in methods:
        for one, other in combinations(results.models, 2):
            yield "models", (other, method), (one, method)
    for model in results.models:
        for method in methods:
            yield "chance", (model, method), CHANCE


def text(results: RunResults, table: pd.DataFrame) -> TextTable:
    """The pairs people ask for first: methods against the first one, models against the first one, and chance."""
    first_model, first_method = results.models[0], results.experiment.localization.methods[0]
    shown = table[
        ((table["kind"] == "methods") & (table["method_b"] == first_method))
        | ((table["kind"] == "models") & (table["model_b"] == first_model))
        | ((table["kind"] == "chance") & (table["method_a"] == first_method))
    ]
    rows = tuple(
        (
            series_name(row.model_a, row.method_a),
            series_name(row.model_b, row.method_b),
            change_cell(
                row.difference_points,
                row.low_points,
                row.high_points,
                row.get("difference_points_deviation"),
            ),
            f"{row.only_a_right:g}",
            f"{row.only_b_right:g}",
            *(p_cell(p) if len(results.parts) == 1 else NONE for p in (row.p_value, row.p_holm)),
        )
        for _, row in shown.iterrows()
    )
    of_seeds = ", for every seed (the same on both sides), with p" if len(results.parts) > 1 else ""
    caption = (
        f"Paired differences of MaxBoxAcc in points on {results.scope} Each side at its own best threshold; intervals "
        "from a bootstrap that draws the same images for both. Only A, only B: test images that one has right and the "
        "other wrong. p is that of the interval, which leaves out 0 where p is below "
        f"{1 - results.experiment.evaluation.confidence:.2g}; neither is adjusted for the number of pairs. p (Holm) "
        "is, over the pairs of a kind (two methods, two models, against chance), each distinct test once. A dash: no "
        "resample tells the two apart, as where their boxes are the same, and there is nothing to test. "
        f"paired-tests.csv holds all {len(table)}{of_seeds}. They speak of images, not of training seeds."
    )
    columns = ("A", "B", "A − B, points", "only A", "only B", "p", "p (Holm)")
    return TextTable(caption, columns, rows, text_columns=2)
