"""Classes and boxes together: Top-1, Top-5 and GT-known localization of every model and map."""

import pandas as pd

from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults
from camagain.paper.exhibits import localization
from camagain.paper.exhibits.localization import THRESHOLDS, interval_over_seeds, scores_text

NAME = "top-loc"
TITLE = "Classes and boxes together"
PLACE = 10
KEYS = ("model", "method", "variant", "figure")

SCORES = {
    "top5": "Top-5",
    "top1_loc": "Top-1 Loc",
    "top1_loc_val_threshold": "at val τ",
    "top5_loc": "Top-5 Loc",
    "top5_loc_val_threshold": "at val τ",
    "gt_known_loc": "GT-known Loc",
    "gt_known_loc_val_threshold": "at val τ",
}
"""Columns of the table of classes and boxes together."""


def numbers(results: RunResults) -> pd.DataFrame:
    """The rows of the table `localization` on classes and boxes together."""
    table = results.once(localization.numbers)
    return table[table["figure"].isin(SCORES)]


def text(results: RunResults, table: pd.DataFrame) -> TextTable:
    """Class and box together, models x methods."""
    caption = (
        f"Classes and boxes together, in percent on {results.scope} {THRESHOLDS} Top-1 Loc: class and box both right. "
        "Top-5 Loc: the true class is among the five best and its box is right. GT-known Loc: the box of the true "
        "class is right. The last two are defined only for maps of the true class."
        f"{interval_over_seeds(results)}"
    )
    return scores_text(results, SCORES, caption, baselines=False)
