"""What each choice of the evaluation costs: the same images and the same network, scored under other choices.

Where the paper, its code and the evaluation code it compares with leave something open, two programs that are both
right print different numbers. Here every such choice is changed, alone or in all combinations, and its effect is
measured on the images of the test split, with the paired tests of `paired`.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from camagain.artifacts import RunPaths
from camagain.config import Experiment
from camagain.evaluation.correctness import Correct
from camagain.evaluation.inputs import maps_in, read_maps, read_truths
from camagain.evaluation.metrics import DELTAS, best_of
from camagain.evaluation.paired import mcnemar, paired_interval
from camagain.evaluation.score_maps import score_maps
from camagain.evaluation.scored import DELTA, Tables, correct_tables, threshold_grid
from camagain.evaluation.uncertainty import Sampling, draws, interval_of, mean_at_best
from camagain.progress import track

FIGURES = {"max_box_acc": (DELTA,), "max_box_acc_v2": DELTAS}
"""The figures that are scored, and the IoUs of which each takes the mean."""


@dataclass(frozen=True)
class Choices:
    """One way through everything that is left open."""

    size: int  # pixels at which boxes are compared
    class_choice: str  # "predicted" or "true": whose map it is
    variant: str  # "published" or "described"
    tap: str  # "before-norm" or "after-norm"
    interpolation: str  # "linear" or "cubic"
    threshold_step: float
    contours: str  # "largest" or "all"

    def changed(self, base: "Choices") -> str:
        """Which choices differ from another way, as "size: 224 → 384"; empty where none does."""
        return ", ".join(
            f"{field.name}: {getattr(base, field.name)} → {getattr(self, field.name)}"
            for field in fields(self)
            if getattr(self, field.name) != getattr(base, field.name)
        )


ALTERNATIVES: dict[str, tuple[Any, ...]] = {
    "size": (224, 384),
    "class_choice": ("predicted", "true"),
    "variant": ("published", "described"),
    "tap": ("before-norm", "after-norm"),
    "interpolation": ("linear", "cubic"),
    "threshold_step": (0.001, 0.01),
    "contours": ("largest", "all"),
}
"""What else each choice could be: what papers, their code and wsolevaluation do."""

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


def ways_from(base: Choices, extent: str) -> Iterator[Choices]:
    """The base, and then every way that differs from it in one choice, or in any."""
    options = {
        name: (getattr(base, name), *(value for value in values if value != getattr(base, name)))
        for name, values in ALTERNATIVES.items()
    }
    for values in product(*options.values()):
        way = Choices(**dict(zip(options, values, strict=True)))
        differing = sum(getattr(way, name) != getattr(base, name) for name in options)
        if differing <= 1 or extent == "all-combinations":
            yield way


def map_name(method: str, way: Choices, base: Choices) -> str:
    """The name of the maps that a way needs, as `localization.methods` gives it whether they are stored or not."""
    name = f"{method}-gt" if way.class_choice == "true" else method
    for choice in ("variant", "tap"):
        if getattr(way, choice) != getattr(base, choice):
            name = f"{name}.{getattr(way, choice)}"
    return name


def contours_of(figure: str, way: Choices, base: Choices) -> str:
    """MaxBoxAccV2 takes all contours by definition; there the changed choice is the largest alone."""
    if figure == "max_box_acc":
        return way.contours
    return "all" if way.contours == base.contours else base.contours


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
