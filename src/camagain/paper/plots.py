"""The line figures: box accuracy over the threshold, and training over epochs."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from camagain.config import BASELINE
from camagain.paper.results import RunResults, series_name
from camagain.paper.style import BASELINE_COLOR, PAGE_INCHES, model_colors

LINE_STYLES = ("-", "--", ":", "-.")
DELTA = 0.5


def threshold_curves(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """Box accuracy at IoU 0.5 over the threshold tau, test split, largest contour; a dot marks each maximum."""
    colors = model_colors(results.architectures)
    methods: list[str] = list(results.experiment.localization.methods)
    figure, axes = plt.subplots(figsize=(PAGE_INCHES * 0.72, 2.7))
    drawn = []
    for model, method in results.keys:
        curve = results.curve(model, method)
        curve = curve[(curve["split"] == "test") & (curve["contours"] == "largest") & (curve["delta"] == DELTA)]
        drawn.append(curve.assign(model=model, method=method)[["model", "method", "threshold", "box_acc_percent"]])
        best = curve.loc[curve["box_acc_percent"].idxmax()]
        label = f"{series_name(model, method)} ({best['box_acc_percent']:.1f} %)"
        if model == BASELINE and method == "whole-image":  # the same box at every threshold
            axes.axhline(best["box_acc_percent"], color=BASELINE_COLOR, linewidth=1, linestyle=":", label=label)
            continue
        color = BASELINE_COLOR if model == BASELINE else colors[model]
        style = "-" if model == BASELINE else LINE_STYLES[methods.index(method) % len(LINE_STYLES)]
        axes.plot(
            curve["threshold"], curve["box_acc_percent"], color=color, linestyle=style, linewidth=1.2, label=label
        )
        axes.plot(best["threshold"], best["box_acc_percent"], "o", color=color, markersize=3.5)
    axes.set(xlabel="threshold τ, share of the map's maximum", ylabel="box accuracy at IoU ≥ 0.5, %", xlim=(0, 1))
    axes.set_ylim(0, min(100, axes.get_ylim()[1]))
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.02), title="best on test", alignment="left", title_fontsize=7)
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
