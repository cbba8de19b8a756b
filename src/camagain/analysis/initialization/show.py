"""Before and along training: what each model's channels are like with random, starting and fine-tuned weights."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from camagain.drawing.cells import row_cell
from camagain.drawing.empty import empty_figure
from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults
from camagain.drawing.standing import standing
from camagain.drawing.style import PAGE_INCHES, model_colors
from camagain.families import FAMILIES, family_of

NAME = "initialization"
TITLE = "Before and along training"
KEYS = ("model", "state", "weights_seed", "epoch", "input", "measure", "theta")
CAPTION = (
    "How widely the last feature maps are activated, mean over channels and images. Left of each panel: random "
    "weights, a dot for each seed. Lines: from the weights that training began with to those that it ended with; "
    "bands are intervals over images. Above: share of cells above 0.2 of the channel's maximum. Below: absolute "
    "mean divided by root mean square: 1 for a flat map, the square root of a for a map active in a share a of its "
    "cells. Hollow and dotted: the same for noise, which shows what does not depend on the content of images."
)

STATES: Mapping[str, str] = {
    "random": "random",
    "created": "as created",
    "start": "start",
    "finetuned": "fine-tuned",
}
"""States of weights in the printed table, and their names there; the CSV has all epochs."""

QUANTITIES: Mapping[tuple[str, float | None], tuple[str, int]] = {
    ("gap_value", None): ("GAP value", 3),
    ("gap_over_rms", None): ("scale-free", 3),
    ("activated_area", 0.1): ("area 0.1, %", 1),
    ("activated_area", 0.2): ("area 0.2, %", 1),
    ("positive_peak", None): ("positive, %", 1),
}
"""Measure and theta of each column -> its header, and digits behind the point."""


def numbers(results: RunResults) -> pd.DataFrame:
    """Every row of the analysis, all models, with the data behind it."""
    return standing(results, NAME)


def text(results: RunResults, table: pd.DataFrame) -> TextTable:
    """A row for each model, state and, of random networks, input."""
    rows = [
        (str(model), STATES[state], kind, *cells(group))
        for (model, state, kind), group in table.groupby(["model", "state", "input"], sort=False)
        if state in STATES and (kind == "images" or state == "random")
    ]
    rows.sort(key=lambda row: (results.models.index(row[0]), list(STATES.values()).index(row[1])))
    images, seeds = experiment_counts(results, table)
    confidence = round(100 * results.experiment.evaluation.confidence)
    caption = (
        "Feature maps before and after training, means over channels and images. GAP value: in units of the network's "
        "own maps, not comparable between architectures. Scale-free: absolute mean of a channel divided by its root "
        "mean square, 1 for a flat map. Area: cells above a share of the channel's maximum. Positive: channels with a "
        f"positive maximum. {images} images spread evenly over the test split of {results.sample}, and noise of their "
        f"mean and deviation. Brackets: the lowest and the highest of {seeds} random networks, whose BatchNorm takes "
        "its statistics from the images or noise measured or, as created, does nothing (mean 0, variance 1); "
        f"for others {confidence} % intervals over images. "
        "initialization.csv has all epochs."
    )
    headers = tuple(header for header, _ in QUANTITIES.values())
    return TextTable(caption, ("Model", "Weights", "Input", *headers), tuple(rows), text_columns=3)


def experiment_counts(results: RunResults, found: pd.DataFrame) -> tuple[int, int]:
    """How many images and seeds were measured; those of the settings where nothing was."""
    settings = results.experiment.analysis.initialization
    return (int(found["images"].max()) if len(found) else settings.images), settings.seeds


def cells(group: pd.DataFrame) -> list[str]:
    """The cells of one model, state and input; several seeds as their mean with the lowest and the highest."""
    made = []
    for (measure, theta), (_, digits) in QUANTITIES.items():
        rows = group[group["measure"] == measure]
        rows = rows if theta is None else rows[rows["theta"] == theta]
        if group["state"].isin(["random", "created"]).any():
            values = rows["value"]
            rows = pd.DataFrame({"value": [values.mean()], "low": [values.min()], "high": [values.max()]})
        made.append(row_cell(rows, digits))
    return made


THETA = 0.2
"""The threshold of activated area that is drawn; the table has all."""

ROWS = (
    ("activated_area", f"activated area, %\n(cells above {THETA:g} max)"),
    ("gap_over_rms", "scale-free GAP value\n(|mean| / rms)"),
)
"""Measure and label of each row of panels."""

RANDOM_OFFSET = 0.42
"""Distance of random networks to the left of epoch 0, as share of the epochs."""

MOST_WITH_BANDS = 3
"""Up to this many networks a family, lines have bands of intervals, and noise has lines."""


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """Two rows of panels with a common scale each; intervals over images as bands."""
    table = results.analysis(NAME)
    if table.empty:
        return empty_figure(results, NAME)
    table = table[table["measure"].isin([measure for measure, _ in ROWS]) & table["theta"].isin([THETA, np.nan])]
    models = [model for model in results.models if (table["model"] == model).any()]
    colors, groups = model_colors(results.architectures), families(results, models)
    size, few = (PAGE_INCHES, 3.9), max(map(len, groups.values())) <= MOST_WITH_BANDS
    page, grid = plt.subplots(2, len(groups), figsize=size, squeeze=False, sharey="row", layout="constrained")
    for (family, members), column in zip(groups.items(), grid.T, strict=True):
        epochs = max(1, int(table.loc[table["model"].isin(members), "epoch"].max()))
        for (measure, label), axes in zip(ROWS, column, strict=True):
            for model in members:
                own = table[(table["model"] == model) & (table["measure"] == measure)]
                draw(axes, own, colors[model], epochs, few)
            label_epochs(axes, epochs)
            if axes in grid[:, 0]:
                axes.set_ylabel(label)
        column[0].set_title(family)
        column[-1].set_xlabel("epoch")
    for axes in grid[:, 0]:
        axes.set_ylim(0, None)  # of the whole row, now that all of it is drawn
    page.legend(handles=handles(few), loc="outside lower center", ncols=4)
    return page, table


def families(results: RunResults, models: list[str]) -> dict[str, list[str]]:
    """The models of each family by its name, in the paper's order, others behind."""
    found: dict[str, list[str]] = {name: [] for name in (*(family.name for family in FAMILIES.values()), "others")}
    for model in models:
        family = family_of(results.architectures[model])
        found[FAMILIES[family].name if family else "others"].append(model)
    return {name: members for name, members in found.items() if members}


