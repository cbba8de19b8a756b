"""Effective receptive fields: a picture of each network and state, and the area over the share that it holds."""

import math
import re
from collections.abc import Mapping
from typing import Literal

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from camagain.analysis.erf.area import logarithmic
from camagain.analysis.erf.points import STATE_NAMES
from camagain.artifacts import existing
from camagain.drawing.empty import empty_figure
from camagain.drawing.results import RunResults
from camagain.drawing.style import BASELINE_COLOR, PAGE_INCHES, color_labels, model_colors

STYLES: Mapping[str, Literal[":", "--", "-"]] = {"random": ":", "start": "--", "finetuned": "-"}
"""Line of each state."""

COLORMAP = "RdYlGn"
"""Upstream's, with 0 in its middle: from yellow, which contributes nothing, to green."""

MARKED = 0.5
"""The share whose square is outlined and whose area is written below a picture."""

MOST_PICTURES = 48
"""With more than these only the last state is shown, else a page could not hold them."""

BESIDE = 4
"""Up to so many networks the curve stands beside the pictures, else below them."""

MOST_COLUMNS = 8
CURVE_INCHES = 2.5


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """Pictures in columns of networks and rows of states, and one curve for each of them."""
    table = results.analysis("erf")
    if table.empty:
        return empty_figure(results, "erf")
    models = [model for model in results.models if (table["model"] == model).any()]
    states = [state for state in STYLES if (table["state"] == state).any()]
    shown = states if len(models) * len(states) <= MOST_PICTURES else states[-1:]
    columns = min(MOST_COLUMNS, math.ceil(len(models) / math.ceil(len(models) / MOST_COLUMNS)))
    blocks = math.ceil(len(models) / columns)
    beside = len(models) <= BESIDE

    width = PAGE_INCHES - CURVE_INCHES if beside else PAGE_INCHES  # of all pictures
    height = blocks * (0.3 + len(shown) * (min((width - 0.4) / columns, 1.4) + 0.2))
    if beside:
        page = plt.figure(figsize=(PAGE_INCHES, max(height, 2.4)), layout="constrained")
        left, right = page.subfigures(1, 2, squeeze=False, width_ratios=(width, CURVE_INCHES)).flat
    else:
        page = plt.figure(figsize=(PAGE_INCHES, height + CURVE_INCHES), layout="constrained")
        left, right = page.subfigures(2, 1, squeeze=False, height_ratios=(height, CURVE_INCHES)).flat
    draw_pictures(left, results, table, [models[k * columns : (k + 1) * columns] for k in range(blocks)], shown)
    draw_curves(right, results, table, models, states)
    return page, table


def draw_pictures(
    panel: SubFigure, results: RunResults, table: pd.DataFrame, blocks: list[list[str]], states: list[str]
) -> None:
    """Blocks of networks below each other, each with one row for each state."""
    grid = panel.subplots(len(blocks) * len(states), len(blocks[0]), squeeze=False)
    marked = table[table["t"] == MARKED].set_index(["model", "state"])
    for axes in grid.flat:
        axes.set_axis_off()
    for k, models in enumerate(blocks):
        for column, model in enumerate(models):
            with np.load(existing(results.paths.analysis("erf", model) / "arrays.npz")) as arrays:
                for row, state in enumerate(states):
                    axes = grid[k * len(states) + row, column]
                    axes.set_axis_on()
                    axes.set(xticks=[], yticks=[])
                    if row == 0:
                        axes.set_title(wrapped(model), fontsize=6, pad=3)
                    if column == 0:
                        axes.set_ylabel(STATE_NAMES[state], fontsize=7)
                    if state in arrays:
                        draw_picture(axes, arrays[state], marked.loc[(model, state)])
                    else:
                        axes.text(0.5, 0.5, "–", ha="center", va="center", transform=axes.transAxes)


def draw_picture(axes: Axes, contribution: np.ndarray, square: pd.Series) -> None:
    """log10(A + 1) through its maximum, as upstream draws it, with the square that holds half of it and its area."""
    axes.imshow(logarithmic(contribution), cmap=COLORMAP, vmin=-1, vmax=1)
    for spine in axes.spines.values():
        spine.set(visible=True, linewidth=0.4)
    if np.isnan(square["area_ratio"]):
        axes.set_xlabel("–", fontsize=6, labelpad=2)
        return
    side, (height, width) = square["side_pixels"], contribution.shape
    corner = (width // 2 - side / 2, height // 2 - side / 2)  # the centre pixel lies in the square's middle
    axes.add_patch(Rectangle(corner, side, side, fill=False, edgecolor="black", linewidth=0.6))
    axes.set_xlabel(f"{100 * square['area_ratio']:.1f} %", fontsize=6, labelpad=2)


def draw_curves(
    panel: SubFigure, results: RunResults, table: pd.DataFrame, models: list[str], states: list[str]
) -> None:
    """Area over t, one line for each network and state; where no square holds t the line ends.

    Many networks have a panel for each state.
    """
    many = len(models) > MOST_COLUMNS
    grid = panel.subplots(1, len(states) if many else 1, squeeze=False, sharey=True)[0]
    colors = model_colors(results.architectures)
    for (model, state), rows in table.groupby(["model", "state"], sort=False):
        axes, look = (grid[states.index(state)], "-") if many else (grid[0], STYLES[state])
        axes.plot(rows["t"], 100 * rows["area_ratio"], look, color=colors[model], linewidth=0.7 if many else 1.2)
    for axes in grid:
        axes.plot([0, 1], [0, 100], color=BASELINE_COLOR, linewidth=0.6)
        axes.annotate("spread evenly", (0.55, 55), (-3, 2), textcoords="offset points", ha="right", fontsize=6)
        axes.set(xlim=(0, 1), ylim=(0, 100), xlabel="share t of the contribution")
    grid[0].set_ylabel("area, % of the input")
    labels = color_labels(results.architectures, models)
    handles = [Line2D([], [], color=color, label=label) for label, color in labels.items()]
    if many:
        for axes, state in zip(grid, states, strict=True):
            axes.set_title(STATE_NAMES[state])
    else:
        handles += [Line2D([], [], color="black", linestyle=STYLES[s], label=STATE_NAMES[s]) for s in states]
    panel.legend(handles=handles, loc="outside lower center", ncols=1 if len(models) <= BESIDE else 4)


def wrapped(name: str, characters: int = 17) -> str:
    """A model's name in lines of some characters, broken behind its own separators."""
    lines = [""]
    for part in re.findall(r"[^_.-]*[_.-]?", name):
        if len(lines[-1]) + len(part) > characters:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)
