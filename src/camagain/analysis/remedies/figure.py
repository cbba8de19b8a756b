"""What each remedy adds to MaxBoxAcc, and the MaxBoxAcc of every combination of them."""

from itertools import product

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from camagain.analysis.remedies.gains_table import GAINS, family_gains, mean_gains, remedies_table
from camagain.drawing.dots import draw_dots, height_of, offsets_of
from camagain.drawing.empty import empty_figure
from camagain.drawing.families import family_of
from camagain.drawing.results import RunResults
from camagain.drawing.style import PAGE_INCHES, color_labels, model_colors

MOST_WITH_VALUES = 8
"""With more models only the gains are drawn."""

MOST_INCHES = 9.0
"""A page's height; the rows of many models are closer."""

HEADS = {"own": ("own",), "gap": ("fitted",), "tap": ("fitted", "TAP")}
"""How the name of a combination begins."""


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """Left one row for each gain, right one for each combination; one dot for each model."""
    table = remedies_table(results)
    if table.empty:
        return empty_figure(results, "remedies")
    models = [model for model in results.models if (table["model"] == model).any()]
    colors = {model: model_colors(results.architectures)[model] for model in models}
    with_values = len(models) <= MOST_WITH_VALUES
    values, names = combinations(table)
    height = height_of(len(names) if with_values else len(GAINS), len(models))
    page, grid = plt.subplots(
        1,
        2 if with_values else 1,
        figsize=(PAGE_INCHES, min(MOST_INCHES, 0.8 + height)),
        squeeze=False,
        layout="constrained",
    )
    gains = mean_gains(table)
    draw_dots(grid[0, 0], gains, "gain", {name: name for name in GAINS.values()}, colors)
    draw_families(grid[0, 0], gains, colors)
    grid[0, 0].axvline(0, color="black", linewidth=0.8)
    grid[0, 0].set(title="mean gain", xlabel="change of MaxBoxAcc, points")
    if with_values:
        draw_dots(grid[0, 1], values, "combination", names, colors)
        grid[0, 1].set(title="every combination", xlabel="MaxBoxAcc, %")
    labels = color_labels(results.architectures, models)
    handles = [Line2D([], [], color=color, marker="o", markersize=3, label=name) for name, color in labels.items()]
    page.legend(handles=handles, loc="outside lower center", ncols=4)
    return page, table


def combinations(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """The MaxBoxAcc of every combination with a column that names it, and these names in order of the rows."""
    rows = table[table["quantity"] == "max_box_acc"]
    bounds = {f"max_box_acc{bound}_percent": bound.strip("_") or "value" for bound in ("", "_low", "_high")}
    called = [name(*key) for key in rows[["head", "nwc", "pas"]].itertuples(index=False)]
    order = [name(head, nwc, pas) for head in HEADS for nwc, pas in product((False, True), repeat=2)]
    return rows[["model", *bounds]].rename(columns=bounds).assign(combination=called), {key: key for key in order}


def name(head: str, nwc: bool, pas: bool) -> str:
    """A combination as it is written, such as "fitted + TAP + PaS"."""
    return " + ".join((*HEADS[head], *(["NWC"] if nwc else []), *(["PaS"] if pas else [])))


def draw_families(axes: Axes, gains: pd.DataFrame, colors: dict[str, str]) -> None:
    """A star at the mean of each family that has several models, in the middle of their dots."""
    offsets = dict(zip(colors, offsets_of(len(colors)), strict=True))
    families = dict(zip(gains["model"], map(family_of, gains["architecture"]), strict=True))
    for row in family_gains(gains).itertuples():
        members = [model for model in colors if families[model] == row.family]
        y = list(GAINS.values()).index(row.gain) + sum(offsets[model] for model in members) / len(members)
        axes.plot(row.value, y, "*", color=colors[members[0]], markeredgecolor="black", markersize=8, zorder=5)
