"""Accuracy and localization over corruptions that destroy shape, or texture, with an example of each above."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from camagain.analysis.texture.examples import examples
from camagain.analysis.texture.names import GROUPS, corrupted
from camagain.analysis.texture.table import measured
from camagain.config import BASELINE
from camagain.datasets.index import spread_evenly
from camagain.drawing.dots import offsets_of
from camagain.drawing.empty import empty_figure
from camagain.drawing.results import RunResults
from camagain.drawing.style import BASELINE_COLOR, PAGE_INCHES, color_labels, model_colors
from camagain.evaluation.metrics import best_of
from camagain.paper.exhibits.heatmaps import show
from camagain.statistics.correctness import Correct

GAP = 0.5
"""Between two kinds of corruption, in widths of a column."""

MOST_LARGE = 8
"""With more models dots and lines are smaller."""

PANEL_INCHES = 1.35
EXAMPLE_INCHES = 0.62

CONTROL: dict[str, Any] = {
    "marker": "o",
    "markersize": 3,
    "markerfacecolor": "white",
    "markeredgewidth": 0.8,
    "linestyle": ":",
    "linewidth": 0.8,
}
"""How the control is drawn."""

PANELS = {"top1": "top-1, %", "max_box_acc": "MaxBoxAcc, %", "mass_in_box": "mass in box, %"}


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """A column for each corruption; a panel for classes, one for boxes, one for mass; in each a dot for each model."""
    found = results.analysis("texture")
    if found.empty:
        return empty_figure(results, "texture")
    table, pictures = corrupted(found), examples(results)
    colors = {
        model: color for model, color in model_colors(results.architectures).items() if (table["model"] == model).any()
    }
    places = places_of(table)
    inches = EXAMPLE_INCHES if pictures else 0.05
    page = plt.figure(figsize=(PAGE_INCHES, PANEL_INCHES * len(PANELS) + inches + 0.9), layout="constrained")
    ratios = [inches, *[PANEL_INCHES] * len(PANELS)]
    top, *panels = page.subplots(1 + len(PANELS), 1, sharex=True, height_ratios=ratios)
    draw_examples(top, pictures, places)
    levels = without_looking(results)
    for axes, (name, label) in zip(panels, PANELS.items(), strict=True):
        draw_panel(axes, table, name, places, colors)
        axes.axhline(levels[name], color=BASELINE_COLOR, linewidth=0.9, zorder=0)
        axes.set(ylabel=label, ylim=(0, 103))  # markers at 100 % show whole
    name_columns(panels[-1], table, places)
    handles = [
        Line2D([], [], color=color, marker="o", markersize=3, label=label)
        for label, color in color_labels(results.architectures, list(colors)).items()
    ]
    handles.append(Line2D([], [], color="black", label="control: clean map through the grid", **CONTROL))
    handles.append(Line2D([], [], color=BASELINE_COLOR, label="without looking"))
    page.legend(handles=handles, loc="outside lower center", ncols=4)
    return page, found


def places_of(table: pd.DataFrame) -> dict[str, float]:
    """Where the column of each corruption stands, by label, kinds apart from each other."""
    places: dict[str, float] = {}
    kinds = table.drop_duplicates("label").set_index("label")["corruption"]
    for before, label in zip([None, *kinds.index], kinds.index, strict=False):
        step = 1 if before is not None and kinds[before] == kinds[label] else 1 + GAP
        places[label] = 0.0 if before is None else places[before] + step
    return places


def draw_examples(axes: Axes, pictures: Mapping[str, np.ndarray], places: Mapping[str, float]) -> None:
    """Each picture above its column."""
    axes.set_axis_off()
    transform = axes.get_xaxis_transform()
    for label, pixels in pictures.items():
        if label in places:
            show(axes.inset_axes((places[label] - 0.48, 0, 0.96, 1), transform=transform), pixels)


def draw_panel(
    axes: Axes, table: pd.DataFrame, name: str, places: Mapping[str, float], colors: Mapping[str, str]
) -> None:
    """One figure with its intervals: dots of one kind of corruption are joined, and hollow dots are the control."""
    scale = 1.0 if len(colors) <= MOST_LARGE else 0.5
    look: dict[str, Any] = {"marker": "o", "markersize": 3 * scale, "linewidth": scale}
    for (model, color), offset in zip(colors.items(), offsets_of(len(colors)), strict=True):
        own = table[table["model"] == model].dropna(subset=f"{name}_percent")
        for kind, rows in own.groupby("corruption", sort=False):
            x = [places[label] + offset for label in rows["label"]]
            value, low, high = (rows[f"{name}{bound}_percent"].to_numpy(float) for bound in ("", "_low", "_high"))
            axes.errorbar(x, value, [value - low, high - value], color=color, **look)
            if kind == "patches" and name != "top1":
                axes.plot(x, rows[f"{name}_control_percent"], color=color, **(CONTROL | {"markersize": 3 * scale}))
    axes.grid(axis="y", linewidth=0.4, alpha=0.6)
    axes.tick_params(axis="x", length=0)


def name_columns(axes: Axes, table: pd.DataFrame, places: Mapping[str, float]) -> None:
    """What each column is, and below several strengths of one kind what they destroy."""
    axes.set_xticks(list(places.values()), list(places))
    axes.set_xlim(min(places.values()) - 0.6, max(places.values()) + 0.6)
    for kind, text in GROUPS.items():
        columns = [places[label] for label in dict.fromkeys(table.loc[table["corruption"] == kind, "label"])]
        if columns and text:
            axes.text(
                sum(columns) / len(columns),
                -0.17,
                text,
                ha="center",
                va="top",
                fontsize=7,
                transform=axes.get_xaxis_transform(),
            )


def without_looking(results: RunResults) -> dict[str, float]:
    """What each figure is on the same images without a look at them, in percent.

    The most frequent class, the centred Gaussian at its best threshold, and a map of one value.
    """
    status = next(iter(measured(results).values()))
    gaussian = results.correct(BASELINE, "centre-gaussian")
    rows = spread_evenly(pd.DataFrame({"row": np.arange(len(gaussian))}), status["images"])["row"]
    same_images = Correct(gaussian.bits[rows], gaussian.thresholds)
    return {
        "top1": status["chance_percent"],
        "max_box_acc": best_of(same_images.curve())[0],
        "mass_in_box": status["box_area_percent"],
    }
