"""Values with intervals as dots: one row for each thing measured, and in it one dot for each model."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from camagain.drawing.seeds import singles

SPREAD = 0.64
"""Share of a row's height over which its models are spread."""

INCHES_PER_MODEL = 0.065
INCHES_PER_ROW = (0.17, 0.8)
"""Least and largest height of a row: high enough for its label, and at most where dots begin to overlap."""


def draw_dots(axes: Axes, table: pd.DataFrame, by: str, labels: Mapping[str, str], colors: Mapping[str, str]) -> None:
    """Draws `value` with `low` and `high` in the row of each entry of the column `by`, from the top in order of labels.

    `labels`: entry -> what the axis says. `colors`: the models, in the order of their dots, and their colours. A value
    that is not defined is left out. Means over seeds have a tick for each seed beside them.
    """
    keys = list(labels)
    offsets = dict(zip(colors, offsets_of(len(colors)), strict=True))
    for model, rows in table[table[by].isin(keys)].dropna(subset="value").groupby("model", sort=False):
        value = rows["value"].to_numpy(dtype=float)
        bars = np.stack([value - rows["low"], rows["high"] - value]).astype(float).clip(0)  # (2, n)
        y = [keys.index(key) + offsets[model] for key in rows[by]]
        axes.errorbar(value, y, xerr=bars, fmt="o", markersize=3, linewidth=1, color=colors[model])
        for single in singles(rows).T:  # (n,) of each seed
            axes.plot(single, y, "|", markersize=4, markeredgewidth=0.7, color=colors[model])
    axes.set_yticks(range(len(keys)), list(labels.values()))
    axes.set_ylim(len(keys) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", linewidth=0.4, alpha=0.6)
    for above, below in pairwise(range(len(keys))):
        axes.axhline((above + below) / 2, color="0.85", linewidth=0.5, zorder=0)


def offsets_of(models: int) -> list[float]:
    """Offset of each model's dot from the middle of a row."""
    return np.linspace(-SPREAD / 2, SPREAD / 2, models).tolist() if models > 1 else [0.0]


def height_of(rows: int, models: int) -> float:
    """Inches that so many rows of so many models need."""
    least, most = INCHES_PER_ROW
    return rows * min(most, max(least, INCHES_PER_MODEL * (models + 1)))
