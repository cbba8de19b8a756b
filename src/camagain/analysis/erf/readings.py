"""The readings that the effective receptive field leaves open, and which of them is RepLKNet's. Never imports torch.

A reading is one value of each column of READING, and one of the columns of MEASURES.
"""

from collections.abc import Mapping

import pandas as pd

from camagain.config import Experiment

READING = ("input", "cells", "gradients")
"""Columns of the analysis's table that say how a contribution map was made.

`input`: `own`, the side that the analysis is set to, or another side in pixels. `cells`: `centre`, or `mean` over cells
in a grid. `gradients`: `positive` (ReLU) or `absolute`.
"""

UPSTREAM: Mapping[str, str] = {"input": "own", "cells": "centre", "gradients": "positive"}
"""How RepLKNet's authors make the map, at the side of the experiment."""

MEASURES: Mapping[str, tuple[str, str]] = {
    "area_ratio": ("square", "log"),
    "linear_area_ratio": ("square", "linear"),
    "free_area_ratio": ("any pixels", "log"),
    "linear_free_area_ratio": ("any pixels", "linear"),
}
"""Columns with an area: of the smallest centred square, or of the fewest pixels, that hold a share of log10(A + 1), or
of A itself. The first is RepLKNet's."""


def as_upstream(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table whose maps are made as RepLKNet's authors make them."""
    for column, value in UPSTREAM.items() if len(table) else ():
        table = table[table[column] == value]
    return table


def is_measured(experiment: Experiment) -> bool:
    """Whether an experiment measures the effective receptive field."""
    return "erf" in experiment.analysis.names
