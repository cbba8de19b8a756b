"""Box accuracy over the threshold; a dot marks the maximum, which is MaxBoxAcc."""

import math

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from camagain.config import BASELINE
from camagain.config.methods import base_of, uses_true_class
from camagain.drawing.results import MAP_NAMES, RunResults
from camagain.drawing.seeds import singles
from camagain.drawing.style import BASELINE_COLOR, PAGE_INCHES, color_labels, model_colors

NAME = "threshold-curves"
TITLE = "Box accuracy over the threshold"
PLACE = 7
KEYS = ("model", "method", "threshold")
CAPTION = (
    "Share of test images whose largest contour gives a box with IoU of at least 0.5, for one threshold on all "
    "images. The dot is MaxBoxAcc. Grey: boxes that never look at the image."
)

DELTA = 0.5


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """Box accuracy at IoU 0.5 over the threshold tau, test split, largest contour; a dot marks each maximum.

    One panel for each method, in which a dashed line is the map of the true class; baselines are in every panel.
    """
    colors = model_colors(results.architectures)
    bases = list(dict.fromkeys(base_of(method) for method in results.experiment.localization.methods))
    rows, columns = math.ceil(len(bases) / 2), min(2, len(bases))
    size = (PAGE_INCHES, 2.3 * rows + 0.6)
    page, grid = plt.subplots(rows, columns, figsize=size, sharey=True, squeeze=False, layout="constrained")
    drawn = []
    for model, method in results.keys:
        curve = results.curve(model, method)
        curve = curve[(curve["split"] == "test") & (curve["contours"] == "largest") & (curve["delta"] == DELTA)]
        drawn.append(curve.assign(model=model, method=method)[["model", "method", "threshold", "box_acc_percent"]])
        best = highest(results, model, method, curve)
        look = {"color": BASELINE_COLOR, "linewidth": 1.2}
        if model == BASELINE:
            look["linestyle"] = ":" if method == "whole-image" else "-"
        else:
            look |= {"color": colors[model], "linestyle": "--" if uses_true_class(method) else "-"}
        for base, axes in zip(bases, grid.flat, strict=False):
            if model == BASELINE or base_of(method) == base:
                axes.plot(curve["threshold"], curve["box_acc_percent"], **look)
                for single in singles(curve, "box_acc_percent").T:  # (T,) of each seed
                    axes.plot(curve["threshold"], single, **look | {"linewidth": 0.4, "alpha": 0.6})
                axes.plot(*best, "o", color=look["color"], markersize=3)
    for base, axes in zip(bases, grid.flat, strict=False):
        axes.set(title=MAP_NAMES[base].partition(",")[0], xlim=(0, 1), xlabel="threshold τ, share of the map's maximum")
        axes.set_ylim(0, None)
    for axes in grid[:, 0]:
        axes.set_ylabel("box accuracy at IoU ≥ 0.5, %")
    for axes in grid.flat[len(bases) :]:
        axes.set_visible(False)
    labels = color_labels(results.architectures, list(results.models))
    legend = [Line2D([], [], color=color, label=label) for label, color in labels.items()]
    curves = pd.concat(drawn, ignore_index=True)
    hit = curves["box_acc_percent"][curves["method"] == "whole-image"].any()
    legend += [
        Line2D([], [], color=BASELINE_COLOR, linestyle="-", label="centred Gaussian"),
        Line2D([], [], color=BASELINE_COLOR, linestyle=":", label="whole image" if hit else "whole image: 0 %"),
    ]
    if any(uses_true_class(method) for method in results.experiment.localization.methods):
        legend += [
            Line2D([], [], color="black", linestyle="-", label="predicted class"),
            Line2D([], [], color="black", linestyle="--", label="true class"),
        ]
    page.legend(handles=legend, loc="outside lower center", ncols=4)
    return page, curves


def highest(results: RunResults, model: str, method: str, curve: pd.DataFrame) -> tuple[float, float]:
    """Threshold and value of MaxBoxAcc; with several seeds their means, which may lie off the mean curve."""
    if model == BASELINE or len(results.parts) == 1:
        best = curve.loc[curve["box_acc_percent"].idxmax()]
        return best["threshold"], best["box_acc_percent"]
    score = results.scores(model, method)["max_box_acc"]
    return score["threshold"], score["value"]
