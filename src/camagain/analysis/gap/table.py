"""Channels of each model: how weight, mean and area go together, and what channels for and against a class localize."""

import pandas as pd

from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults
from camagain.drawing.standing import cell, standing

THETA = 0.2
"""The one of the thresholds of activated area that the printed table shows; the CSV has all."""

COLUMNS = ("Model", "weight, GAP", "weight, area", "GAP, area", "MaxBoxAcc w > 0", "MaxBoxAcc w < 0", "in box w > 0",
           "in box w < 0")  # fmt: skip


def table(results: RunResults) -> pd.DataFrame:
    """Every row of the analysis, all models, with what it stands on."""
    return standing(results, "gap")


def text(results: RunResults) -> TextTable:
    """A row for each model: three rank correlations, and both signs as localizers."""
    found = results.analysis("gap")
    rows = tuple((str(model), *cells(own)) for model, own in found.groupby("model", sort=False))
    caption = (
        "First three: Spearman's rank correlation, over the channels of an image, of class weight, GAP value and "
        f"activated area (cells above {THETA:g} of the channel's maximum), mean over images. Then maps of the channels "
        "of positive and of negative weight alone: MaxBoxAcc in percent, and how many times more of their mass lies in "
        "the true box than if it were spread evenly. Negative weights inside the box are what Bae et al. (2020) hold "
        f"responsible for maps that are too local. Predicted class, {results.scope} gap.csv has the other thresholds, "
        "the means by weight, and masks."
    )
    return TextTable(caption, COLUMNS, rows)


def cells(own: pd.DataFrame) -> list[str]:
    """The cells of one model."""
    quantity, theta = own["quantity"], own["theta"]
    correlations = [
        own[quantity == "spearman_weight_gap_value"],
        own[(quantity == "spearman_weight_activated_area") & (theta == THETA)],
        own[(quantity == "spearman_gap_value_activated_area") & (theta == THETA)],
    ]
    signs = ("positive", "negative")
    accuracies = [own[(quantity == "max_box_acc") & (own["map"] == sign)] for sign in signs]
    inside = [own[(quantity == "concentration") & (own["map"] == sign) & (own["region"] == "box")] for sign in signs]
    return [
        *(cell(rows, 2) for rows in correlations),
        *(cell(rows) for rows in accuracies),
        *(cell(rows, 2) for rows in inside),
    ]
