"""What each choice of the evaluation does to MaxBoxAcc, drawn as differences with their intervals."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from camagain.drawing.results import MAP_NAMES, RunResults
from camagain.drawing.style import PAGE_INCHES, model_colors
from camagain.evaluation.ways import ALTERNATIVES
from camagain.paper.exhibits.evaluation_choices import single_changes

FIGURE = "max_box_acc"
SPREAD = 0.6
"""Share of a row's height over which its models are spread."""


def choices_figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """One panel for each method, one row for each changed choice, one dot for each model."""
    table = results.choices()
    table = single_changes(table[table["figure"] == FIGURE])
    colors = model_colors(results.architectures)
    methods = list(dict.fromkeys(table["method"])) if len(table) else []
    options = [
        option for choice in ALTERNATIVES for option in dict.fromkeys(table.loc[table["choice"] == choice, "option"])
    ]
    height = 0.9 + 0.1 * len(options) * max(3, len(results.models))
    size, columns = (PAGE_INCHES, height), max(1, len(methods))
    figure, grid = plt.subplots(1, columns, figsize=size, squeeze=False, sharex=True, sharey=True, layout="constrained")
    offsets = np.linspace(-SPREAD / 2, SPREAD / 2, len(results.models))
    for method, axes in zip(methods, grid[0], strict=True):
        for model, offset in zip(results.models, offsets, strict=True):
            rows = table[(table["method"] == method) & (table["model"] == model)]
            y = [options.index(option) + offset for option in rows["option"]]
            value = rows["difference_points"].to_numpy(dtype=float)
            bars = [value - rows["difference_low_points"], rows["difference_high_points"] - value]
            axes.errorbar(value, y, xerr=bars, fmt="o", markersize=3, linewidth=1, color=colors[model], label=model)
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set(title=MAP_NAMES[method].partition(",")[0], xlabel="change of MaxBoxAcc, points")
        axes.set_yticks(range(len(options)), options)
        axes.grid(axis="x", linewidth=0.4, alpha=0.6)
    grid[0, 0].invert_yaxis()
    if methods:
        figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure, table
