"""Area of the effective receptive field against MaxBoxAcc, one point for each network, and how they go together."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from camagain.analysis.erf.points import CORRELATED, STATE_NAMES, erf_correlations, erf_points, method_of
from camagain.analysis.erf.readings import as_upstream
from camagain.drawing.empty import empty_figure
from camagain.drawing.results import MAP_NAMES, RunResults
from camagain.drawing.seeds import singles
from camagain.drawing.style import PAGE_INCHES, color_labels, model_colors
from camagain.families import FAMILIES
from camagain.statistics.correlation import ALL

NAME = "erf-localization"
TITLE = "Effective receptive field against localization"
KEYS = ("model", "state", "measure", "t", "kind", "group")
CAPTION = (
    "One point for each network: area of the square that holds a share t of the contribution, and MaxBoxAcc with "
    "its interval over images. Correlations over all networks stand above, those within each family below, with "
    "bootstrap intervals over networks in brackets. A correlation needs three networks; with so few, its interval "
    "shows that it means nothing."
)

PANELS = (0.2, 0.5, 0.99)
"""Shares t of the panels; the one in the middle is the widest."""

MOST_NAMES = 8
"""With more models points have no names."""


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """One panel for each t; correlations over all models above it, those of each family below the figure.

    The areas are those of the fine-tuned networks, or of the experiment's last state. The table behind it holds points
    and correlations of all states, measures and t, told apart by its column `kind`.
    """
    points = as_upstream(results.once(erf_points))
    if points.empty:
        return empty_figure(results, "erf")
    if points["model"].nunique() < 2:
        return empty_figure(results, "erf", {model: "one network shows no relation" for model in points["model"]})
    points = points[points["measure"].isin(CORRELATED)]
    found = results.once(erf_correlations)
    state = max(points["state"].unique(), key=list(STATE_NAMES).index)
    here = points[(points["state"] == state) & (points["measure"] == "area_ratio")]
    rs = found[(found["state"] == state) & (found["measure"] == "area_ratio")]

    page, grid = plt.subplots(
        1, 3, figsize=(PAGE_INCHES, 3.1), width_ratios=(1, 1.4, 1), sharey=True, layout="constrained"
    )
    colors = model_colors(results.architectures)
    for t, axes in zip(PANELS, grid, strict=True):
        rows = here[here["t"] == t].dropna(subset="area")
        draw_points(axes, rows, colors, names=t == PANELS[1] and len(rows) <= MOST_NAMES)
        pooled = rs[(rs["t"] == t) & (rs["group"] == ALL)]
        axes.set_title(f"t = {t:g}, {len(rows)} models\n{in_words(pooled, between=chr(10))}", fontsize=7)
        axes.set_xlabel(f"area ({STATE_NAMES[state]}), % of the input")
    grid[0].set_ylabel(f"MaxBoxAcc, %\n{MAP_NAMES[method_of(results)]}")
    models = [model for model in results.models if (here["model"] == model).any()]
    labels = color_labels(results.architectures, models)
    handles = [Line2D([], [], color=color, marker="o", linewidth=0, markersize=4) for color in labels.values()]
    page.legend(
        handles,
        list(labels),
        loc="outside lower center",
        ncols=4,
        title=f"Within families, t = {PANELS[1]:g}:\n{by_family(rs)}",
        title_fontsize=7,
        alignment="left",
    )
    return page, pd.concat([points.assign(kind="point"), found], ignore_index=True)


def draw_points(axes: Axes, rows: pd.DataFrame, colors: dict[str, str], names: bool) -> None:
    """One point for each model, with the interval of its score over images."""
    for row in rows.itertuples():
        x, y = 100 * row.area, row.max_box_acc_percent
        bars = np.array([[y - row.max_box_acc_low_percent], [row.max_box_acc_high_percent - y]])
        axes.errorbar(x, y, yerr=bars, fmt="o", markersize=3.5, elinewidth=0.6, alpha=0.8, color=colors[row.model])
        own = rows[rows["model"] == row.model]
        axes.plot(
            100 * singles(own, "area"),
            singles(own, "max_box_acc_percent"),
            ".",
            markersize=2.5,
            color=colors[row.model],
        )
        if names:
            # Names stand towards the middle, of the right half above their points and of the left half below: those
            # of two points at one height would run into each other.
            right = row.area > (rows["area"].min() + rows["area"].max()) / 2
            at, side = ((-4, 3), "right") if right else ((4, -8), "left")
            axes.annotate(row.model, (x, y), at, textcoords="offset points", ha=side, fontsize=6)
    axes.margins(0.12)


def in_words(rows: pd.DataFrame, between: str = ", ") -> str:
    """The two correlations of one group, or why there is none."""
    reason = rows["reason"].iloc[0]
    if reason:
        return "too few models" if reason.startswith("too few") else "no correlation: all alike"
    return between.join(
        f"{row.kind.capitalize()} {row.value:+.2f} [{row.low:+.2f}, {row.high:+.2f}]" for row in rows.itertuples()
    )


def by_family(rows: pd.DataFrame) -> str:
    """The correlations within each family at the t of the middle panel: a line for each, one for those without."""
    lines: dict[str, list[str]] = {}
    for group, own in rows[(rows["t"] == PANELS[1]) & (rows["group"] != ALL)].groupby("group", sort=False):
        lines.setdefault(in_words(own), []).append(f"{FAMILIES[str(group)].name} ({own['models'].iloc[0]})")
    return "\n".join(f"{', '.join(names)}: {words}" for words, names in lines.items())
