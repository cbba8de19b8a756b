"""The tables of a run that its claims are judged by, brought into the form that the criteria read.

The unit is the architecture. Networks that differ in their weights, recipe or seed alone have one architecture, and
their mean counts once: they have the same kernels, and with random weights they are the same network.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from camagain.analysis.erf.points import erf_points
from camagain.analysis.erf.readings import as_upstream
from camagain.config import Experiment
from camagain.config.methods import base_of, declared, scored_under_choices, uses_true_class
from camagain.drawing.results import RunResults
from camagain.drawing.seeds import singles
from camagain.families import FAMILIES, family_of, untagged
from camagain.paper.evidence import counterparts
from camagain.paper.exhibits import paired_tests
from camagain.statistics.confidence import CONFIDENCE
from camagain.statistics.correlation import rank_correlation
from camagain.statistics.nested import contrast
from camagain.statistics.trainings import over_trainings

AUTHORS_NETWORK = "RepLKNet-31B"
"""The network of both claims on accuracy."""

MEASURES = ("activated_area", "gap_over_rms")
"""The paper says that both are large in good feature maps: activated area, and GAP value (here free of scale)."""

THETA = 0.2
"""Cells above this share of a channel's maximum count as activated; the middle one of those that are stored."""

STATES = ("random", "created", "finetuned")
"""Weights whose maps are measured; the first two are random ones, with BatchNorm's statistics of the images and with
the 0 and 1 that a network is created with."""

READINGS = ("pooled", "within families")
"""Correlation over all architectures, and over their differences from the mean of their family. Families differ in much
else than what is correlated, so a correlation that only families make may come from anything."""

CORRELATION_CONFIDENCE = 0.9
"""Of correlations' intervals. Each bound errs in 5 %, and a verdict needs several correlations at once, each of which
would have to err (Berger 1982)."""

Network = tuple[str, str, float, float]
"""Family, architecture, a measure and MaxBoxAcc."""

RHO = ("reading", "architectures", "value", "low", "high")
GAIN = ("quantity", "architectures", "value", "low", "high")
READ = ("model", "weights", "map", "class_choice", "size", "other")


@dataclass(frozen=True)
class ClaimTables:
    """The tables that the criteria read; a table has no rows where the run did not measure it.

    `erf`: Spearman's rho of area and MaxBoxAcc over architectures with fine-tuned weights, a row for each t and
    reading. `maps`: the same for each measure of the feature maps, state and reading. `gains`: what the remedies gain,
    see `gain_rows`. `accuracy`: MaxBoxAcc of the authors' network under every choice of the evaluation that was scored.
    `pc1`: per network MaxBoxAcc of PC1 minus that of CAM.
    """

    erf: pd.DataFrame
    maps: pd.DataFrame
    gains: pd.DataFrame
    accuracy: pd.DataFrame
    pc1: pd.DataFrame


def claim_tables(results: RunResults) -> ClaimTables:
    """The tables of a run."""
    return ClaimTables(
        erf=erf_rows(results),
        maps=map_rows(results),
        gains=gain_rows(remedied(results)),
        accuracy=accuracy_rows(results),
        pc1=pc1_rows(results.once(paired_tests.numbers)),
    )


def correlation_rows(networks: Iterable[Network]) -> list[tuple]:
    """Spearman's rho of a measure and MaxBoxAcc over architectures, one row of RHO for each reading.

    `networks`: family, architecture and two numbers of each. An architecture's numbers are the means over its networks
    that have both.
    """
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for family, architecture, value, max_box_acc in networks:
        if math.isfinite(value) and math.isfinite(max_box_acc):
            found.setdefault((family, architecture), []).append((value, max_box_acc))
    means = np.array([np.mean(numbers, axis=0) for numbers in found.values()]).reshape(-1, 2)  # (architectures, 2)
    families = np.array([family for family, _ in found], dtype=str)
    rows = []
    for reading in READINGS:
        rho = rank_correlation(
            means[:, 0], means[:, 1], families, CORRELATION_CONFIDENCE, within=reading == "within families"
        )
        rows.append((reading, len(means), rho.value, rho.low, rho.high))
    return rows


