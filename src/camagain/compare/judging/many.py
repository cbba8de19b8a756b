"""More than two runs side by side: every score of each, the best, and how far they scatter."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from camagain.compare.runs.causes import GIT_STATE
from camagain.compare.runs.differences import Difference, differences, flat, shown
from camagain.compare.runs.folder import RunFolder
from camagain.compare.runs.guards import contents, measuring, partial, same_test_images
from camagain.compare.runs.scores import read_scores
from camagain.compare.runs.seeds import beyond_seed, same_seed
from camagain.errors import UserError

LISTED = 8
"""Settings that a notice names; the rest is counted."""


@dataclass(frozen=True)
class ScoreRow:
    """One score of all runs in percent, None where a run does not have it; higher is better in all of them."""

    model: str
    method: str
    figure: str
    values: tuple[float | None, ...]
    intervals: tuple[tuple[float, float] | None, ...]

    @property
    def known(self) -> list[float]:
        return [value for value in self.values if value is not None]

    @property
    def missing(self) -> int:
        return len(self.values) - len(self.known)

    @property
    def best(self) -> tuple[int, ...]:
        """Places of the runs with the highest value; of none where all runs have the same or only one has any."""
        if len(set(self.known)) < 2:
            return ()
        return tuple(place for place, value in enumerate(self.values) if value == max(self.known))


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation, lowest and highest of n values; no mean where the runs are no repetitions."""

    n: int
    low: float
    high: float
    mean: float | None
    deviation: float | None


@dataclass(frozen=True)
class RunTable:
    """The scores of several runs. `differing`: settings other than the seed that are not the same in all, by run."""

    runs: tuple[RunFolder, ...]
    rows: tuple[ScoreRow, ...]
    notices: tuple[str, ...]
    differing: dict[str, tuple[object, ...]]

    @property
    def averaged(self) -> bool:
        """Whether the runs are trainings of one experiment, so that their mean means something."""
        return not self.differing

    @property
    def missing(self) -> int:
        """How many values are missing in all."""
        return sum(row.missing for row in self.rows)

    def spread(self, row: ScoreRow) -> Spread:
        """The spread of one row over the runs that have it."""
        known = row.known
        mean = statistics.fmean(known) if self.averaged else None
        deviation = statistics.stdev(known) if self.averaged and len(known) > 1 else None
        return Spread(len(known), min(known), max(known), mean, deviation)


def compare_many(runs: Sequence[Path]) -> RunTable:
    """Puts the scores of two or more runs into one table.

    UserError where a folder is no run or is given twice, or two were measured on different test images.
    """
    if len(runs) < 2:
        raise UserError(f"expected two runs or more to compare; found {len(runs)}.")
    places = [Path(run).resolve() for run in runs]
    for place, run in zip(places, runs, strict=True):
        if places.count(place) > 1:
            raise UserError(f"{run} is given {places.count(place)} times; give each run once.")
    folders = tuple(RunFolder.open(run) for run in runs)
    for other in folders[1:]:
        same_test_images(folders[0], other)
    differing = differing_settings(folders)
    return RunTable(folders, score_rows(folders), tuple(notices(folders, differing)), differing)


def score_rows(runs: Sequence[RunFolder]) -> tuple[ScoreRow, ...]:
    """Every score that any run has: models and methods as in the experiments, others such as baselines last."""
    found: list[dict[tuple[str, str, str], tuple[float, float, float]]] = []
    for run in runs:
        table = read_scores(run)
        keys = table[["model", "method", "figure"]].itertuples(index=False, name=None)
        found.append(dict(zip(keys, table[["value", "low", "high"]].itertuples(index=False, name=None), strict=True)))
    models = [model["name"] for run in runs for model in run.values["models"]]
    methods = [method for run in runs for method in run.values["localization"]["methods"]]
    keys = list(dict.fromkeys(chain.from_iterable(found)))
    figures = list(dict.fromkeys(figure for _, _, figure in keys))

    def order(key: tuple[str, str, str]) -> tuple:
        model, method, figure = key
        place = [names.index(name) if name in names else len(names) for names, name in
                 ((models, model), (methods, method), (figures, figure))]  # fmt: skip
        return place[0], model, place[1], method, place[2]

    rows = []
    for model, method, figure in sorted(keys, key=order):
        entries = [scores.get((model, method, figure)) for scores in found]
        values = tuple(entry[0] if entry else None for entry in entries)
        intervals = tuple((entry[1], entry[2]) if entry else None for entry in entries)
        rows.append(ScoreRow(model, method, figure, values, intervals))
    return tuple(rows)


def differing_settings(runs: Sequence[RunFolder]) -> dict[str, tuple[object, ...]]:
    """The settings other than seeds that are not the same in all runs: their value in each.

    What every model takes over from the experiment is named once: `training.epochs` and not one for each model.
    """
    names = sorted({found.name for other in runs[1:] for found in beyond_seed(runs[0], other)})
    settings = [dict(flat(run.values)) for run in runs]
    values = {name: tuple(found.get(name) for found in settings) for name in names}
    return {
        name: found
        for name, found in values.items()
        if not (name.startswith("models[") and values.get(name.partition("].")[2]) == found)
    }


def notices(runs: Sequence[RunFolder], differing: dict[str, tuple[object, ...]]) -> Iterator[str]:
    """What a reader has to know before the numbers, one sentence each, the gravest first."""
    if differing:
        settings = [f"{name}: {', '.join(map(shown, values))}" for name, values in differing.items()]
        more = [f"and {len(settings) - LISTED} more"] if len(settings) > LISTED else []
        yield (
            "NOTHING WAS AVERAGED: the runs differ in more than their seed, so that a mean over them would mean "
            f"nothing. In the order of the runs: {'; '.join([*settings[:LISTED], *more])}"
        )
    for run in runs:
        yield from partial(run)
    for other in runs[1:]:
        yield from contents(runs[0], other)
        yield from (f"{runs[0]} against {other}: {found}" for found in measuring(runs[0], other))
    yield from beside_the_settings(runs, ("data",) if differing else ("data", "code", "packages", "machine"))
    for one, other in () if differing else same_seed(runs):
        yield (
            f"{one} and {other} have the same seed, so one of them is no separate training: "
            "the deviation is smaller than the one over seeds"
        )


def beside_the_settings(runs: Sequence[RunFolder], matters: Sequence[str]) -> Iterator[str]:
    """What else differs from the first run, by kind: a deviation over the runs is also a deviation over this."""
    found: dict[tuple[str, str], list[str]] = {}
    for other in runs[1:]:
        beside = [difference for difference in differences(runs[0], other) if not is_told(difference, runs[0], other)]
        for matter in matters:
            entries = [str(difference) for difference in beside if difference.matter == matter]
            more = [f"and {len(entries) - 3} more"] if len(entries) > 3 else []
            if entries:
                found.setdefault((matter, "; ".join([*entries[:3], *more])), []).append(str(other))
    for (matter, what), others in found.items():
        yield f"{runs[0]} against {' and '.join(others)}: {matter} differ: {what}"


def is_told(difference: Difference, a: RunFolder, b: RunFolder) -> bool:
    """Whether another difference says it already: digests of sources a commit, a split's seed the split."""
    if difference.name in GIT_STATE:
        return "code" in a.manifest and "code" in b.manifest
    return difference.name == "dataset fingerprint" and a.dataset.get("split_seed") != b.dataset.get("split_seed")
