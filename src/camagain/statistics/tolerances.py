"""How far two numbers may lie apart by chance: from intervals, numbers of images, spread over seeds, printed digits.

No tolerance is a constant of taste. A number for which none of these is known has to be the same to the last bit.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

CONFIDENCE = 0.95
"""A difference is within tolerance where 95 % of differences by chance would be."""

Z = 1.959963984540054
"""Quantile of the normal distribution for that confidence, two-sided."""


@dataclass(frozen=True)
class SeedSpread:
    """Standard deviation of one number over trainings with other seeds, and how many there were."""

    deviation: float
    runs: int

    @property
    def half_width(self) -> float:
        """How far two trainings may lie apart: the quantile is Student's, the deviation was estimated from few runs."""
        from scipy.stats import t

        return float(t.ppf((1 + CONFIDENCE) / 2, self.runs - 1)) * math.sqrt(2) * self.deviation


Spread = Mapping[tuple[str, str, str], SeedSpread]
"""By file (or "scores"), row as text (`row_text`) and column."""


def binomial_error(a: np.ndarray, b: np.ndarray, images: np.ndarray) -> np.ndarray:
    """95 % half-width of a difference of two shares in percent, each of so many images, all (R,)."""
    variance = sum((share / 100) * (1 - share / 100) / images for share in (a, b))
    return Z * 100 * np.sqrt(np.maximum(variance, 0))


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
