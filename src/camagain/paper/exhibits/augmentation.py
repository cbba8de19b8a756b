"""What each change of the recipe does: models that differ in nothing but their training, against the first of them."""

import pandas as pd

from camagain.drawing.recipes import changed_keys, recipe_groups
from camagain.drawing.render import TextTable
from camagain.drawing.results import MAP_NAMES, RunResults
from camagain.paper.exhibits.localization import cell
from camagain.paper.exhibits.paired_tests import paired_table

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


def augmentation_table(results: RunResults) -> pd.DataFrame:
    """One row per model and method of each group, its reference first: MaxBoxAcc, and the paired difference to it.

    The reference is the first model of its architecture, options and starting weights that has results. Differences and
    intervals are those of `paired-tests`, each side at its own best threshold; they speak of images, not of seeds.
    """
    pairs = paired_table(results)
    pairs = pairs[pairs["kind"] == "models"].set_index(["model_a", "model_b", "method_a"])
    rows = []
    for group in recipe_groups(results.experiment):
        here = [model for model in group if model.name in results.models]
        for model in here:
            for method in results.experiment.localization.methods:
                figures = results.metrics(model.name, method)["figures"]
                row = {
                    "model": model.name,
                    "reference": here[0].name,
                    "changed": changed_keys(model, here[0]),
                    "method": method,
                    "top1_percent": figures["top1"]["value"],
                    "max_box_acc_percent": figures["max_box_acc"]["value"],
                }
                if model is not here[0]:
                    pair = pairs.loc[(model.name, here[0].name, method)]
                    row |= {key: pair[key] for key in ("difference_points", "low_points", "high_points")}
                    row |= {"only_model_right": pair["only_a_right"], "only_reference_right": pair["only_b_right"]}
                rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def augmentation_text(results: RunResults) -> TextTable:
    """A row for each model of a group, by the first method."""
    table, method = augmentation_table(results), results.experiment.localization.methods[0]
    rows = []
    for row in table[table["method"] == method].itertuples():
        figures = results.metrics(row.model, method)["figures"]
        is_reference = row.model == row.reference
        rows.append(
            (
                row.model,
                "reference" if is_reference else row.changed,
                cell(figures["top1"]),
                cell(figures["max_box_acc"]),
                "–"
                if is_reference
                else f"{row.difference_points:+.1f} [{row.low_points:+.1f}, {row.high_points:+.1f}]",
            )
        )
    caption = (
        f"What each change of the recipe does, in percent on {results.scope} Models of one architecture and the same "
        f"starting weights; the first is the reference. MaxBoxAcc of {MAP_NAMES[method]}; differences in points, "
        "paired over images, each side at its own best threshold. One training each: another seed moves them, too."
    )
    columns = ("Model", "Changed", "Top-1", "MaxBoxAcc", "− reference, points")
    return TextTable(caption, columns, tuple(rows), text_columns=2)
