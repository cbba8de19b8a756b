"""Channels of each model: how weight, mean and area go together, and what channels for and against a class localize."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from camagain.drawing.cells import row_cell
from camagain.drawing.dots import draw_dots, height_of
from camagain.drawing.empty import empty_figure
from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults
from camagain.drawing.standing import standing
from camagain.drawing.style import PAGE_INCHES, color_labels, model_colors

NAME = "gap"
TITLE = "Channels, their weights and their areas"
KEYS = ("model", "quantity", "bin", "theta", "map", "region")
CAPTION = (
    "Upper row: channels of all test images in 20 equal bins by the weight of the predicted class, lowest weight "
    "left; markers are hollow where the mean weight is negative. GAP values are divided by the network's own "
    "deviation; the activated area is the share of cells above a share of the channel's maximum. Below: rank "
    "correlations over the channels of an image; maps of the channels of one sign of weight alone, as the share of "
    "their mass in the true box divided by the box's share of the area (1: no better than spread evenly) and as "
    "localizers."
)

THETA = 0.2
"""The threshold of activated area that the printed table shows; the CSV has all thresholds."""

COLUMNS = ("Model", "weight, GAP", "weight, area", "GAP, area", "MaxBoxAcc w > 0", "MaxBoxAcc w < 0", "in box w > 0",
           "in box w < 0")  # fmt: skip


def numbers(results: RunResults) -> pd.DataFrame:
    """Every row of the analysis, all models, with the data behind it."""
    return standing(results, NAME)


def text(results: RunResults, table: pd.DataFrame) -> TextTable:
    """A row for each model: three rank correlations, and both signs as localizers."""
    rows = tuple((str(model), *cells(own)) for model, own in table.groupby("model", sort=False))
    caption = (
        "First three: Spearman's rank correlation, over the channels of an image, of class weight, GAP value and "
        f"activated area (cells above {THETA:g} of the channel's maximum), mean over images. Then maps of the channels "
        "of positive and of negative weight alone: MaxBoxAcc in percent, and their mass in the true box divided by "
        "that of a map spread evenly. Bae et al. (2020) hold negative weights inside the box responsible for maps that "
        f"are too local. Predicted class, {results.scope} gap.csv has the other thresholds, the means by weight, and "
        "masks."
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
        *(row_cell(rows, 2) for rows in correlations),
        *(row_cell(rows) for rows in accuracies),
        *(row_cell(rows, 2) for rows in inside),
    ]


SIGNS: Mapping[str, str] = {"positive": "w > 0", "negative": "w < 0", "all": "all (CAM)"}
"""Maps of the channels of one sign of weight, and their names in a figure."""

MOST_MARKED = 8
"""With more networks lines have no markers."""


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """Above, four panels over the rank of the weight, filled where it is positive; below, three panels of dots."""
    table = results.analysis(NAME)
    if table.empty:
        return empty_figure(results, NAME)
    models = [model for model in results.models if (table["model"] == model).any()]
    colors = {model: color for model, color in model_colors(results.architectures).items() if model in models}
    pairs = table[table["quantity"].str.startswith("spearman")].assign(pair=pair_names)
    pairs = pairs.sort_values(["quantity", "theta"], ascending=[False, True], na_position="first", kind="stable")
    below = max(1.1, height_of(pairs["pair"].nunique(), len(models)))

    page = plt.figure(figsize=(PAGE_INCHES, 1.9 + below + 0.9), layout="constrained")
    upper, lower = page.subfigures(2, 1, squeeze=False, height_ratios=(1.9, below + 0.9))[:, 0]
    draw_over_weight(upper.subplots(1, 4, sharex=True), table, colors)
    left, middle, right = lower.subplots(1, 3)
    draw_dots(left, pairs, "pair", {name: name for name in dict.fromkeys(pairs["pair"])}, colors)
    left.axvline(0, color="black", linewidth=0.8)
    left.set_xlabel("Spearman's ρ over channels")
    inside = table[(table["quantity"] == "concentration") & (table["region"] == "box")]
    draw_dots(middle, inside, "map", SIGNS, colors)
    middle.axvline(1, color="black", linewidth=0.8)
    middle.set(xlabel="mass in the true box,\ntimes uniform", xlim=(0, None))
    draw_dots(right, table[table["quantity"] == "max_box_acc"], "map", SIGNS, colors)
    right.set(xlabel="MaxBoxAcc, %", xlim=(-2, 100))
    labels = color_labels(results.architectures, models)
    handles = [Line2D([], [], color=color, label=label) for label, color in labels.items()]
    page.legend(handles=handles, loc="outside lower center", ncols=4)
    return page, table


def draw_over_weight(panels: list, table: pd.DataFrame, colors: Mapping[str, str]) -> None:
    """Means of the bins of channels over the rank of their weight; a hollow marker where the mean weight is negative.

    GAP values have no scale that networks share: each is divided by its network's deviation over channels and images.
    """
    thetas = sorted(table.loc[table["quantity"] == "activated_area", "theta"].unique())
    marked = len(colors) <= MOST_MARKED
    for model, own in table.groupby("model", sort=False):
        deviation = own.loc[own["quantity"] == "gap_value_deviation", "value"].iloc[0] or 1.0
        weight = own[own["quantity"] == "weight"]
        rank = 100 * (weight["bin"] - 0.5).to_numpy() / len(weight)
        areas = [own[(own["quantity"] == "activated_area") & (own["theta"] == theta)]["value"] for theta in thetas]
        lines = [own[own["quantity"] == "gap_value"]["value"] / deviation, *areas]
        for axes, values in zip(panels, lines, strict=True):
            axes.plot(rank, values, color=colors[model], linewidth=0.8)
            if marked:
                faces = [colors[model] if mean > 0 else "white" for mean in weight["value"]]
                axes.scatter(rank, values, s=7, c=faces, edgecolors=colors[model], linewidths=0.6, zorder=3)
    titles = ["GAP value, deviations", *(f"area above {theta:g} max, %" for theta in thetas)]
    for axes, title in zip(panels, titles, strict=True):
        axes.set(title=title, xlim=(0, 100), xticks=(0, 50, 100), xlabel="rank of class weight, %")
    panels[0].axhline(0, color="black", linewidth=0.8)
    for axes in panels[1:]:
        axes.set_ylim(0, None)


def pair_names(rows: pd.DataFrame) -> list[str]:
    """The name of each correlation, such as "weight, area 0.2"."""
    names = {"weight_gap_value": "weight, GAP value", "weight_activated_area": "weight, area",
             "gap_value_activated_area": "GAP value, area"}  # fmt: skip
    pairs = [names[quantity.removeprefix("spearman_")] for quantity in rows["quantity"]]
    return [pair if pd.isna(theta) else f"{pair} {theta:g}" for pair, theta in zip(pairs, rows["theta"], strict=True)]
