"""Stub, replaced at once."""

import pandas as pd
from matplotlib.figure import Figure

from camagain.paper.analysis_figures.empty import empty_figure
from camagain.paper.results import RunResults


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    return empty_figure(results, "texture")
