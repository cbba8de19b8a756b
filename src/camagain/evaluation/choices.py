"""What each choice of the evaluation costs: the same images and the same network, scored under other choices.

Where the paper, its code and the evaluation code it compares with leave something open, two programs that are both
right print different numbers. Here every such choice is changed, alone or in all combinations, and its effect is
measured on the images of the test split, with the paired tests of `paired`.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from camagain.artifacts import RunPaths
from camagain.config import Experiment
from camagain.evaluation.inputs import maps_in, read_maps, read_truths
from camagain.evaluation.metrics import DELTAS, best_of
from camagain.evaluation.score_maps import score_maps
from camagain.evaluation.scored import DELTA, Tables, correct_tables, threshold_grid
from camagain.evaluation.ways import Choices, contours_of, map_name, ways_from
from camagain.progress import track
from camagain.statistics.bootstrap import Sampling, draws, interval_of, mean_at_best
from camagain.statistics.correctness import Correct
from camagain.statistics.paired import mcnemar, paired_interval

FIGURES = {"max_box_acc": (DELTA,), "max_box_acc_v2": DELTAS}
"""The figures that are scored, and the IoUs of which each takes the mean."""


OF_THE_SWEEP = ("threshold_step", "contours")
"""Choices that are answered by the same sweep over a map, so that no map is scored again for them."""


def choices_table(
    experiment: Experiment, paths: RunPaths, model: str, method: str, executor: Executor | None = None
) -> pd.DataFrame:
    """One row for each figure and way, the experiment's own first: value, interval, and what the change did.

    `difference_points` and its interval are against the experiment's own way; `gained` and `lost` count images that
    only the changed way, or only the own one, has right at its best threshold (MaxBoxAcc alone: McNemar's test).
    """
    settings = experiment.evaluation
    sampling = Sampling(settings.bootstrap, settings.confidence, experiment.seed)
    base = Choices(
        settings.size,
        "predicted",
        experiment.localization.variant,
        experiment.localization.tap,
        settings.interpolation,
        settings.threshold_step,
        "largest",
    )
    available = set(maps_in(paths.localization(model) / "maps.npz"))
    ways = [way for way in ways_from(base, settings.choices) if map_name(method, way, base) in available]
    by_map: dict[Choices, list[Choices]] = {}  # ways that one sweep over the same maps answers, by one of them
    for way in ways:
        by_map.setdefault(replace(way, **{name: getattr(base, name) for name in OF_THE_SWEEP}), []).append(way)
    found: dict[tuple[str, Choices], Result] = {}
    for key in track(by_map, len(by_map), f"choices {model} {method}"):
        steps = sorted({way.threshold_step for way in by_map[key]})
        finished, boxes = maps_of(paths, model, map_name(method, key, base), key)
        tables = score(finished, boxes, steps, executor)
        for way in by_map[key]:
            for figure, deltas in FIGURES.items():
                own = replace(way, contours=contours_of(figure, way, base))
                correct = [tables[way.threshold_step][own.contours, delta] for delta in deltas]
                found[figure, way] = Result(own, correct, sampling)
    rows = [row(model, method, figure, found[figure, way], found[figure, base]) for figure in FIGURES for way in ways]
    return pd.DataFrame(rows)


def maps_of(paths: RunPaths, model: str, name: str, way: Choices) -> tuple[Iterator[np.ndarray], list[np.ndarray]]:
    """The test maps of a way, finished as it says, and the true boxes at its size."""
    truth = read_truths(paths.index, way.size)["test"]
    maps = read_maps(paths.localization(model) / "maps.npz", name, {"test": truth})["test"]
    return score_maps(maps, way.size, way.interpolation, way.variant), truth.boxes  # type: ignore[arg-type]


def score(
    maps: Iterable[np.ndarray], boxes: Sequence[np.ndarray], steps: Sequence[float], executor: Executor | None
) -> dict[float, Tables]:
    """Which images are right, for the threshold grid of each step, from one sweep over the maps."""
    grids = [threshold_grid(step) for step in steps]
    tables = correct_tables(maps, boxes, np.concatenate(grids), executor)
    ends = np.cumsum([len(grid) for grid in grids])
    return {
        step: {key: table.columns(end - len(grid), end) for key, table in tables.items()}
        for step, grid, end in zip(steps, grids, ends.tolist(), strict=True)
    }


@dataclass(frozen=True)
class Result:
    """One figure under one way."""

    way: Choices  # with the contours that the figure takes there
    correct: list[Correct]  # one table for each IoU
    sampling: Sampling

    @property
    def value(self) -> float:
        return float(np.mean([best_of(table.curve())[0] for table in self.correct]))

    @cached_property
    def draws(self) -> np.ndarray:
        return draws([table for table in self.correct for _ in range(2)], mean_at_best, self.sampling)  # (R,)

    @property
    def right(self) -> np.ndarray:
        return self.correct[0].at(best_of(self.correct[0].curve())[1])  # (N,)


def row(model: str, method: str, figure: str, result: Result, base: Result) -> dict[str, Any]:
    """A row of the table."""
    own, base_draws = result.draws, base.draws
    low, high = interval_of(own, result.value, result.sampling.confidence)
    difference = result.value - base.value
    below, above = paired_interval(own, base_draws, difference, result.sampling.confidence)
    changed: dict[str, Any] = {"gained": None, "lost": None, "p_value": None}
    if figure == "max_box_acc":
        test = mcnemar(result.right, base.right)
        changed = {"gained": test.only_first, "lost": test.only_second, "p_value": test.p_value}
    return {
        "model": model,
        "method": method,
        "figure": figure,
        "changed": result.way.changed(base.way),
        **asdict(result.way),
        "value_percent": result.value,
        "low_percent": low,
        "high_percent": high,
        "difference_points": difference,
        "difference_low_points": below,
        "difference_high_points": above,
        **changed,
    }
