"""What each choice of the evaluation costs: the same images and the same network, scored under other choices.

The paper, its code and the evaluation code it compares with leave choices open, so two correct programs can print
different numbers. Here every such choice is changed, alone or in all combinations, and its effect is
measured on the images of the test split, with the paired tests of `paired`.
"""

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
import pandas as pd

from camagain.artifacts import RunPaths
from camagain.config import Evaluation, Experiment
from camagain.evaluation.inputs import Truth, maps_in, read_maps, read_truths
from camagain.evaluation.metrics import DELTAS, best_of
from camagain.evaluation.score_maps import score_maps
from camagain.evaluation.scored import DELTA, sweep, threshold_grid
from camagain.evaluation.swept import Tables
from camagain.evaluation.ways import ALTERNATIVES, FIXED, Choices, Finished, contours_of, finished, ways_from
from camagain.progress import track
from camagain.statistics.accuracies import accuracy_at_best
from camagain.statistics.accuracy import Accuracy
from camagain.statistics.bootstrap import Sampling
from camagain.statistics.correctness import Correct
from camagain.statistics.paired import discordant

SCORES = {"max_box_acc": (DELTA,), "max_box_acc_v2": DELTAS}
"""The scores that are computed -> the IoUs over which each takes the mean."""


def own_way(experiment: Experiment) -> Choices:
    """The choices of the experiment."""
    settings, localization = experiment.evaluation, experiment.localization
    return Choices(
        settings.size,
        "predicted",
        localization.variant,
        localization.tap,
        settings.interpolation,
        settings.threshold_step,
        "largest",
        "best",
    )


def steps_of(settings: Evaluation) -> tuple[float, ...]:
    """Every step between thresholds that some way takes, the evaluation's own first."""
    return tuple(dict.fromkeys((settings.threshold_step, *ALTERNATIVES["threshold_step"])))


def choices_table(
    experiment: Experiment,
    paths: RunPaths,
    model: str,
    method: str,
    swept: Mapping[Finished, Mapping[float, Tables]],
    executor: Executor | None = None,
) -> pd.DataFrame:
    """One row for each score and way, the experiment's own first: value, interval, and what the change did.

    `difference_points` and its interval are against the experiment's own way; `gained` and `lost` count images that
    only the changed way, or only the own one, has right at its best threshold (MaxBoxAcc alone). `p_value` is that of
    the interval of the difference; none where every threshold has the same images right.
    `swept`: results of earlier sweeps over test maps, by step; these maps are not swept again.
    """
    settings = experiment.evaluation
    sampling = Sampling(settings.bootstrap, settings.confidence, experiment.seed)
    base = own_way(experiment)
    available = set(maps_in(paths.maps(model)))
    truth_at = cache(lambda size: read_truths(paths.index, size)["test"])
    by_maps: dict[Finished, list[Choices]] = {}
    for way in ways_from(base, settings.choices):
        if (maps := finished(method, way, base)).maps in available:
            by_maps.setdefault(maps, []).append(way)
    found: dict[tuple[str, Choices], Result] = {}
    for maps, ways in track(by_maps.items(), len(by_maps), f"choices {model} {method}"):
        steps = sorted({way.threshold_step for way in ways})
        tables = swept[maps] if maps in swept else sweep_test(truth_at(maps.size), paths, model, maps, steps, executor)
        for way in ways:
            for score, deltas in SCORES.items():
                own = replace(way, contours=contours_of(score, way, base))
                every = [tables[way.threshold_step][own.contours, delta] for delta in deltas]
                found[score, way] = Result(own, [at_thresholds(table, way) for table in every], sampling)
    rows = [
        row(model, method, score, found[score, way], found[score, base])
        for score in SCORES
        for way in ways_from(base, settings.choices)
        if (score, way) in found
    ]
    return pd.DataFrame(rows)


def sweep_test(
    truth: Truth, paths: RunPaths, model: str, maps: Finished, steps: list[float], executor: Executor | None
) -> Mapping[float, Tables]:
    """Which test images are right, for the thresholds of each step, by a model's maps finished in some way."""
    stored = read_maps(paths.maps(model), maps.maps, {"test": truth})["test"]
    return sweep(score_maps(stored, *maps[1:]), truth.boxes, steps, executor)


def at_thresholds(table: Correct, way: Choices) -> Correct:
    """What a way knows of which images are right at which threshold: all of it, or a table of one threshold."""
    if way.threshold == "per-image":
        return table.anywhere()
    if way.threshold == "fixed-0.2":
        nearest = int(np.abs(threshold_grid(way.threshold_step) - FIXED).argmin())
        return table.columns(nearest, nearest + 1)
    return table


@dataclass(frozen=True)
class Result:
    """One score under one way."""

    way: Choices  # with the contours that the score takes there
    correct: list[Correct]  # one table for each IoU
    sampling: Sampling

    @cached_property
    def accuracy(self) -> Accuracy:
        """The score in percent, with what resamples say of its error."""
        return accuracy_at_best([(table, table) for table in self.correct], self.sampling)

    @property
    def right(self) -> np.ndarray:
        """Which images are right at the best threshold, (N,) bool."""
        return self.correct[0].at(best_of(self.correct[0].curve())[1])  # (N,)


def row(model: str, method: str, score: str, result: Result, base: Result) -> dict[str, Any]:
    """A row of the table."""
    own = result.accuracy.estimate(result.sampling.confidence)
    against = result.accuracy - base.accuracy
    difference = against.estimate(result.sampling.confidence)
    changed: dict[str, Any] = {"gained": None, "lost": None}
    if score == "max_box_acc":
        changed["gained"], changed["lost"] = discordant(result.right, base.right)
    return {
        "model": model,
        "method": method,
        "figure": score,
        "changed": result.way.changed(base.way),
        **asdict(result.way),
        "value_percent": own.value,
        "low_percent": own.low,
        "high_percent": own.high,
        "difference_points": difference.value,
        "difference_low_points": difference.low,
        "difference_high_points": difference.high,
        **changed,
        "p_value": against.p_value() if against.varies else None,
    }