def draw(axes: Axes, rows: pd.DataFrame, color: str, epochs: int, few: bool) -> None:
    """One network in one panel: a dot for each seed, filled for images and hollow for noise; lines over the epochs."""
    for kind, side, face in (("images", -1, color), ("noise", 1, "white")):
        own = rows[rows["input"] == kind]
        random, line = own[own["state"] == "random"], own[own["epoch"].notna()].sort_values("epoch")
        x = np.full(len(random), epochs * (-RANDOM_OFFSET + 0.06 * side))
        axes.scatter(x, random["value"], s=9, c=face, edgecolors=color, linewidths=0.7, zorder=3)
        if kind == "images":
            axes.plot(line["epoch"], line["value"], color=color, marker=".", markersize=4, linewidth=1.1)
        elif few:
            axes.plot(line["epoch"], line["value"], color=color, linestyle=":", linewidth=0.9)
        if few:
            axes.fill_between(line["epoch"], line["low"], line["high"], color=color, alpha=0.15, linewidth=0)


def label_epochs(axes: Axes, epochs: int) -> None:
    """Ticks at whole epochs, and one for the random networks before them."""
    ticks = [tick for tick in MaxNLocator(nbins=3, integer=True).tick_values(0, epochs) if 0 <= tick <= epochs]
    axes.set_xticks([-RANDOM_OFFSET * epochs, *ticks], ["random", *(f"{tick:g}" for tick in ticks)])
    axes.set(xlim=(-1.6 * RANDOM_OFFSET * epochs, 1.05 * epochs))
    axes.axvline(-RANDOM_OFFSET * epochs / 2, color="0.85", linewidth=0.6, zorder=0)
    axes.grid(axis="y", linewidth=0.4, alpha=0.6)


def handles(few: bool) -> list[Line2D]:
    """The legend of dots and lines."""
    dot: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 3.5, "color": "black", "markeredgewidth": 0.7}
    found = [
        Line2D([], [], label="random weights, images; one dot a seed", **dot),
        Line2D([], [], label="random weights, noise", markerfacecolor="white", **dot),
        Line2D([], [], label="along training, images", color="black", marker=".", markersize=4, linewidth=1.1),
    ]
    return found + ([Line2D([], [], label="noise", color="black", linestyle=":", linewidth=0.9)] if few else [])
