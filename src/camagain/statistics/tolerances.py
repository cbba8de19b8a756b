"""How far two numbers may lie apart by chance, and how many of many rows chance puts farther apart than that.

Tolerances come from intervals, from numbers of images, from the spread over seeds and from printed digits; none is a
constant of taste. A number for which none of these is known has to be the same to the last bit.

Each tolerance holds 95 % of differences by chance, so that of 200 rows about 10 lie beyond it in two runs that agree. A
row beyond its tolerance speaks against a run where there are more such rows than chance explains, or where it lies so
far out that chance would hardly put any of so many rows there. Rows are taken as independent; they are not quite, so
that this is a rule and no test.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from camagain.statistics.confidence import CONFIDENCE, normal_quantile


@dataclass(frozen=True)
class SeedSpread:
    """Standard deviation of one number over trainings with other seeds, and how many there were."""

    deviation: float
    runs: int

    @property
    def half_width(self) -> float:
        """How far two trainings may lie apart: the quantile is Student's, the deviation was estimated from few runs."""
        return student_quantile(self.runs - 1, CONFIDENCE) * math.sqrt(2) * self.deviation


@cache
def student_quantile(freedom: float, confidence: float) -> float:
    """How many standard deviations on either side of 0 hold this share of Student's distribution."""
    from scipy.stats import t

    return float(t.ppf((1 + confidence) / 2, freedom))


Spread = Mapping[tuple[str, str, str], SeedSpread]
"""By file (or "scores"), row as text (`row_text`) and column."""


def binomial_error(images: np.ndarray | int, *shares: np.ndarray | float) -> np.ndarray:
    """95 % half-width of a share in percent of so many images, or of the difference of two such shares; all (R,)."""
    variance = sum((share / 100) * (1 - share / 100) / images for share in shares)
    return normal_quantile() * 100 * np.sqrt(np.maximum(variance, 0))


def rounding_of_sums(terms: int) -> float:
    """What the order of adding leaves of a sum of so many terms in double precision, as a share of its size."""
    return terms * float(np.finfo(np.float64).eps) / 2


def interval_error(a: pd.DataFrame, b: pd.DataFrame) -> np.ndarray:
    """95 % half-width of a difference of two values with intervals: columns value, low, high of each -> (R,).

    The wider side of each interval counts, and the two add up as independent errors do.
    """
    halves = [
        np.maximum(table["value"] - table["low"], table["high"] - table["value"]).to_numpy(dtype=float)
        for table in (a, b)
    ]
    return np.hypot(*halves)


def interval_columns(column: str, columns: list[str]) -> tuple[str, str] | None:
    """The columns that hold the interval of another one, or None: `value` -> `low`, `high`, and so on.

    `top1_percent` -> `top1_low_percent`; a table with one value per unit may write `low_percent` alone.
    """
    stem, _, unit = column.rpartition("_")
    if unit in ("percent", "points"):
        found = [(f"{stem}_low_{unit}", f"{stem}_high_{unit}")]
        if stem in ("value", "difference", "max_box_acc"):
            found.append((f"low_{unit}", f"high_{unit}"))
    else:
        found = [("low", "high")] if column == "value" else []
    return next((pair for pair in found if set(pair) <= set(columns)), None)


@cache
def explained(rows: int) -> int:
    """How many of so many rows chance may put beyond their tolerance: 95 % quantile of the binomial distribution."""
    from scipy.stats import binom

    return int(binom.ppf(CONFIDENCE, rows, 1 - CONFIDENCE))


@cache
def farthest(rows: int, freedom: float = math.inf) -> float:
    """How far out chance may put the farthest of so many rows, in units of its tolerance: 95 % over all of them.

    `freedom`: degrees of freedom of the deviation behind the tolerance, few where it was estimated from few seeds.
    """
    joint = CONFIDENCE ** (1 / max(rows, 1))
    if math.isinf(freedom):
        return normal_quantile(joint) / normal_quantile()
    return student_quantile(freedom, joint) / student_quantile(freedom, CONFIDENCE)
