"""Whether the order of networks, and of methods, by boxes is also that by faithfulness. Never imports torch."""

import numpy as np
import pandas as pd

from camagain.analysis.faithfulness.names import MEASURES, REFERENCE
from camagain.drawing.results import RunResults
from camagain.drawing.seeds import mean_over_seeds
from camagain.statistics.correlation import FEWEST, rank_correlation

KEYS = ("model", "method", "measure")

WITHIN = "within networks"
"""The order of methods, and not of networks."""


def points(results: RunResults) -> pd.DataFrame:
    """One row for each network, method and measure: `value`, `gain` over the centred Gaussian, MaxBoxAcc of the map."""
    if len(results.parts) > 1:
        return mean_over_seeds({seed: points(part) for seed, part in results.parts.items()}, KEYS)
    table = results.analysis("faithfulness")
    if table.empty:
        return pd.DataFrame(columns=[*KEYS, "value", "gain", "max_box_acc_percent"])
    table = table[table["method"] != REFERENCE].reset_index(drop=True)
    scores = [
        results.scores(model, method)["max_box_acc"]
        for model, method in zip(table["model"], table["method"], strict=True)
    ]
    bounds = {"value": "max_box_acc_percent", "low": "max_box_acc_low_percent", "high": "max_box_acc_high_percent"}
    return table.assign(**{column: [score[key] for score in scores] for key, column in bounds.items()})


def agreements(results: RunResults) -> pd.DataFrame:
    """Spearman's rho of MaxBoxAcc and faithfulness, above 0 where both put the same ones first.

    Columns `over`, `quantity`, `measure`, `units`, `value`, `low`, `high`. Over the networks, for each method: of the
    values, which also depend on how sure a network is of its classes, and of the gains over the centred Gaussian,
    which do less. Over methods `within networks`: of ranks less each network's mean rank; networks that differ in
    both scores alike for all their methods then count nothing. No value below three units.
    """
    table, rows = results.once(points), []
    confidence = results.experiment.evaluation.confidence
    for measure, (_, _, sign) in MEASURES.items():
        own = table[table["measure"] == measure].dropna(subset=["value", "max_box_acc_percent"])
        for method, here in own.groupby("method", sort=False):
            for quantity, better in (("value", sign), ("gain", 1)):
                rows.append((method, quantity, measure, len(here), *rho(here, better, quantity, confidence, False)))
        if own["method"].nunique() > 1:
            rows.append((WITHIN, "value", measure, len(own), *rho(own, sign, "value", confidence, True)))
    columns = ["over", "quantity", "measure", "units", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns).sort_values("over", key=lambda names: names == WITHIN, kind="stable")


def rho(rows: pd.DataFrame, sign: int, quantity: str, confidence: float, within: bool) -> tuple[float, float, float]:
    """The correlation with its interval; NaN where it has too few units or nothing varies."""
    if len(rows) < FEWEST:
        return np.nan, np.nan, np.nan
    groups = rows["model"].to_numpy(dtype=str) if within else np.zeros(len(rows), dtype=int)
    found = rank_correlation(
        rows["max_box_acc_percent"].to_numpy(dtype=float),
        sign * rows[quantity].to_numpy(dtype=float),
        groups,
        confidence,
        within,
    )
    return found.value, found.low, found.high
