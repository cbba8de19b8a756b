"""Kernels enlarged and trained further, or cut: receptive field and MaxBoxAcc beside those of the control."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from camagain.analysis.interventions.effects import (
    CONTROLS,
    difference,
    effects,
    growth,
    kernels,
    sentences,
    single_seeds,
)
from camagain.analysis.interventions.verdict import NOT_TESTED
from camagain.config import BASELINE
from camagain.drawing.cells import NONE
from camagain.drawing.empty import empty_figure
from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults
from camagain.drawing.style import BASELINE_COLOR, PAGE_INCHES, color_labels, model_colors
from camagain.statistics.trainings import over_trainings

NAME = "interventions"
TITLE = "Kernel size as the only change"
KEYS = ("model", "change", "kernel_side", "seed", "method")
FIGURE_KEYS = ("model", "kind", "change", "kernel_side", "seed", "method")
CAPTION = (
    "Left: the depthwise kernels of trained networks were padded with zeros, which changes no output, and the networks "
    "trained further. Arrows start at the control: the same further training with the kernels as they are. Bars: "
    "intervals over seeds and images; with two seeds they are so wide that they leave the figure. Where the "
    "horizontal bar reaches 1 or less, the receptive field did not certainly grow: the arrow is dashed, the circle "
    "empty, and this did not test whether localization follows. Where it lies above 1, and the vertical bar above "
    "zero, MaxBoxAcc followed the receptive field. Right: outer taps set to zero, without training."
)

COLUMNS = (
    "Model",
    "Kernels",
    "Seeds",
    "Layers",
    "Params, M",
    "Top-1",
    "ERF area",
    "linear",
    "× control's ERF area",
    "MaxBoxAcc",
    "− control, points",
    "single seeds",
    "Verdict",
    "− control, true class",
)


def numbers(results: RunResults) -> pd.DataFrame:
    """One row per network and method, as measured."""
    return results.analysis(NAME)


def text(results: RunResults, table: pd.DataFrame) -> TextTable:
    """A row for each change: means over seeds, with differences to the control."""
    found = results.once(effects)
    true_class = {
        (row["model"], row["kind"], row["change"]): difference(row)
        for _, row in found[found["method"] == "cam-gt"].iterrows()
    }
    rows = tuple(
        (*cells(row), true_class[row["model"], row["kind"], row["change"]])
        for _, row in found[found["method"] == "cam"].iterrows()
    )
    return TextTable(caption(results, found), COLUMNS, rows, text_columns=2)


def cells(row: pd.Series) -> tuple[str, ...]:
    """One change, of maps of the predicted class."""
    lowest, highest = row["difference_lowest_seed_points"], row["difference_highest_seed_points"]
    low, high = row["max_box_acc_low_percent"], row["max_box_acc_high_percent"]
    trained = row["kind"] == "enlarged"
    return (
        row["model"],
        f"{kernels(row)}, trained further" if trained else kernels(row),
        f"{row['seeds']:g}" if trained else NONE,
        f"{row['layers_changed']:g}",
        f"{row['parameters'] / 1e6:.2f}",
        f"{row['top1_percent']:.1f}",
        *(NONE if np.isnan(row[name]) else f"{row[name]:.1f}" for name in ("area_percent", "linear_area_percent")),
        growth(row),
        f"{row['max_box_acc_percent']:.1f} [{low:.1f}, {high:.1f}]",
        difference(row),
        f"{lowest:+.1f} to {highest:+.1f}" if trained and row["change"] != "own" else NONE,
        row["verdict"] or NONE,
    )


def caption(results: RunResults, found: pd.DataFrame) -> str:
    """The caption: what was found, in sentences, and on what data."""
    settings, said = results.experiment.analysis.interventions, " ".join(sentences(found))
    epochs = {None: "as many epochs as before", 1: "one epoch"}.get(settings.epochs, f"{settings.epochs} epochs")
    return (
        f"{said} Depthwise kernels are the only change, in so many layers, on {results.scope} Enlarged: padded with "
        f"zeros, which leaves the outputs as they are, and trained further by its own recipe for {epochs}; the control "
        "is the same with the kernels as they are, seed by seed on the same images in the same order. Cut: outer taps "
        "set to zero, without training; the control is the network before the cut. ERF area: of the smallest centred "
        "square that holds half of log10(A + 1), or (linear) of the contribution A itself, in percent of the image. "
        "Means over seeds. Intervals of MaxBoxAcc: over images; of what is trained further, beside its control: over "
        f"seeds (Student) and images together; of cuts of one network: over images.{few_seeds(results)} Verdict: "
        "kernels that did not certainly enlarge the receptive field did not test its effect on boxes, whatever "
        "MaxBoxAcc did; where they did, whether MaxBoxAcc certainly rose or fell."
    ).strip()


def few_seeds(results: RunResults) -> str:
    """A sentence on what two seeds, or one, can show; nothing where there are more."""
    independent = len(results.seeds) if len(results.seeds) > 1 else results.experiment.analysis.interventions.seeds
    if independent > 2:
        return ""
    if independent == 1:
        return " One seed says nothing of others, so nothing is certain here."
    factor = over_trainings(np.array([-0.5, 0.5]), results.experiment.evaluation.confidence).high
    return f" With two seeds an interval reaches {factor:.1f} times their distance to either side: little is certain."


SEED: dict[str, Any] = {"marker": "o", "markersize": 2.5, "linestyle": "", "alpha": 0.6}
MEAN: dict[str, Any] = {"marker": "o", "markersize": 6, "linestyle": ""}
UNCUT: dict[str, Any] = {"marker": "D", "markersize": 5, "linestyle": "", "fillstyle": "none"}
"""Markers of a further training with one seed, of the mean over seeds, and of a network that is not cut."""

LEGEND: dict[str, dict[str, Any]] = {
    NOT_TESTED: {**MEAN, "fillstyle": "none"},
    "single seed": SEED,
    "not cut": UNCUT,
    "predicted class": {"linestyle": "-"},
    "true class": {"linestyle": "--"},
    "top-1": {"linestyle": ":"},
}
"""What shapes and lines mean, whatever their colour."""


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """Left: kernels enlarged and trained further, an arrow from the control to each size. Right: kernels cut.

    The control is the same further training with the kernels as they are; bars are intervals over seeds and images.
    """
    found = results.once(effects)
    if found.empty:
        return empty_figure(results, NAME)
    colors = model_colors(results.architectures)
    page, grid = plt.subplot_mosaic(
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
    page.legend(handles=handles, loc="outside lower center", ncols=4)
    return page, pd.concat([found, seeds], ignore_index=True)


def draw_enlarged(axes: Axes, found: pd.DataFrame, seeds: pd.DataFrame, colors: dict[str, str]) -> None:
    """What larger kernels do to the receptive field and to MaxBoxAcc of the predicted class, from the control."""
    axes.set(
        title="kernels enlarged, then trained further",
        xlabel="receptive field's area (t = 0.5), × control's",
        ylabel="change of MaxBoxAcc, points",
    )
    axes.axhline(0, color="black", linewidth=0.8)
    for model, color in colors.items():
        rows = found[(found["model"] == model) & (found["method"] == "cam") & (found["kind"] == "enlarged")]
        for _, row in rows[rows["area_factor"].notna() & (rows["change"] != CONTROLS["enlarged"])].iterrows():
            place, tested = (row["area_factor"], row["difference_points"]), row["verdict"] != NOT_TESTED
            look = {
                "arrowstyle": "->",
                "color": color,
                "linewidth": 1,
                "shrinkB": 3,
                "linestyle": "-" if tested else "--",
            }
            axes.annotate("", place, (1, 0), arrowprops=look)
            axes.plot(*place, color=color, **MEAN, fillstyle="full" if tested else "none")
            for _, single in seeds[(seeds["model"] == model) & (seeds["change"] == row["change"])].iterrows():
                thread = [single["area_factor"], place[0]], [single["difference_points"], place[1]]
                axes.plot(*thread, color=color, linewidth=0.5, alpha=0.6)
            label = f"{row['kernel_side']} × {row['kernel_side']}"
            # Away from the control, where every arrow comes from.
            beside, align = (5, "left") if place[0] >= 1 else (-5, "right")
            offset = (beside, 4 if place[1] >= 0 else -10)
            axes.annotate(label, place, offset, textcoords="offset points", ha=align, fontsize=7, color=color)
        own = seeds[seeds["model"] == model]
        axes.plot(own["area_factor"], own["difference_points"], color=color, **SEED)
    axes.plot(1, 0, color="black", **MEAN)
    axes.margins(x=0.15, y=0.15)
    axes.autoscale_view()
    axes.autoscale(False)  # bars may leave the figure: of two seeds they would leave nothing else to see
    for model, color in colors.items():
        rows = found[(found["model"] == model) & (found["method"] == "cam") & (found["verdict"] != "")]
        for _, row in rows.iterrows():
            across, up = (row[[f"{name}_low{unit}", f"{name}_high{unit}"]] for name, unit in BARS)
            axes.plot(across, [row["difference_points"]] * 2, color=color, linewidth=0.6)
            axes.plot([row["area_factor"]] * 2, up, color=color, linewidth=0.6)


BARS = (("area_factor", ""), ("difference", "_points"))
"""Columns of the bars of the left panel: the name before `_low` and `_high`, and the unit behind."""


def draw_cut(area: Axes, boxes: Axes, results: RunResults, found: pd.DataFrame, colors: dict[str, str]) -> None:
    """Over the taps that are left: the receptive field's area above, MaxBoxAcc and top-1 below."""
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
    chance = results.scores(BASELINE, "centre-gaussian")["max_box_acc"]["value"]
    boxes.axhline(chance, color=BASELINE_COLOR, linewidth=1)
    area.set(title="kernels cut, not trained", ylabel="ERF area, %")
    boxes.set(ylabel="percent", xlabel="central taps left, each side")
    for axes in (area, boxes):
        axes.set_xticks(range(len(sides)), [str(side) for side in sides] if axes is boxes else [])
        axes.set_xlim(-0.3, len(sides) - 0.7)
        axes.set_ylim(0, 1.08 * axes.dataLim.ymax)
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.grid(axis="y", linewidth=0.4, alpha=0.6)
