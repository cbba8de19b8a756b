"""The paper's first figure: MaxBoxAcc by family, a circle's area is the largest kernel; ours, and the published points.

Each has a panel of its own, titled with its images: the two can be compared only if both show the paper's images.
"""

from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from camagain.config import BASELINE
from camagain.drawing.networks import kernel_of
from camagain.drawing.results import MAP_NAMES, RunResults
from camagain.drawing.seeds import singles
from camagain.drawing.style import BASELINE_COLOR, PAGE_INCHES, model_colors
from camagain.families import FAMILIES, family_of
from camagain.paper.evidence import PAPERS_DATASET, PAPERS_TEST_IMAGES
from camagain.paper.published import published_table, published_value

NAME = "families"
TITLE = "Families and kernel sizes"
PLACE = 5
KEYS = ("whose", "family", "network")
CAPTION = (
    "The paper's first figure. Left, in colour: MaxBoxAcc of this run's networks, with intervals over images. Right, "
    "in grey: the 37 networks of the paper, read off its figure to 0.1 points. Dashed: boxes that never look at the "
    "image, on the right those of CUB's test images. A circle's area is the largest kernel, a star the mean of a "
    "family. The panels can be compared only if their titles name the same images."
)

CHANCE_ON_CUB = 59.6
"""MaxBoxAcc of the centred Gaussian on all 5,794 test images of CUB, measured by this project (docs/metrics.md)."""

POINTS_PER_CELL = 3.6
"""Area of a circle in square points for each cell of the kernel's side, as in the paper: area ~ kernel."""

STAR_OFFSET = 0.5
"""Distance of a family's star to the right of the family, where the distance of families is 1."""

LARGEST_OFFSET = 0.3
"""Largest distance of a circle from its family's line, on the same scale."""

COLUMNS = ("whose", "dataset", "family", "network", "largest_kernel_cells", "max_box_acc_percent", "low_percent",
           "high_percent", "certainty", "source")  # fmt: skip


@dataclass(frozen=True)
class Panel:
    """One panel: its points, and how it looks."""

    title: str
    ylabel: str
    points: pd.DataFrame
    colors: dict[str, str]  # by network


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """Left: networks of this run with intervals, and the centred Gaussian; right: published points. Stars: means."""
    method = results.experiment.localization.methods[0]
    ours, theirs = own_points(results, method), published_points()
    test = results.dataset["splits"]["test"]
    panels = (
        Panel(
            f"This run: {results.dataset['name']}, {test:,} test images",
            f"MaxBoxAcc of {MAP_NAMES[method]}, %",
            ours,
            model_colors(results.architectures),
        ),
        Panel(
            f"Published, digitised: {PAPERS_DATASET}, {PAPERS_TEST_IMAGES:,} test images",
            "MaxBoxAcc of CAM, %",
            theirs,
            dict.fromkeys(theirs["network"], BASELINE_COLOR),
        ),
    )
    page, axes = plt.subplots(1, 2, figsize=(PAGE_INCHES, 3.1), layout="constrained", sharey=True)
    chance = results.scores(BASELINE, "centre-gaussian")["max_box_acc"]["value"]
    for one, panel, line in zip(axes, panels, (chance, CHANCE_ON_CUB), strict=True):
        one.axhline(line, color=BASELINE_COLOR, linewidth=1, linestyle="--", zorder=0)
        one.annotate("centred Gaussian", (0, line), xycoords=("axes fraction", "data"), xytext=(3, 2),
                     textcoords="offset points", fontsize=6.5, color=BASELINE_COLOR)  # fmt: skip
        label(one, panel)
    axes[0].set_ylim(*limits_of(pd.concat([ours, theirs]), chance))
    legend(page, pd.concat([ours, theirs])["largest_kernel_cells"])
    page.draw_without_rendering()  # positions in points are known from here on
    for one, panel in zip(axes, panels, strict=True):
        draw(one, panel)
    return page, pd.concat([ours, theirs, means(ours), means(theirs)], ignore_index=True)


def own_points(results: RunResults, method: str) -> pd.DataFrame:
    """One row per network of the run, with what each seed gave where there are several."""
    rows, each = [], []
    for model, architecture in results.architectures.items():
        score = results.scores(model, method)["max_box_acc"]
        family = family_of(architecture)
        name = FAMILIES[family].name if family else architecture.partition(".")[0]
        values = (score["value"], score["low"], score["high"])
        origin = ("measured", f"run {results.experiment.run}")
        rows.append(("this run", results.dataset["name"], name, model, kernel_of(results, model), *values, *origin))
        each.append(score.get("seeds", []))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    for place, seed in enumerate(results.seeds if len(results.seeds) > 1 else ()):
        table[f"max_box_acc_percent_seed{seed}"] = [values[place] for values in each]
    return table


