"""Principal components of each model: variance, what they localize, and how PC1 compares with CAM."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from camagain.drawing.cells import p_cell, row_cell
from camagain.drawing.dots import draw_dots, height_of
from camagain.drawing.empty import empty_figure
from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults
from camagain.drawing.standing import standing
from camagain.drawing.style import PAGE_INCHES, color_labels, model_colors

NAME = "pca"
TITLE = "Principal components of the feature maps"
KEYS = ("model", "quantity", "component", "map")
CAPTION = (
    "Components of weighed and scaled channels, as PC1 is made. Left: share of the variance, mean over test images. "
    "Middle: boxes from CAM and from each component, oriented so that the edge of the image is dark. Right: test "
    "images by whether CAM, PC1, both or neither give a right box, each at its own best threshold."
)

MAPS = ("CAM", "PC1", "PC2", "PC3")

COLUMNS = ("Model", "PC1, % of variance", "first 3", *MAPS, "r of CAM, PC1", "only CAM, %", "only PC1, %", "p")


def numbers(results: RunResults) -> pd.DataFrame:
    """Every row of the analysis, all models, with the data behind it."""
    return standing(results, NAME)


def text(results: RunResults, table: pd.DataFrame) -> TextTable:
    """A row for each model."""
    rows = tuple((str(model), *cells(own)) for model, own in table.groupby("model", sort=False))
    caption = (
        "Principal components of weighed and scaled channels, as PC1 is made: share of the variance that the first one "
        "and the first three explain; MaxBoxAcc of CAM and of components, in percent, each oriented so that the edge "
        "of the image is dark; Pearson correlation of CAM and PC1 over cells, mean over images; images that only "
        "one localizes; p of the difference of MaxBoxAcc, not adjusted for the number of models. Predicted class, "
        f"{results.scope}"
    )
    return TextTable(caption, COLUMNS, rows)


def cells(own: pd.DataFrame) -> list[str]:
    """The cells of one model."""
    quantity, component = own["quantity"], own["component"]
    p_value = own.loc[quantity == "difference_p_value", "value"]
    return [
        row_cell(own[(quantity == "variance_share") & (component == 1)]),
        row_cell(own[(quantity == "cumulative_variance_share") & (component == 3)]),
        *(row_cell(own[(quantity == "max_box_acc") & (own["map"] == name)]) for name in MAPS),
        row_cell(own[quantity == "pearson_cam_pc1"], 2),
        *(row_cell(own[quantity == name]) for name in ("only_cam_right", "only_pc1_right")),
        p_cell(p_value.iloc[0]) if len(p_value) else "–",
    ]


MAPS = ("CAM", "PC1", "PC2", "PC3")

LOWEST_SHARE = 1e-3
"""Shares of the variance below this are not shown, percent."""

RIGHT_BY: Mapping[str, tuple[str, str]] = {
    "both_right": ("both", "0.35"),
    "only_cam_right": ("only CAM", "#E69F00"),
    "only_pc1_right": ("only PC1", "#56B4E9"),
    "neither_right": ("neither", "0.88"),
}
"""Images by which of CAM and PC1 has them right: their name in the legend, and their colour."""


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """Left: variance by component; middle: MaxBoxAcc of CAM and components; right: images by which map is right."""
    table = results.analysis(NAME)
    if table.empty:
        return empty_figure(results, NAME)
    models = [model for model in results.models if (table["model"] == model).any()]
    colors = {model: color for model, color in model_colors(results.architectures).items() if model in models}
    height = max(2.2, height_of(len(MAPS), len(models)) + 0.9, 0.17 * len(models) + 1.2)
    page, (left, middle, right) = plt.subplots(1, 3, figsize=(PAGE_INCHES, height), layout="constrained")
    draw_variance(left, table, colors)
    localizers = table[table["quantity"] == "max_box_acc"]
    draw_dots(middle, localizers, "map", {name: name for name in MAPS}, colors)
    middle.set(xlabel="MaxBoxAcc, %", xlim=(0, 100))
    draw_cases(right, table, models)
    labels = color_labels(results.architectures, models)
    handles = [Line2D([], [], color=color, label=label) for label, color in labels.items()]
    page.legend(handles=handles, loc="outside lower center", ncols=4)
    return page, table


def draw_variance(axes: Axes, table: pd.DataFrame, colors: Mapping[str, str]) -> None:
    """Share of the variance over the number of the component, one line for each model, with its interval as a band."""
    rows = table[(table["quantity"] == "variance_share") & (table["value"] > 0)]
    for model, own in rows.groupby("model", sort=False):
        component = own["component"].to_numpy(dtype=int)
        axes.plot(component, own["value"], color=colors[model], linewidth=1, marker=".", markersize=3)
        axes.fill_between(component, own["low"], own["high"], color=colors[model], alpha=0.25, linewidth=0)
    axes.set_yscale("log")
    lowest = max(LOWEST_SHARE, rows["value"].min())
    decades = 10.0 ** np.arange(np.floor(np.log10(lowest)), 3)
    axes.set_yticks(decades, [f"{decade:g}" for decade in decades])
    axes.set_ylim(lowest * 0.7, 130)
    axes.set(xlabel="principal component", ylabel="explained variance, %", xlim=(0, rows["component"].max() + 1))
    axes.minorticks_off()
    axes.grid(axis="y", linewidth=0.4, alpha=0.6)


def draw_cases(axes: Axes, table: pd.DataFrame, models: list[str]) -> None:
    """One bar for each model, divided into the shares of images that both, one or neither of the two maps localize."""
    shares = table[table["quantity"].isin(RIGHT_BY)].pivot(index="model", columns="quantity", values="value")
    start = pd.Series(0.0, models)
    for case, (_, color) in RIGHT_BY.items():
        width = shares.loc[models, case]
        axes.barh(range(len(models)), width, left=start, height=0.7, color=color)
        start = start + width
    axes.set_yticks(range(len(models)), models, fontsize=6)
    axes.set(xlabel="test images, %", xlim=(0, 100))
    axes.set_ylim(len(models) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    handles = [Patch(color=color, label=label) for label, color in RIGHT_BY.values()]
    tight: dict[str, Any] = {"handlelength": 0.8, "handletextpad": 0.4, "columnspacing": 0.8}
    axes.legend(handles=handles, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2, ncols=4, **tight)
