"""Kernel size as the only change: receptive field against MaxBoxAcc when kernels grow, and both when they are cut."""

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from camagain.config import BASELINE
from camagain.paper.analysis_figures.empty import empty_figure
from camagain.paper.interventions import AREA, CONTROLS, difference, effects
from camagain.paper.results import RunResults
from camagain.paper.style import BASELINE_COLOR, PAGE_INCHES, color_labels, model_colors

SEED: dict[str, Any] = {"marker": "o", "markersize": 2.5, "linestyle": "", "alpha": 0.6}
MEAN: dict[str, Any] = {"marker": "o", "markersize": 6, "linestyle": ""}
BEFORE: dict[str, Any] = {"marker": "D", "markersize": 5, "linestyle": "", "fillstyle": "none"}
"""A further training by one seed, the mean over seeds, and the network before further training or cutting."""

LEGEND: dict[str, dict[str, Any]] = {
    "single seed": SEED,
    "before any change": BEFORE,
    "predicted class": {"linestyle": "-"},
    "true class": {"linestyle": "--"},
    "top-1": {"linestyle": ":"},
}
"""What shapes and lines mean, whatever their colour."""


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """Left: kernels enlarged and trained further, an arrow from the control to each size. Right: kernels cut."""
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
    draw_enlarged(grid["enlarged"], results, found, colors)
    draw_cut(grid["area"], grid["boxes"], results, found, colors)
    handles = [
        Line2D([], [], color=color, label=label, **MEAN)
        for label, color in color_labels(results.architectures, list(dict.fromkeys(found["model"]))).items()
    ]
    handles += [Line2D([], [], color="black", label=label, **look) for label, look in LEGEND.items()]
    handles.append(Line2D([], [], color=BASELINE_COLOR, label="centred Gaussian"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure, found


def draw_enlarged(axes: Axes, results: RunResults, found: pd.DataFrame, colors: dict[str, str]) -> None:
    """Area of the receptive field against MaxBoxAcc of the predicted class, before and after further training.

    Bars are intervals of the difference to the control, drawn around the control's own MaxBoxAcc: one that crosses the
    dotted line shows no difference.
    """
    single = results.analysis("interventions")
    single = single[(single["method"] == "cam") & single["change"].str.match("own|K")]
    axes.set(
        title="kernels enlarged, then trained further",
        xlabel="area of the receptive field (t = 0.5), % of the image",
        ylabel="MaxBoxAcc, %",
    )
    for model, color in colors.items():
        rows = found[(found["model"] == model) & (found["method"] == "cam")]
        enlarged = rows[(rows["kind"] == "enlarged") & rows["area_percent"].notna()]
        if enlarged.empty or enlarged["change"].iloc[0] != CONTROLS["enlarged"]:
            continue
        seeds = single[single["model"] == model]
        axes.plot(100 * seeds[AREA], seeds["max_box_acc_percent"], color=color, **SEED)
        control = enlarged.iloc[0]
        level = control["max_box_acc_percent"]
        axes.axhline(level, color=color, linewidth=0.8, linestyle=":")
        for _, row in enlarged.iterrows():
            place = (row["area_percent"], row["max_box_acc_percent"])
            axes.plot(*place, color=color, **MEAN)
            if row["change"] != CONTROLS["enlarged"]:
                arrow = {"arrowstyle": "-|>", "color": color, "linewidth": 1, "shrinkA": 4, "shrinkB": 4}
                axes.annotate("", place, (control["area_percent"], level), arrowprops=arrow)
                ends = level + row[["difference_low_points", "difference_high_points"]].to_numpy(dtype=float)
                axes.plot([place[0], place[0]], ends, color=color, linewidth=1)
                label = f"{row['kernel_side']} × {row['kernel_side']}\n{difference(row)}"
                below = row["difference_points"] <= 0  # the arrow comes from above
                offset, sides = (5, -5 if below else 5), ("left", "top" if below else "bottom")
            else:
                label, offset, sides = "own kernels", (0, 6), ("center", "bottom")
            look: dict[str, Any] = {"textcoords": "offset points", "fontsize": 7, "color": color}
            axes.annotate(label, place, offset, ha=sides[0], va=sides[1], **look)
        before = rows[rows["change"] == CONTROLS["cut"]]
        axes.plot(before["area_percent"], before["max_box_acc_percent"], color=color, **BEFORE)
    axes.margins(x=0.25)


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
            axes.plot(x[-1], predicted[column].iloc[-1], color=color, **BEFORE)
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