def erf_rows(results: RunResults) -> pd.DataFrame:
    """Columns t and RHO: RepLKNet's area ratio against MaxBoxAcc of the first method, with fine-tuned weights.

    An area that no square inside the map reaches counts as the whole map.
    """
    if made(results, "erf").empty:
        return area_rows(results.experiment, pd.DataFrame(columns=["t"]))
    points = as_upstream(results.once(erf_points))
    points = points[(points["state"] == "finetuned") & (points["measure"] == "area_ratio")]
    return area_rows(results.experiment, points)


def area_rows(experiment: Experiment, points: pd.DataFrame) -> pd.DataFrame:
    """The same of the points of one reading of the area: a row for each network and t (`erf_points`)."""
    found = []
    for t, rows in points.groupby("t", sort=False):
        known = placed(experiment, rows["model"])
        areas = rows["area"].astype(float).fillna(1.0)
        networks = zip(known["family"], known["architecture"], areas, rows["max_box_acc_percent"], strict=True)
        found += [(t, *row) for row in correlation_rows(networks)]
    return pd.DataFrame(found, columns=["t", *RHO])


def map_rows(results: RunResults) -> pd.DataFrame:
    """Columns measure, state and RHO: a network's mean measure against MaxBoxAcc of the first method.

    The states are those of STATES; all on test images, means over seeds.
    """
    columns = ["measure", "state", *RHO]
    table = made(results, "initialization")
    if table.empty:
        return pd.DataFrame(columns=columns)
    method = results.experiment.localization.methods[0]
    found = []
    for measure in MEASURES:
        for state in STATES:
            values = measured(table, measure, state)
            scores = [results.scores(model, method)["max_box_acc"]["value"] for model in values.index]
            known = placed(results.experiment, values.index)
            networks = zip(known["family"], known["architecture"], values, scores, strict=True)
            found += [(measure, state, *row) for row in correlation_rows(networks)]
    return pd.DataFrame(found, columns=columns)


def placed(experiment: Experiment, models: Iterable[str]) -> pd.DataFrame:
    """Columns model, family, architecture and start (weights that fine-tuning began with) of some models."""
    rows = []
    for name in models:
        model = experiment.model(name)
        options = ", ".join(f"{key}={value}" for key, value in sorted(dict(model.options).items()))
        architecture = f"{untagged(model.architecture)}{' with ' if options else ''}{options}"
        start = f"{model.architecture}, {model.weights}"
        rows.append((name, family_of(model.architecture) or "other", architecture, start))
    return pd.DataFrame(rows, columns=["model", "family", "architecture", "start"])


def made(results: RunResults, name: str) -> pd.DataFrame:
    """The rows of an analysis; none where the experiment does not make it, or where it applies to no model."""
    return results.analysis(name) if name in results.experiment.analysis.names else pd.DataFrame()


def measured(table: pd.DataFrame, measure: str, state: str) -> pd.Series:
    """The mean of one measure per model in one state, from the rows of the analysis `initialization`."""
    rows = table[(table["measure"] == measure) & (table["state"] == state) & (table["input"] == "images")]
    if measure == "activated_area":
        rows = rows[np.isclose(rows["theta"].astype(float), THETA)]
    return rows.groupby("model", sort=False)["value"].mean()


def remedied(results: RunResults) -> pd.DataFrame:
    """Columns of `placed` and gain_points: TAP, NWC and PaS together against none of them, mean over seeds.

    Both with a classifier fitted anew on the network's features, thresholded averages against plain ones.
    """
    table = made(results, "remedies")
    if table.empty:
        return placed(results.experiment, ()).assign(gain_points=0.0)
    flags = {name: table[name].astype(str) == "True" for name in ("nwc", "pas")}
    rows = table[(table["quantity"] == "max_box_acc") & (table["head"] == "tap") & flags["nwc"] & flags["pas"]]
    return placed(results.experiment, rows["model"]).assign(gain_points=rows["difference_points"].to_numpy(dtype=float))


def modern_families() -> list[str]:
    """The keys of the families that count as modern."""
    return [key for key, family in FAMILIES.items() if family.modern]


