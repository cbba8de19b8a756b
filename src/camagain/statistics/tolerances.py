"""How far two numbers may lie apart: by the images that a share is of, by intervals, and by rounding."""

import numpy as np
import pandas as pd

from camagain.statistics.confidence import normal_quantile

FORWARD_PASS = 1e-3
"""What another order of adding may leave of a number computed from features in single precision, as a share of it.

Kernels for other instruction sets moved the features of the demo's networks by up to 1e-5 of their size, and numbers
that are differences of them by up to 1e-4.
"""


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
