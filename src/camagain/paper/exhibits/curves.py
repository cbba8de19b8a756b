"""The line figures: box accuracy over the threshold, and training over epochs."""

import math

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from camagain.config import BASELINE
from camagain.config.methods import base_of, uses_true_class
from camagain.drawing.results import MAP_NAMES, RunResults
from camagain.drawing.style import BASELINE_COLOR, PAGE_INCHES, model_colors

DELTA = 0.5


def threshold_curves(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """Box accuracy at IoU 0.5 over the threshold tau, test split, largest contour; a dot marks each maximum.

    One panel for each method, in which a dashed line is the map of the true class; baselines are in every panel.
    """
    colors = model_colors(results.architectures)
    bases = list(dict.fromkeys(base_of(method) for method in results.experiment.localization.methods))
    rows, columns = math.ceil(len(bases) / 2), min(2, len(bases))
    size = (PAGE_INCHES, 2.3 * rows + 0.6)
    figure, grid = plt.subplots(rows, columns, figsize=size, sharey=True, squeeze=False, layout="constrained")
    drawn = []
    for model, method in results.keys:
        curve = results.curve(model, method)
        curve = curve[(curve["split"] == "test") & (curve["contours"] == "largest") & (curve["delta"] == DELTA)]
        drawn.append(curve.assign(model=model, method=method)[["model", "method", "threshold", "box_acc_percent"]])
        best = curve.loc[curve["box_acc_percent"].idxmax()]
        look = {"color": BASELINE_COLOR, "linewidth": 1.2}
        if model == BASELINE:
            look["linestyle"] = ":" if method == "whole-image" else "-"
        else:
            look |= {"color": colors[model], "linestyle": "--" if uses_true_class(method) else "-"}
        for base, axes in zip(bases, grid.flat, strict=False):
            if model == BASELINE or base_of(method) == base:
                axes.plot(curve["threshold"], curve["box_acc_percent"], **look)
                axes.plot(best["threshold"], best["box_acc_percent"], "o", color=look["color"], markersize=3)
    for base, axes in zip(bases, grid.flat, strict=False):
        axes.set(title=MAP_NAMES[base].partition(",")[0], xlim=(0, 1), xlabel="threshold τ, share of the map's maximum")
        axes.set_ylim(0, None)
    for axes in grid[:, 0]:
        axes.set_ylabel("box accuracy at IoU ≥ 0.5, %")
    for axes in grid.flat[len(bases) :]:
        axes.set_visible(False)
    legend = [Line2D([], [], color=colors[model], label=model) for model in results.models]
    legend += [
        Line2D([], [], color=BASELINE_COLOR, linestyle="-", label="centred Gaussian"),
        Line2D([], [], color=BASELINE_COLOR, linestyle=":", label="whole image"),
        Line2D([], [], color="black", linestyle="-", label="predicted class"),
        Line2D([], [], color="black", linestyle="--", label="true class"),
    ]
    figure.legend(handles=legend, loc="outside lower center", ncols=4)
    return figure, pd.concat(drawn, ignore_index=True)


def training_curves(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """Left: training loss; right: top-1 accuracy on val; both over epochs, one line per model."""
    colors = model_colors(results.architectures)
    figure, (left, right) = plt.subplots(1, 2, figsize=(PAGE_INCHES, 2.2), layout="constrained")
    drawn = []
    for model in results.models:
        history = results.history(model)
        drawn.append(history.assign(model=model))
        left.plot(history["epoch"], history["train_loss"], color=colors[model], marker=".", markersize=4, label=model)
        right.plot(
            history["epoch"], history["val_top1_percent"], color=colors[model], marker=".", markersize=4, label=model
        )
    left.set(xlabel="epoch", ylabel="training loss")
    right.set(xlabel="epoch", ylabel="top-1 on val, %")
    for axes in (left, right):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    right.set_ylim(0, 103)  # the markers at 100 % show whole
    right.legend(loc="lower right")
    return figure, pd.concat(drawn, ignore_index=True)
