"""What each change of the recipe does: models that differ in nothing but their training, against the first of them."""

import pandas as pd

from camagain.drawing.cells import NONE, change_cell, score_cell
from camagain.drawing.recipes import changed_keys, recipe_groups
from camagain.drawing.render import TextTable
from camagain.drawing.results import MAP_NAMES, RunResults
from camagain.paper.exhibits import paired_tests

NAME = "augmentation"
TITLE = "What each change of the recipe does"
PLACE = 80
KEYS = ("model", "reference", "changed", "method")
SHOWN_IF = "camagain.drawing.recipes.recipe_groups"

COLUMNS = (
    "model",
    "reference",
    "changed",
    "method",
    "top1_percent",
    "max_box_acc_percent",
    "difference_points",
    "low_points",
    "high_points",
    "only_model_right",
    "only_reference_right",
)


ONE_TRAINING = " One training each: another seed also moves them."


def numbers(results: RunResults) -> pd.DataFrame:
    """One row per model and method of each group, its reference first: MaxBoxAcc, and the paired difference to it.

    The reference is the first model of its architecture, options and starting weights that has results. Differences and
    intervals are those of `paired-tests`, each side at its own best threshold; they speak of images, not of seeds.
    """
    pairs = results.once(paired_tests.numbers)
    pairs = pairs[pairs["kind"] == "models"].set_index(["model_a", "model_b", "method_a"])
    rows = []
    for group in recipe_groups(results.experiment):
        here = [model for model in group if model.name in results.models]
        for model in here:
            for method in results.experiment.localization.methods:
                scores = results.scores(model.name, method)
                row = {
                    "model": model.name,
                    "reference": here[0].name,
                    "changed": changed_keys(model, here[0]),
                    "method": method,
                    "top1_percent": scores["top1"]["value"],
                    "max_box_acc_percent": scores["max_box_acc"]["value"],
                }
                if model is not here[0]:
                    pair = pairs.loc[(model.name, here[0].name, method)]
                    row |= {key: pair[key] for key in ("difference_points", "low_points", "high_points")}
                    row |= {"only_model_right": pair["only_a_right"], "only_reference_right": pair["only_b_right"]}
                rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def text(results: RunResults, table: pd.DataFrame) -> TextTable:
    """A row for each model of a group, by the first method."""
    method = results.experiment.localization.methods[0]
    rows = []
    for row in table[table["method"] == method].itertuples():
        scores = results.scores(row.model, method)
        is_reference = row.model == row.reference
        rows.append(
            (
                row.model,
                "reference" if is_reference else row.changed,
                score_cell(scores["top1"]),
                score_cell(scores["max_box_acc"]),
                NONE if is_reference else change_cell(row.difference_points, row.low_points, row.high_points),
            )
        )
    caption = (
        f"What each change of the recipe does, in percent on {results.scope} Models of one architecture and the same "
        f"starting weights; the first is the reference. MaxBoxAcc of {MAP_NAMES[method]}; differences in points, "
        f"paired over images, each side at its own best threshold.{ONE_TRAINING if len(results.parts) == 1 else ''}"
    )
    columns = ("Model", "Changed", "Top-1", "MaxBoxAcc", "− reference, points")
    return TextTable(caption, columns, tuple(rows), text_columns=2)
