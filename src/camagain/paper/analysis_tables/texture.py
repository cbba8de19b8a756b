"""Stub, replaced at once."""

import pandas as pd

from camagain.paper.render import TextTable
from camagain.paper.results import RunResults


def table(results: RunResults) -> pd.DataFrame:
    return results.analysis("texture")


def text(results: RunResults) -> TextTable:
    return TextTable("", ("Model",), ())
