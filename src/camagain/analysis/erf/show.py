"""Areas of effective receptive fields, model x state, and below them how they go together with MaxBoxAcc."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Literal

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from camagain.analysis.erf.area import THRESHOLDS, logarithmic
from camagain.analysis.erf.points import STATE_NAMES, erf_correlations, erf_points, method_of
from camagain.analysis.erf.readings import as_upstream
from camagain.drawing.empty import empty_figure
from camagain.drawing.render import TextTable
from camagain.drawing.results import MAP_NAMES, RunResults
from camagain.drawing.style import BASELINE_COLOR, PAGE_INCHES, color_labels, model_colors
from camagain.families import FAMILIES
from camagain.statistics.correlation import ALL, FEWEST

NAME = "erf"
TITLE = "Effective receptive field"
KEYS = ("model", "state", "input", "cells", "gradients", "t")
CAPTION = (
    "What each input pixel contributes to the centre of the last feature maps, as RepLKNet's authors draw it: "
    "log10(A + 1) divided by its maximum, from none (yellow) to most (green). Outlined: the smallest centred square "
    "that holds half of it, with its area below. Where the maps have an even number of cells, their central cell lies "
    "right of and below the middle, and so does the field. Curves: that area for every share t, by weights; a curve "
    "ends where no square of the input holds t. Grey: a contribution spread evenly over the input. Rows of states that "
    "would not fit on a page are left out of the pictures, not of the curves."
)

SHOWN = (*(("area_ratio", t) for t in THRESHOLDS), ("linear_area_ratio", 0.5))
"""Measure and t of each column."""


def numbers(results: RunResults) -> pd.DataFrame:
    """Areas at the literature's t, one row for each model, state and t, with the data behind them."""
    rows = as_upstream(results.analysis(NAME))
    if rows.empty:
        return rows
    rows = rows[rows["t"].isin(THRESHOLDS)]
    rows.insert(1, "architecture", rows["model"].map(results.architectures))
    data = results.dataset
    return rows.assign(dataset=data["name"], classes=len(data["classes"]), seed=results.seeds[0])


def text(results: RunResults, table: pd.DataFrame) -> TextTable:
    """A row for each model and state; then Pearson and Spearman over all models and within families."""
    points = as_upstream(results.once(erf_points))
    columns = ("Model", "Weights", *(f"t = {t:.0%}".replace("%", " %") for t in THRESHOLDS), "50 %, linear")
    if points.empty:
        return TextTable(f"The effective receptive field applies to no model of {results.sample}.", columns, ())
    rows = []
    for (model, state), own in points.groupby(["model", "state"], sort=False):
        areas = own.set_index(["measure", "t"])["area"]
        rows.append((model, STATE_NAMES[state], *(percent(areas[key]) for key in SHOWN)))
    found = results.once(erf_correlations)
    return TextTable(caption(results, found), columns, (*rows, *correlation_rows(found)), text_columns=2)


