"""How far two numbers may lie apart: by the images that a share is of, and by rounding."""

import numpy as np

from camagain.statistics.confidence import normal_quantile

FORWARD_PASS, SMALLEST = 1e-4, 1e-6
"""What another order of adding leaves of numbers that a network computes in single precision: a share of each, or this.

Measured on two networks of the demo with the same weights and the kernels of another instruction set: maps moved by up
to 8e-7, numbers of the analyses by up to 2e-5 of their size or 4e-7, and none of 3,200 boxes.
"""


def binomial_error(images: np.ndarray | int, *shares: np.ndarray | float) -> np.ndarray:
    """95 % half-width of a share in percent of so many images, or of the difference of two such shares; all (R,)."""
    variance = sum((share / 100) * (1 - share / 100) / images for share in shares)
    return normal_quantile() * 100 * np.sqrt(np.maximum(variance, 0))


def rounding_of_sums(terms: int) -> float:
    """What the order of adding leaves of a sum of so many terms in double precision, as a share of its size."""
    return terms * float(np.finfo(np.float64).eps) / 2


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
