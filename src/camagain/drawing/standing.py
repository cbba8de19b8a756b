"""The numbers of an analysis with what they stand on, as every table that leaves a run says it."""

import numpy as np
import pandas as pd

from camagain.drawing.results import RunResults


def standing(results: RunResults, name: str) -> pd.DataFrame:
    """The rows of all models, with architecture, dataset, test images, classes and seed behind them."""
    rows, data = results.analysis(name), results.dataset
    return rows.assign(
        architecture=rows["model"].map(results.architectures),
        dataset=data["name"],
        test_images=data["splits"]["test"],
        classes=len(data["classes"]),
        seed=results.experiment.seed,
    )


def cell(rows: pd.DataFrame, digits: int = 1) -> str:
    """The one row that is left as "value [low, high]", without brackets where it has no interval; a dash for none."""
    if rows.empty or not np.isfinite(rows["value"].iloc[0]):
        return "–"
    value, low, high = (f"{number:z.{digits}f}" for number in rows[["value", "low", "high"]].iloc[0])
    return value if low == "nan" else f"{value} [{low}, {high}]"