def correlation_rows(found: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """A row for each state, kind and group with enough models, and always for all models together."""
    for (group, state, kind), own in found.groupby(["group", "state", "kind"], sort=False):
        cells = {(row["measure"], row["t"]): row for _, row in own.iterrows()}
        models = own["models"].max()
        if group == ALL or not (own["reason"] != "").all():
            name = f"{'all' if group == ALL else FAMILIES[group].name}, {models} models: {kind.capitalize()}"
            yield name, STATE_NAMES[state], *(correlation_cell(cells[key], models) for key in SHOWN)


def correlation_cell(row: pd.Series, models: int) -> str:
    """A correlation with its interval, and the number of models where it differs from the row's."""
    if row["reason"]:
        return "–"
    fewer = f" ({row['models']})" if row["models"] < models else ""
    return f"{row['value']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}]{fewer}"


def percent(ratio: float) -> str:
    return "–" if np.isnan(ratio) else f"{100 * ratio:.1f}"


def caption(results: RunResults, found: pd.DataFrame) -> str:
    """The caption: what was measured, on what data, and what was left out."""
    measured = as_upstream(results.analysis(NAME))
    images, pixels = (
        " to ".join(str(n) for n in sorted({measured[column].min(), measured[column].max()}))
        for column in ("images", "input_pixels")
    )
    sizes = found[found["group"] != ALL].groupby("group", sort=False)["models"].max()
    few = [f"{FAMILIES[group].name} ({n})" for group, n in sizes.items() if n < FEWEST]
    pooled = found.loc[found["group"] == ALL, "models"].max()
    few += [f"all ({pooled})"] if pooled < FEWEST else []
    confidence = round(100 * results.experiment.evaluation.confidence)
    return (
        "Effective receptive field by RepLKNet's procedure: area, in percent of the input, of the smallest centred "
        "square that holds more than a share t of log10(A + 1), where A is what each pixel contributes to the centre "
        f"of the last feature maps, on average over {images} test images at {pixels} px. Linear: of A itself, "
        f"independent of the scale of the gradients. {results.sample}. A dash: no square holds so much. Last rows: "
        f"correlation over models with MaxBoxAcc of {MAP_NAMES[method_of(results)]}, in brackets {confidence} % "
        f"bootstrap intervals over models.{' Too few models for one: ' + ', '.join(few) + '.' if few else ''}"
        f"{left_out(results)}"
    )


def left_out(results: RunResults) -> str:
    """Sentences on images that were skipped and on states without an effective receptive field."""
    skipped, without = [], []
    for model, job in results.analysis_jobs(NAME):
        status = results.status(NAME, model, job)
        skipped += [f"{n} of {model}, {STATE_NAMES[s]}" for s, n in status.get("skipped_images", {}).items() if n]
        without += [f"{model}, {STATE_NAMES[s]} ({why})" for s, why in status.get("without", {}).items()]
    sentence = f" Images skipped, since gradients are not finite: {'; '.join(skipped)}." if skipped else ""
    return sentence + (f" Not measurable: {'; '.join(without)}." if without else "")


STYLES: Mapping[str, Literal[":", "--", "-"]] = {"random": ":", "start": "--", "finetuned": "-"}
"""Line of each state."""

COLORMAP = "RdYlGn"
"""Upstream's colours. The upper half is used: from yellow (contributes nothing) to green."""

OUTLINED = 0.5
"""The share whose square is outlined and whose area is written below a picture."""

MOST_PICTURES = 48
"""With more pictures only the last state is shown, since a page could not hold them."""

MOST_BESIDE_CURVE = 4
"""With up to this many networks the curve stands beside the pictures, else below them."""

MOST_COLUMNS = 8
CURVE_INCHES = 2.5


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """Pictures in columns of networks and rows of states, and one curve for each of them."""
    table = as_upstream(results.analysis(NAME))
    if table.empty:
        return empty_figure(results, NAME)
    models = [model for model in results.models if (table["model"] == model).any()]
    states = [state for state in STYLES if (table["state"] == state).any()]
    shown = states if len(models) * len(states) <= MOST_PICTURES else states[-1:]
    columns = min(MOST_COLUMNS, math.ceil(len(models) / math.ceil(len(models) / MOST_COLUMNS)))
    blocks = math.ceil(len(models) / columns)
    beside = len(models) <= MOST_BESIDE_CURVE

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
    marked = table[table["t"] == OUTLINED].set_index(["model", "state"])
    for axes in grid.flat:
        axes.set_axis_off()
    for k, models in enumerate(blocks):
        for column, model in enumerate(models):
            arrays = results.analysis_arrays(NAME, model)
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
    """log10(A + 1) divided by its maximum, as upstream draws it, with the square that holds half of it and its area."""
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
    panel.legend(handles=handles, loc="outside lower center", ncols=1 if len(models) <= MOST_BESIDE_CURVE else 4)


def wrapped(name: str, characters: int = 17) -> str:
    """A model's name in lines of some characters, broken behind its own separators."""
    lines = [""]
    for part in re.findall(r"[^_.-]*[_.-]?", name):
        if len(lines[-1]) + len(part) > characters:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)
