"""What cutting the kernels of trained networks does to boxes and maps, over seeds."""

from collections.abc import Mapping
from typing import Any, Literal

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from camagain.drawing.cells import NONE, interval_cell
from camagain.drawing.empty import empty_figure
from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults
from camagain.drawing.standing import standing
from camagain.drawing.style import PAGE_INCHES, model_colors
from camagain.statistics.trainings import over_trainings

NAME = "cuts"
TITLE = "Kernels cut"
KEYS = ("model", "kernels", "batchnorm", "quantity")
FIGURE_KEYS = ("model", "kernels", "batchnorm", "quantity", "training_seed")
CAPTION = (
    "Taps of trained depthwise kernels outside the central k x k set to zero, without training; a thin line for each "
    "training, thick their mean. Dashed: BatchNorm takes its statistics anew from train images after the cut. "
    "Activated area: cells of the last feature maps above 0.2 of their channel's maximum. Map area: cells of the class "
    "activation map above half of its maximum. In the box: mass of the map in the true box divided by that of an even "
    "map."
)

QUANTITIES: Mapping[str, tuple[str, int]] = {
    "max_box_acc": ("MaxBoxAcc, %", 1),
    "top1": ("top-1, %", 1),
    "activated_area": ("activated area, %", 1),
    "map_area": ("map area, %", 1),
    "concentration": ("in the box, × even", 2),
}
"""The name of each quantity, and digits behind the point."""


LINES: Mapping[str, Literal["-", "--"]] = {"own": "-", "anew": "--"}
STATISTICS: Mapping[str, str] = {"own": "BatchNorm of the training", "anew": "BatchNorm anew"}
"""How networks are drawn by the statistics of their BatchNorm, and what the legend says."""


def numbers(results: RunResults) -> pd.DataFrame:
    """Every row of the analysis, all models, with the data behind it."""
    return standing(results, NAME)


def each_training(results: RunResults) -> pd.DataFrame:
    """The rows of every training, with its seed."""
    tables = [part.analysis(NAME).assign(training_seed=seed) for seed, part in results.parts.items()]
    return pd.concat(tables, ignore_index=True)


def text(results: RunResults, table: pd.DataFrame) -> TextTable:
    """A row for each network: means over trainings, and below it what changed against the network as it was trained."""
    confidence, rows = results.experiment.evaluation.confidence, []
    each = each_training(results)
    networks = each.groupby(["model", "kernels", "batchnorm"], sort=False) if len(each) else ()
    for (model, kernels, batchnorm), own in networks:
        values = own.set_index(["training_seed", "quantity"])["value"]
        name = network_name(str(kernels), str(batchnorm))
        rows.append((str(model), name, *(cell(values, quantity, confidence) for quantity in QUANTITIES)))
        if (kernels, batchnorm) != ("own", "own"):
            changed = values - uncut(each, str(model))
            rows.append((str(model), "− uncut", *(cell(changed, quantity, confidence, "+") for quantity in QUANTITIES)))
    caption = (
        "Trained depthwise kernels cut to their central taps, and what becomes of boxes and maps: means over "
        f"trainings, in brackets {round(100 * confidence)} % intervals over trainings (Student), {results.sample}. BN "
        "anew: BatchNorm takes its statistics from train images afterwards. Activated area: cells of the last feature "
        "maps above 0.2 of their channel's maximum; map area: cells of the class activation map above half of its "
        "maximum; in the box: mass of the map in the true box divided by that of an even map. Differences are paired "
        "by training."
    )
    headers = ("Model", "Kernels", *(name for name, _ in QUANTITIES.values()))
    return TextTable(caption, headers, tuple(rows), text_columns=2)


def uncut(each: pd.DataFrame, model: str) -> pd.Series:
    """The values of the trainings of a model before any change, by seed and quantity."""
    rows = each[(each["model"] == model) & (each["kernels"] == "own") & (each["batchnorm"] == "own")]
    return rows.set_index(["training_seed", "quantity"])["value"]


def network_name(kernels: str, batchnorm: str) -> str:
    """A network in words: own, cut to 3 x 3, BN anew."""
    return ("own" if kernels == "own" else f"cut to {kernels}") + (", BN anew" if batchnorm == "anew" else "")


def cell(values: pd.Series, quantity: str, confidence: float, sign: str = "") -> str:
    """The mean over trainings with its interval; values by seed and quantity."""
    own = values.xs(quantity, level="quantity").to_numpy(dtype=float)
    if not np.isfinite(own).all():
        return NONE
    found = over_trainings(own, confidence)
    return interval_cell(found.value, found.low, found.high, f"{sign}.{QUANTITIES[quantity][1]}f")


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """A panel for each quantity over the kernels: a line for each training, thick their mean."""
    table = each_training(results)
    if table.empty:
        return empty_figure(results, NAME)
    kernels = list(dict.fromkeys(table["kernels"]))
    colors = {name: color for name, color in model_colors(results.architectures).items() if name in set(table["model"])}
    page, panels = plt.subplots(1, len(QUANTITIES), figsize=(PAGE_INCHES, 1.75), layout="constrained")
    for axes, (quantity, (name, _)) in zip(panels, QUANTITIES.items(), strict=True):
        shown = table[table["quantity"] == quantity]
        for (model, batchnorm), rows in shown.groupby(["model", "batchnorm"], sort=False):
            grid = rows.pivot_table("value", "kernels", "training_seed").reindex(kernels).to_numpy()  # (n, S)
            look: dict[str, Any] = {"color": colors[str(model)], "linestyle": LINES[str(batchnorm)]}
            axes.plot(grid, linewidth=0.5, alpha=0.6, **look)
            axes.plot(grid.mean(1), linewidth=1.8, marker="o", markersize=3, **look)
        axes.set_title(name, pad=3)
        axes.set_xticks(range(len(kernels)), [kernel.replace(" x ", "×") for kernel in kernels])
        axes.set_xlim(-0.2, len(kernels) - 0.8)
        axes.tick_params(labelsize=6)
        axes.grid(axis="y", linewidth=0.4, alpha=0.6)
    handles = [Line2D([], [], color=color, label=model) for model, color in colors.items()]
    handles += [Line2D([], [], color="black", linestyle=LINES[key], label=STATISTICS[key]) for key in LINES]
    page.legend(handles=handles, loc="outside lower center", ncols=5)
    return page, table
