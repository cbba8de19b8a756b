"""The tables of a run that its claims are judged by, brought into the form that the criteria read."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from camagain.analysis.erf.area import THRESHOLDS
from camagain.analysis.erf.points import erf_correlations
from camagain.drawing.results import RunResults
from camagain.families import family_of
from camagain.paper.exhibits import model_zoo, paired_tests
from camagain.statistics.bootstrap import Sampling
from camagain.statistics.correlation import COLUMNS as CORRELATION
from camagain.statistics.correlation import correlate

MEASURES = ("activated_area", "gap_over_rms")
"""The paper says that both are large in good feature maps: activated area, and GAP value (here free of scale)."""

THETA = 0.2
"""Cells above this share of a channel's maximum count as activated; the middle one of those that are stored."""

STATES = ("random", "finetuned")


@dataclass(frozen=True)
class ClaimTables:
    """The tables that the criteria read; a table has no rows where the run did not measure it.

    `erf`: Spearman's rho of area and MaxBoxAcc over all fine-tuned networks, a row for each t. `maps`: the same for
    each measure of the feature maps and each state. `remedies`: per network the gain of all remedies together.
    `zoo`: the numbers that answer the authors'. `choices`: MaxBoxAcc under other choices of the evaluation. `pc1`: per
    network MaxBoxAcc of PC1 minus that of CAM.
    """

    erf: pd.DataFrame
    maps: pd.DataFrame
    remedies: pd.DataFrame
    zoo: pd.DataFrame
    choices: pd.DataFrame
    pc1: pd.DataFrame


def claim_tables(results: RunResults) -> ClaimTables:
    """The tables of a run."""
    choices = results.choices()
    return ClaimTables(
        erf=erf_rows(results),
        maps=map_rows(results),
        remedies=remedy_rows(results),
        zoo=results.once(model_zoo.numbers),
        choices=choices[choices["figure"] == "max_box_acc"] if len(choices) else choices,
        pc1=pc1_rows(results.once(paired_tests.numbers)),
    )


def erf_rows(results: RunResults) -> pd.DataFrame:
    """Columns t and those of `correlate`: RepLKNet's area ratio against MaxBoxAcc of the first method, all models."""
    if made(results, "erf").empty:
        return pd.DataFrame(columns=["t", *CORRELATION])
    found = results.once(erf_correlations)
    found = found[(found["state"] == "finetuned") & (found["measure"] == "area_ratio") & found["t"].isin(THRESHOLDS)]
    pooled = found[(found["group"] == "all") & (found["kind"] == "spearman")]
    return pooled[["t", *CORRELATION]].reset_index(drop=True)


def map_rows(results: RunResults) -> pd.DataFrame:
    """Columns measure, state and those of `correlate`: a network's mean measure against MaxBoxAcc of the first method.

    The states are fine-tuned, and random weights of the same architecture; both on test images, means over seeds.
    """
    columns = ["measure", "state", *CORRELATION]
    table = made(results, "initialization")
    if table.empty:
        return pd.DataFrame(columns=columns)
    method = results.experiment.localization.methods[0]
    settings = results.experiment.evaluation
    sampling = Sampling(settings.bootstrap, settings.confidence, results.experiment.seed)
    found = []
    for measure in MEASURES:
        for state in STATES:
            values = measured(table, measure, state)
            points = pd.DataFrame(
                {
                    "value": values,
                    "max_box_acc": [results.scores(m, method)["max_box_acc"]["value"] for m in values.index],
                    "family": [family_of(results.architectures[model]) for model in values.index],
                }
            )
            rows = correlate(points, "value", "max_box_acc", "family", sampling)
            rows = rows[(rows["group"] == "all") & (rows["kind"] == "spearman")]
            found.append(rows.assign(measure=measure, state=state)[columns])
    return pd.concat(found, ignore_index=True)


def made(results: RunResults, name: str) -> pd.DataFrame:
    """The rows of an analysis; none where the experiment does not make it, or where it applies to no model."""
    return results.analysis(name) if name in results.experiment.analysis.names else pd.DataFrame()


def measured(table: pd.DataFrame, measure: str, state: str) -> pd.Series:
    """The mean of one measure per model in one state, from the rows of the analysis `initialization`."""
    rows = table[(table["measure"] == measure) & (table["state"] == state) & (table["input"] == "images")]
    if measure == "activated_area":
        rows = rows[np.isclose(rows["theta"].astype(float), THETA)]
    return rows.groupby("model", sort=False)["value"].mean()


def remedy_rows(results: RunResults) -> pd.DataFrame:
    """Columns model, family, gain_points, low_points, high_points: TAP, NWC and PaS together against none of them.

    Both with a classifier fitted anew on the network's features, thresholded averages against plain ones.
    """
    columns = ["model", "family", "gain_points", "low_points", "high_points"]
    table = made(results, "remedies")
    if table.empty:
        return pd.DataFrame(columns=columns)
    flags = {name: table[name].astype(str) == "True" for name in ("nwc", "pas")}
    rows = table[(table["quantity"] == "max_box_acc") & (table["head"] == "tap") & flags["nwc"] & flags["pas"]]
    names = {f"difference_{bound}points": f"{bound or 'gain_'}points" for bound in ("", "low_", "high_")}
    rows = rows.rename(columns=names).assign(family=[family_of(results.architectures[m]) for m in rows["model"]])
    return rows[columns].reset_index(drop=True)


def pc1_rows(paired: pd.DataFrame) -> pd.DataFrame:
    """Columns model, difference_points, low_points, high_points of the pairs PC1 minus CAM, predicted class."""
    columns = ["model", "difference_points", "low_points", "high_points"]
    rows = paired[(paired["kind"] == "methods") & (paired["method_a"] == "pc1") & (paired["method_b"] == "cam")]
    return rows.rename(columns={"model_a": "model"})[columns].reset_index(drop=True)
