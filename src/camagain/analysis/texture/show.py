"""Accuracy and localization under every corruption, and what losing shape and losing texture cost on average."""

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
from camagain.config import BASELINE
from camagain.datasets.index import spread_evenly
from camagain.drawing.cells import change_cell
from camagain.drawing.dots import offsets_of
from camagain.drawing.empty import empty_figure
from camagain.drawing.maps import show
from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults
from camagain.drawing.standing import standing
from camagain.drawing.style import BASELINE_COLOR, PAGE_INCHES, color_labels, model_colors
from camagain.evaluation.metrics import best_of
from camagain.statistics.correctness import Correct

NAME = "texture"
TITLE = "Shape and texture"
KEYS = ("model", "corruption", "loses", "patches_per_side", "window_px")
CAPTION = (
    "Accuracy, MaxBoxAcc (true class) and the share of the map inside the true box on corrupted images, with "
    "intervals over images. Shuffled patches keep what is smaller than a patch; a median filter keeps what is "
    "larger than its window. Maps of shuffled images are put back before they are scored. Hollow dots: the clean "
    "image's map, shuffled and put back at the resolution of the feature grid; the gap below them is the network's own "
    "loss. Random phases keep spectrum and colours but no object. Grey lines: most frequent class, centred "
    "Gaussian, map of one value."
)

SCORES = {"top1": "Top-1", "max_box_acc": "MaxBoxAcc"}
SUMMARIES = {"shape": "shape lost", "texture": "texture lost", "texture minus shape": "difference"}


def numbers(results: RunResults) -> pd.DataFrame:
    """Every row of the analysis, all models, with the data behind it."""
    return standing(results, NAME)


def text(results: RunResults, table: pd.DataFrame) -> TextTable:
    """Two rows for each model: classes and boxes."""
    if table.empty:
        return TextTable(f"The analysis applies to no model of {results.sample}.", ("Model",), ())
    labels = list(dict.fromkeys(corrupted(table)["label"]))
    rows = []
    for model, own in table.groupby("model", sort=False):
        values = corrupted(own).set_index("label")
        means = own[own["corruption"].isin(("mean", "contrast"))].set_index("loses")
        for i, (score, name) in enumerate(SCORES.items()):
            cells = [percent(values[f"{score}_percent"].get(label)) for label in labels]
            cells += [points(means, loss, f"{score}_change") for loss in SUMMARIES]
            rows.append(("" if i else str(model), name, *cells))
    return TextTable(caption(results), ("Model", "", *labels, *SUMMARIES.values()), tuple(rows), text_columns=2)


def percent(value: float | None) -> str:
    """A percentage, or a dash where there is none."""
    return "–" if value is None or pd.isna(value) else f"{value:.1f}"


def points(means: pd.DataFrame, loss: str, name: str) -> str:
    """A change in points with its interval, or a dash where it is not defined."""
    if loss not in means.index or pd.isna(means.loc[loss, f"{name}_points"]):
        return "–"
    return change_cell(*(means.loc[loss, f"{name}{bound}_points"] for bound in ("", "_low", "_high")))


def caption(results: RunResults) -> str:
    """The caption: what was done to which images, and how the last columns are computed."""
    applies = measured(results)
    images = max(entry["images"] for entry in applies.values())
    notes = dict.fromkeys(note for entry in applies.values() for note in entry["notes"])
    remarks = [f"{note}{concerned(note, applies)}." for note in notes]
    return (
        f"Top-1 and MaxBoxAcc of class activation maps of the true class, in percent, on {results.sample}; {images:,} "
        "of these images, corrupted. n × n: patches of such a grid change places, and maps are put back before they "
        "are scored. px: window of a median filter. Random phases leave no object to be found. Shape lost, texture "
        "lost: mean change over all grids, and over all windows, in points, with paired intervals over images. For "
        "MaxBoxAcc the reference is maps of clean images, for patches averaged over the same feature grid. Difference: "
        "texture minus shape, above 0 where losing shape costs more; it depends on grids and windows, and is no shape "
        f"bias in the sense of cue conflicts.{''.join(f' {remark[0].upper()}{remark[1:]}' for remark in remarks)}"
    )


def measured(results: RunResults) -> dict[str, dict[str, Any]]:
    """The status of each model to which the analysis applies."""
    without = results.not_applicable(NAME)
    return {
        model: results.status(NAME, model, job) for model, job in results.analysis_jobs(NAME) if model not in without
    }


def concerned(note: str, status: Mapping[str, dict]) -> str:
    """The models that a note is about, in parentheses; nothing where it is about all."""
    models = [model for model, entry in status.items() if note in entry["notes"]]
    return "" if len(models) == len(status) else f" ({', '.join(models)})"


KIND_GAP = 0.5
"""Space between two kinds of corruption, in widths of a column."""

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
"""Style of the control."""

PANELS = {"top1": "top-1, %", "max_box_acc": "MaxBoxAcc, %", "mass_in_box": "mass in box, %"}


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """A column for each corruption; a panel for classes, one for boxes, one for mass; in each a dot for each model."""
    found = results.analysis(NAME)
    if found.empty:
        return empty_figure(results, NAME)
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
        step = 1 if before is not None and kinds[before] == kinds[label] else 1 + KIND_GAP
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
    """One score with its intervals: dots of one kind of corruption are joined, and hollow dots are the control."""
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
    """The label of each column, and below the strengths of one kind what they destroy."""
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
    """Each score on the same images without looking at them, in percent.

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
