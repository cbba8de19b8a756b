"""Numbers as the cells of a table print them: value and interval, a change in points, a p-value, a dash for none."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from camagain.statistics.trainings import over_trainings

NONE = "–"


def score_cell(score: Mapping[str, Any] | None) -> str:
    """A score of metrics.json as "value [low, high]", or a dash where it does not apply."""
    if score is None:
        return NONE
    return f"{score['value']:.1f}{over_seeds(score.get('deviation'))} [{score['low']:.1f}, {score['high']:.1f}]"


def seeds_cell(score: Mapping[str, Any] | None, confidence: float) -> str:
    """Student's interval over seeds behind a score, " (80.1, 83.9)", inside [0, 100]; nothing for one training."""
    if score is None or "seeds" not in score:
        return ""
    found = over_trainings(np.array(score["seeds"]), confidence)
    return f" ({max(found.low, 0):.1f}, {min(found.high, 100):.1f})"


def row_cell(rows: pd.DataFrame, digits: int = 1) -> str:
    """The one row that is left as "value [low, high]", without brackets where it has no interval; a dash for none."""
    if rows.empty or not np.isfinite(rows["value"].iloc[0]):
        return NONE
    value, low, high = (f"{number:z.{digits}f}" for number in rows[["value", "low", "high"]].iloc[0])
    value += over_seeds(rows["value_deviation"].iloc[0], digits) if "value_deviation" in rows else ""
    return value if low == "nan" else f"{value} [{low}, {high}]"


def over_seeds(deviation: float | None, digits: int = 1) -> str:
    """The deviation over seeds behind a mean, " ± 2.1"; nothing where there was one training."""
    return "" if deviation is None or not np.isfinite(deviation) else f" ± {deviation:.{digits}f}"


def change_cell(points: float, low: float, high: float, deviation: float | None = None) -> str:
    """A change in points as "+value [low, high]"."""
    return f"{points:+.1f}{over_seeds(deviation)} [{low:+.1f}, {high:+.1f}]"


def interval_cell(value: float, low: float, high: float, form: str) -> str:
    """A number as "value [low, high]" in a format such as "+.1f"; without brackets where it has no interval."""
    return f"{value:{form}}" if np.isnan(low) else f"{value:{form}} [{low:{form}}, {high:{form}}]"


def p_cell(p_value: float) -> str:
    """A p-value as people print it."""
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}" if np.isfinite(p_value) else NONE
