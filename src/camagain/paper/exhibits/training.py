"""Training over epochs: the loss, and the accuracy on val."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from camagain.drawing.results import RunResults
from camagain.drawing.seeds import singles
from camagain.drawing.style import PAGE_INCHES, color_labels, model_colors

NAME = "training"
TITLE = "Fine-tuning"
PLACE = 35
KEYS = ("model", "epoch")
CAPTION = "Left: loss on augmented training images. Right: accuracy on val images, which are not trained on."


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """Left: training loss; right: top-1 accuracy on val; both over epochs, one line per model."""
    colors = model_colors(results.architectures)
    page, (left, right) = plt.subplots(1, 2, figsize=(PAGE_INCHES, 2.6), layout="constrained")
    drawn = []
    for model in results.models:
        history = results.history(model)
        drawn.append(history.assign(model=model))
        for axes, column in ((left, "train_loss"), (right, "val_top1_percent")):
            axes.plot(history["epoch"], history[column], color=colors[model], marker=".", markersize=4)
            for single in singles(history, column).T:  # (E,) of each seed
                axes.plot(history["epoch"], single, color=colors[model], linewidth=0.4, alpha=0.6)
    left.set(xlabel="epoch", ylabel="training loss")
    right.set(xlabel="epoch", ylabel="top-1 on val, %")
    for axes in (left, right):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    right.set_ylim(0, 103)  # the markers at 100 % show whole
    labels = color_labels(results.architectures, list(results.models))
    handles = [Line2D([], [], color=color, marker=".", markersize=4, label=name) for name, color in labels.items()]
    page.legend(handles=handles, loc="outside lower center", ncols=4)
    return page, pd.concat(drawn, ignore_index=True)