def published_points() -> pd.DataFrame:
    """The 37 points read off the paper's figure; it does not say which network each of them is."""
    rows = []
    for entry in published_table("first-figure"):
        if entry.column == "MaxBoxAcc" and not entry.row.endswith("mean"):
            kernel = int(published_value("first-figure", entry.row, "largest kernel").value)
            family, none = entry.row.rpartition(" ")[0], (np.nan, np.nan)
            values = (kernel, entry.value, *none, entry.certainty, entry.source)
            rows.append(("published", PAPERS_DATASET, family, entry.row, *values))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def means(points: pd.DataFrame) -> pd.DataFrame:
    """A row per family with the mean of its networks, which the stars show."""
    groups = points.groupby("family", sort=False)
    table = groups[["whose", "dataset", "source"]].first().assign(
        network="mean of the family", max_box_acc_percent=groups["max_box_acc_percent"].mean(), certainty="derived"
    )  # fmt: skip
    return table.reset_index().reindex(columns=list(COLUMNS))


def families_of(points: pd.DataFrame) -> list[str]:
    """The families of a panel from left to right: the paper's order, then others."""
    found, known = list(dict.fromkeys(points["family"])), [family.name for family in FAMILIES.values()]
    return [name for name in known if name in found] + [name for name in found if name not in known]


def limits_of(points: pd.DataFrame, *more: float) -> tuple[float, float]:
    """Limits of the y axis that hold every value, interval and line, with room for circles and the stars' values."""
    values = [*points[["max_box_acc_percent", "low_percent", "high_percent"]].to_numpy(dtype=float).ravel(), *more]
    return float(np.nanmin(values)) - 6, min(float(np.nanmax(values)) + 6, 103)


def label(axes: Axes, panel: Panel) -> None:
    """Title, names and grid; the limits of x leave room for the last star."""
    names = families_of(panel.points)
    axes.set(title=panel.title, ylabel=panel.ylabel, xlim=(-0.5, len(names) - 0.2))
    axes.set_xticks(range(len(names)), names)
    axes.grid(axis="y", linewidth=0.4, alpha=0.6)
    axes.set_axisbelow(True)


def draw(axes: Axes, panel: Panel) -> None:
    """Circles side by side where they would cover each other, whiskers where there are intervals, stars with values."""
    star = means(panel.points).set_index("family")["max_box_acc_percent"]
    for x, name in enumerate(families_of(panel.points)):
        rows = panel.points[panel.points["family"] == name].sort_values("max_box_acc_percent", ascending=False)
        values = rows["max_box_acc_percent"].to_numpy(dtype=float)
        areas = POINTS_PER_CELL * rows["largest_kernel_cells"].to_numpy(dtype=float)
        places = x + side_by_side(axes, values, np.sqrt(areas))
        colors = [panel.colors[network] for network in rows["network"]]
        bars = np.abs(rows[["low_percent", "high_percent"]].to_numpy(dtype=float).T - values)
        if np.isfinite(bars).all():
            axes.errorbar(places, values, yerr=bars, fmt="none", ecolor=colors[0], elinewidth=0.8, zorder=2)
        axes.scatter(places, values, s=areas, c=colors, alpha=0.6, edgecolors=colors, linewidths=0.8, zorder=3)
        for single in singles(rows, "max_box_acc_percent").T:  # (n,) of each seed
            axes.scatter(places, single, s=4, c=colors, linewidths=0, zorder=5)
        axes.scatter(x + STAR_OFFSET, star[name], marker="*", s=55, c="black", linewidths=0, zorder=4)
        axes.annotate(f"{star[name]:.1f}", (x + STAR_OFFSET, star[name]), xytext=(0, 5), textcoords="offset points",
                      ha="center", va="bottom", fontsize=6.5)  # fmt: skip


def side_by_side(axes: Axes, values: np.ndarray, diameters: np.ndarray) -> np.ndarray:
    """Offsets along x, (n,), that keep circles with given diameters in points from covering each other.

    Each circle goes to the nearest free place beside the line, in the order given: 0, then right and left in turn.
    """
    origin, right = axes.transData.transform([(0, 0), (1, 0)])
    heights = axes.transData.transform(np.stack([np.zeros(len(values)), values], axis=1))[:, 1]
    scale = 72 / axes.figure.dpi
    unit, heights = (right[0] - origin[0]) * scale, heights * scale
    placed: list[float] = []
    for i, diameter in enumerate(diameters):
        steps = np.arange(0, LARGEST_OFFSET * unit, 1.0)
        for offset in np.stack([steps, -steps], axis=1).ravel():
            gaps = [
                np.hypot(offset - placed[j], heights[i] - heights[j]) - (diameter + diameters[j]) / 2 for j in range(i)
            ]
            if all(gap > -1.5 for gap in gaps):
                break
        else:
            offset = 0.0
        placed.append(float(offset))
    return np.array(placed) / unit


def legend(figure: Figure, kernels: pd.Series) -> None:
    """What areas and stars mean."""
    look: dict[str, Any] = {"linestyle": "", "markerfacecolor": "#BBBBBB", "markeredgecolor": "#666666"}
    handles = [Line2D([], [], linestyle="", label="largest kernel, cells:")]
    for kernel in sorted(set(kernels.astype(int))):
        size = float(np.sqrt(POINTS_PER_CELL * kernel))
        handles.append(Line2D([], [], marker="o", markersize=size, label=str(kernel), **look))
    handles.append(Line2D([], [], marker="*", linestyle="", color="black", markersize=7, label="mean of the family"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), columnspacing=1.4, handletextpad=0.6)
