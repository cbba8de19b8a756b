"""Before and along training: random networks as dots, then a line over the epochs, one column for each family."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from camagain.drawing.empty import empty_figure
from camagain.drawing.families import FAMILIES, family_of
from camagain.drawing.results import RunResults
from camagain.drawing.style import PAGE_INCHES, model_colors

THETA = 0.2
"""Of the thresholds of activated area the one that is drawn; the table has all."""

ROWS = (
    ("activated_area", f"activated area, %\n(cells above {THETA:g} max)"),
    ("gap_over_rms", "scale-free GAP value\n(|mean| / rms)"),
)
"""Measure and label of each row of panels."""

STRIP = 0.42
"""How far before epoch 0 random networks stand, as share of the epochs."""

FEW = 3
"""While no family has more networks, lines have intervals, and noise has lines."""


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """Two rows of panels with a common scale each; intervals over images as bands."""
    table = results.analysis("initialization")
    if table.empty:
        return empty_figure(results, "initialization")
    table = table[table["measure"].isin([measure for measure, _ in ROWS]) & table["theta"].isin([THETA, np.nan])]
    models = [model for model in results.models if (table["model"] == model).any()]
    colors, groups = model_colors(results.architectures), families(results, models)
    size, few = (PAGE_INCHES, 3.9), max(map(len, groups.values())) <= FEW
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
    found: dict[str, list[str]] = {name: [] for name in (*FAMILIES.values(), "others")}
    for model in models:
        family = family_of(results.architectures[model])
        found[FAMILIES[family] if family else "others"].append(model)
    return {name: members for name, members in found.items() if members}


def draw(axes: Axes, rows: pd.DataFrame, color: str, epochs: int, few: bool) -> None:
    """One network in one panel: a dot for each seed, filled for images and hollow for noise; lines over the epochs."""
    for kind, side, face in (("images", -1, color), ("noise", 1, "white")):
        own = rows[rows["input"] == kind]
        random, line = own[own["state"] == "random"], own[own["epoch"].notna()].sort_values("epoch")
        x = np.full(len(random), epochs * (-STRIP + 0.06 * side))
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
    axes.set_xticks([-STRIP * epochs, *ticks], ["random", *(f"{tick:g}" for tick in ticks)])
    axes.set(xlim=(-1.6 * STRIP * epochs, 1.05 * epochs))
    axes.axvline(-STRIP * epochs / 2, color="0.85", linewidth=0.6, zorder=0)
    axes.grid(axis="y", linewidth=0.4, alpha=0.6)


def handles(few: bool) -> list[Line2D]:
    """What dots and lines stand for."""
    dot: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 3.5, "color": "black", "markeredgewidth": 0.7}
    found = [
        Line2D([], [], label="random weights, images; one dot a seed", **dot),
        Line2D([], [], label="random weights, noise", markerfacecolor="white", **dot),
        Line2D([], [], label="along training, images", color="black", marker=".", markersize=4, linewidth=1.1),
    ]
    return found + ([Line2D([], [], label="noise", color="black", linestyle=":", linewidth=0.9)] if few else [])