def gain_rows(networks: pd.DataFrame) -> pd.DataFrame:
    """Family means of what the remedies gain and what follows from them, in points; columns GAIN.

    `networks`: a row for each, with its `family`, `architecture`, `start` and `gain_points`. A mean over networks of
    one start is a unit, starts belong to an architecture, architectures to a family (`statistics.nested.contrast`).
    A row for each family; and, where there is a ResNet and a modern network, `modern` (the mean of the modern
    families), `modern - resnet` and `modern - resnet / 2`.
    """
    gains: dict[tuple[str, str, str], list[float]] = {}
    for *start, points in networks[["family", "architecture", "start", "gain_points"]].itertuples(index=False):
        gains.setdefault(tuple(start), []).append(points)
    families, architectures = [family for family, *_ in gains], [architecture for _, architecture, _ in gains]
    modern = [key for key in modern_families() if key in families]
    wanted = {family: {family: 1.0} for family in dict.fromkeys(families)}
    if modern and "resnet" in wanted:
        mean = {key: 1 / len(modern) for key in modern}
        wanted |= {"modern": mean, "modern - resnet": {**mean, "resnet": -1.0}}
        wanted["modern - resnet / 2"] = {**mean, "resnet": -0.5}
    rows = []
    for quantity, coefficients in wanted.items():
        means = [float(np.mean(points)) for points in gains.values()]
        found = contrast(means, families, architectures, coefficients, CONFIDENCE)
        known = len({(family, architecture) for family, architecture, _ in gains if family in coefficients})
        rows.append((quantity, known, found.value, found.low, found.high))
    return pd.DataFrame(rows, columns=list(GAIN))


def accuracy_rows(results: RunResults) -> pd.DataFrame:
    """MaxBoxAcc of RepLKNet-31B on the paper's images, a row for each map and way of evaluation that was scored.

    Columns READ, then `trainings` and `value_percent`, `low_percent`, `high_percent`: the mean over trainings with
    Student's interval, without bounds for a single training. `other`: what differs from the experiment's evaluation
    besides size and class.
    """
    answering = {model: match for model, match in counterparts(results).items() if match.network == AUTHORS_NETWORK}
    choices = results.choices() if answering else pd.DataFrame()
    rows = []
    for model, match in answering.items():
        for method in results.experiment.localization.methods:
            if not declared(method).in_model_zoo:
                continue
            score = results.scores(model, method)["max_box_acc"]
            of_class = "true" if uses_true_class(method) else "predicted"
            key = (model, match.weights, declared(method).title, of_class, results.experiment.evaluation.size, "")
            rows.append((*key, *mean_of(np.array(score.get("seeds", [score["value"]])))))
            if not scored_under_choices(method) or choices.empty:
                continue
            ways = choices[(choices["model"] == model) & (choices["method"] == base_of(method))]
            ways = ways[(ways["figure"] == "max_box_acc") & (ways["changed"] != "")]
            ways = ways[~ways["changed"].str.contains(r"\bthreshold: ")]  # of another threshold it is no MaxBoxAcc
            of_seeds = singles(ways, "value_percent")
            values = of_seeds if of_seeds.shape[1] else ways[["value_percent"]].to_numpy(dtype=float)
            for (_, way), own in zip(ways.iterrows(), values, strict=True):
                key = (model, match.weights, declared(method).title, way["class_choice"], int(way["size"]), other(way))
                rows.append((*key, *mean_of(own)))
    columns = [*READ, "trainings", "value_percent", "low_percent", "high_percent"]
    return pd.DataFrame(rows, columns=columns).drop_duplicates(list(READ), ignore_index=True)


def mean_of(values: np.ndarray) -> tuple[int, float, float, float]:
    """How many trainings, their mean, and the bounds of its interval."""
    mean = over_trainings(values, CONFIDENCE)
    return len(values), mean.value, mean.low, mean.high


def other(way: pd.Series) -> str:
    """What a way of evaluation changes besides size and class, as "interpolation: linear → cubic"."""
    return ", ".join(part for part in way["changed"].split(", ") if not part.startswith(("size:", "class_choice:")))


def pc1_rows(paired: pd.DataFrame) -> pd.DataFrame:
    """Columns model, difference_points, low_points, high_points of the pairs PC1 minus CAM, predicted class."""
    columns = ["model", "difference_points", "low_points", "high_points"]
    rows = paired[(paired["kind"] == "methods") & (paired["method_a"] == "pc1") & (paired["method_b"] == "cam")]
    return rows.rename(columns={"model_a": "model"})[columns].reset_index(drop=True)
