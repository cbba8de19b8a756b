"""Area of the effective receptive field and MaxBoxAcc of every model side by side, and how they go together."""

import pandas as pd

from camagain.analysis.erf.area import THRESHOLDS
from camagain.analysis.erf.readings import MEASURES, READING, as_upstream
from camagain.drawing.results import RunResults
from camagain.drawing.seeds import mean_over_seeds
from camagain.families import family_of
from camagain.statistics.bootstrap import Sampling
from camagain.statistics.correlation import correlate

CORRELATED = ("area_ratio", "linear_area_ratio")
"""Columns of the analysis: RepLKNet's measure, and the same without its logarithm."""

STATE_NAMES = {"random": "random", "start": "start", "finetuned": "fine-tuned"}
"""Names of the states of weights in tables and figures."""


KEYS = ("model", "state", *READING, "measure", "t")
"""What identifies a point."""


def method_of(results: RunResults) -> str:
    """The method whose MaxBoxAcc is compared: the experiment's first."""
    return results.experiment.localization.methods[0]


def erf_points(results: RunResults) -> pd.DataFrame:
    """One row for each model, state, reading, measure and t of the literature: the area, and the model's MaxBoxAcc."""
    if len(results.parts) > 1:
        return mean_over_seeds({seed: erf_points(part) for seed, part in results.parts.items()}, KEYS)
    table = results.analysis("erf")
    columns = ["model", "family", "state", *READING, "measure", "t", "area", "method"]
    columns += ["max_box_acc_percent", "max_box_acc_low_percent", "max_box_acc_high_percent"]
    if table.empty:
        return pd.DataFrame(columns=columns)
    method = method_of(results)
    scores = {model: results.scores(model, method)["max_box_acc"] for model in table["model"].unique()}
    rows = [
        (model, family_of(results.architectures[model]), state, *reading, measure, t, area, method, *score)
        for measure in MEASURES
        for model, state, *reading, t, area in table[["model", "state", *READING, "t", measure]].itertuples(index=False)
        if t in THRESHOLDS
        for score in [(scores[model]["value"], scores[model]["low"], scores[model]["high"])]
    ]
    return pd.DataFrame(rows, columns=columns)


def erf_correlations(results: RunResults) -> pd.DataFrame:
    """Pearson and Spearman of area and MaxBoxAcc over models, for each state, measure and t; see `correlate`.

    Of the maps that are made as RepLKNet's authors make them.
    """
    settings = results.experiment.evaluation
    sampling = Sampling(settings.bootstrap, settings.confidence, results.experiment.seed)
    tables = []
    points = as_upstream(results.once(erf_points))
    points = points[points["measure"].isin(CORRELATED)]
    for (state, measure, t), rows in points.groupby(["state", "measure", "t"], sort=False):
        found = correlate(rows, "area", "max_box_acc_percent", "family", sampling)
        tables.append(found.assign(state=state, measure=measure, t=t))
    return pd.concat(tables, ignore_index=True)
