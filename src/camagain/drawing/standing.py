"""The numbers of an analysis with the data behind them, as in every table that leaves a run."""

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
        seed=results.seeds[0],
    )
