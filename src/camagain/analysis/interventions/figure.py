"""Kernel size as the only change: receptive field against MaxBoxAcc when kernels grow, and both when they are cut."""

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from camagain.analysis.interventions.effects import CONTROLS, effects, single_seeds
from camagain.config import BASELINE
from camagain.drawing.empty import empty_figure
from camagain.drawing.results import RunResults
from camagain.drawing.style import BASELINE_COLOR, PAGE_INCHES, color_labels, model_colors

SEED: dict[str, Any] = {"marker": "o", "markersize": 2.5, "linestyle": "", "alpha": 0.6}
MEAN: dict[str, Any] = {"marker": "o", "markersize": 6, "linestyle": ""}
UNCUT: dict[str, Any] = {"marker": "D", "markersize": 5, "linestyle": "", "fillstyle": "none"}
"""A further training by one seed, the mean over seeds, and a network that is not cut."""

LEGEND: dict[str, dict[str, Any]] = {
    "single seed": SEED,
    "not cut": UNCUT,
    "predicted class": {"linestyle": "-"},
    "true class": {"linestyle": "--"},
    "top-1": {"linestyle": ":"},
}
"""What shapes and lines mean, whatever their colour."""


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """Left: kernels enlarged and trained further, an arrow from the control to each size. Right: kernels cut.

    The control is the same further training with the kernels as they are; bars are paired intervals over images.
    """
    found = effects(results)
    if found.empty:
        return empty_figure(results, "interventions")
    colors = model_colors(results.architectures)
    figure, grid = plt.subplot_mosaic(
        [["enlarged", "area"], ["enlarged", "boxes"]],
        figsize=(PAGE_INCHES, 3.2),
        width_ratios=(1.35, 1),
        layout="constrained",
    )
    seeds = single_seeds(results)
    draw_enlarged(grid["enlarged"], found, seeds, colors)
    draw_cut(grid["area"], grid["boxes"], results, found, colors)
    handles = [
        Line2D([], [], color=color, label=label, **MEAN)
        for label, color in color_labels(results.architectures, list(dict.fromkeys(found["model"]))).items()
    ]
    handles.append(Line2D([], [], color="black", label="control", **MEAN))
    handles += [Line2D([], [], color="black", label=label, **look) for label, look in LEGEND.items()]
    handles.append(Line2D([], [], color=BASELINE_COLOR, label="centred Gaussian"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure, pd.concat([found, seeds], ignore_index=True)


def draw_enlarged(axes: Axes, found: pd.DataFrame, seeds: pd.DataFrame, colors: dict[str, str]) -> None:
    """What larger kernels do to the receptive field and to MaxBoxAcc of the predicted class, from the control."""
    axes.set(
        title="kernels enlarged, then trained further",
        xlabel="area of the receptive field (t = 0.5), times the control's",
        ylabel="change of MaxBoxAcc, points",
    )
    axes.axhline(0, color="black", linewidth=0.8)
    for model, color in colors.items():
        rows = found[(found["model"] == model) & (found["method"] == "cam") & (found["kind"] == "enlarged")]
        for _, row in rows[rows["area_factor"].notna() & (rows["change"] != CONTROLS["enlarged"])].iterrows():
            place = (row["area_factor"], row["difference_points"])
            axes.annotate(
                "", place, (1, 0), arrowprops={"arrowstyle": "->", "color": color, "linewidth": 1, "shrinkB": 3}
            )
            axes.plot(
                [place[0]] * 2, row[["difference_low_points", "difference_high_points"]], color=color, linewidth=1
            )
            axes.plot(*place, color=color, **MEAN)
            label = f"{row['kernel_side']} × {row['kernel_side']}"
            # Away from the control, where every arrow comes from.
            beside, align = (5, "left") if place[0] >= 1 else (-5, "right")
            offset = (beside, 4 if place[1] >= 0 else -10)
            axes.annotate(label, place, offset, textcoords="offset points", ha=align, fontsize=7, color=color)
        own = seeds[seeds["model"] == model]
        axes.plot(own["area_factor"], own["difference_points"], color=color, **SEED)
    axes.plot(1, 0, color="black", **MEAN)
    axes.margins(x=0.15)


def draw_cut(area: Axes, boxes: Axes, results: RunResults, found: pd.DataFrame, colors: dict[str, str]) -> None:
    """Above the area of the receptive field, below MaxBoxAcc and top-1, over what is left of the kernels."""
    cut = found[found["kind"] == "cut"]
    if cut.empty:
        area.set_visible(False)
        boxes.set_visible(False)
        return
    sides = sorted(set(cut["kernel_side"]))
    for model, color in colors.items():
        rows = cut[cut["model"] == model].sort_values("kernel_side")
        predicted, true = rows[rows["method"] == "cam"], rows[rows["method"] == "cam-gt"]
        if rows.empty:
            continue
        x = [sides.index(side) for side in predicted["kernel_side"]]
        area.plot(x, predicted["area_percent"], color=color, marker="o", markersize=3, linewidth=1)
        value = predicted["max_box_acc_percent"]
        bars = [value - predicted["max_box_acc_low_percent"], predicted["max_box_acc_high_percent"] - value]
        boxes.errorbar(x, value, yerr=bars, fmt="-o", markersize=3, linewidth=1, color=color)
        boxes.plot(x, true["max_box_acc_percent"], color=color, linestyle="--", linewidth=1)
        boxes.plot(x, predicted["top1_percent"], color=color, linestyle=":", linewidth=1)
        for axes, column in ((area, "area_percent"), (boxes, "max_box_acc_percent")):
            axes.plot(x[-1], predicted[column].iloc[-1], color=color, **UNCUT)
    chance = results.metrics(BASELINE, "centre-gaussian")["figures"]["max_box_acc"]["value"]
    boxes.axhline(chance, color=BASELINE_COLOR, linewidth=1)
    area.set(title="kernels cut, not trained", ylabel="ERF area, %")
    boxes.set(ylabel="MaxBoxAcc, top-1, %", xlabel="central taps that are left, of each side")
    for axes in (area, boxes):
        axes.set_xticks(range(len(sides)), [str(side) for side in sides] if axes is boxes else [])
        axes.set_xlim(-0.3, len(sides) - 0.7)
        axes.set_ylim(0, 1.08 * axes.dataLim.ymax)
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.grid(axis="y", linewidth=0.4, alpha=0.6)
