"""How often `camagain compare` calls two runs different: where the seed alone differs, and where a network is worse.

A run is what the demo is: models with four maps of ten scores each, and eight analyses of 75 rows. All numbers of a
model share one latent effect of its seed, the scores of one map and the rows of one analysis each a further one. Their
deviations are spread as the demo's are, and some rows are discrete or have heavy tails. The decision is the product's
own: `noise_of`, `decide`, `Judge`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from camagain.compare.judging.decisions import Evidence, decide
from camagain.compare.judging.judge import Judge
from camagain.compare.judging.noise import Measured, Sample, noise_of, stack_noise
from camagain.compare.judging.relations import Relation, Relations
from camagain.compare.judging.tables import scores_stack
from camagain.compare.judging.verdicts import Verdict
from camagain.statistics.paired import mcnemar
from camagain.statistics.tolerances import rounding_of_sums

IMAGES, MAPS, SCORES, ANALYSES, ROWS = 400, 4, 10, 8, 75
RUNS, LARGE_RUNS, LOSSES = 1000, 200, 400
"""How many comparisons are simulated: of runs that differ in the seed alone, of 37 models, and with a loss."""

DEMO = (2.5, 9.0)
"""Deviations over seeds of MaxBoxAcc in an earlier demo, in points, from its steadiest model to its least steady."""

SHARES = {"independent": (0.0, 0.0), "as one": (0.98, 0.01), "mixed": (0.5, 0.3)}
"""Parts of the variance of a number that the effects of its model, and of its map or analysis, make up."""


@dataclass(frozen=True)
class Setting:
    """What is simulated. `aside`: trainings of each run; `spread`: those of the reference, with run B among them, or 0.

    `loss`: points that all scores of the first model lose in A; `of_one_map`: only those of its first map.
    """

    what: str
    models: int = 4
    aside: int = 1
    spread: int = 6
    dependence: str = "mixed"
    deviation: tuple[float, float] = DEMO
    loss: float = 0.0
    of_one_map: bool = False

    def run(self, random: np.random.Generator) -> bool:
        """Whether one comparison of two whole runs says that they differ."""
        evidence = {}
        for model in range(self.models):
            common = random.normal(size=self.trainings)
            scores = (
                np.round(self.numbers(random, common, (MAPS, SCORES)) * IMAGES / 100) * 100 / IMAGES
            )  # whole images
            if model == 0:
                scores[: self.aside, : 1 if self.of_one_map else MAPS] -= self.loss
            evidence[f"model {model}", ""] = Evidence(self.p_values(scores, 100 / IMAGES), "seeds")
            analyses = self.p_values(self.numbers(random, common, (ANALYSES, ROWS)), 0.0).reshape(ANALYSES, ROWS)
            evidence |= {(f"model {model}", f"analysis {k}"): Evidence(own, "seeds") for k, own in enumerate(analyses)}
        return any(found.verdict is Verdict.DIFFERS for found in decide(evidence).values())

    @property
    def trainings(self) -> int:
        """Those of A, of B, and of the reference beside B."""
        return 2 * self.aside + max(0, self.spread - 1)

    def numbers(self, random: np.random.Generator, common: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Numbers of every training, (trainings, groups, rows), about 50 with deviations spread as `deviation` says."""
        of_model, of_group = SHARES[self.dependence]
        groups, rows = shape
        group = random.normal(size=(self.trainings, groups, 1))
        row = random.normal(size=(self.trainings, groups, rows))
        row[..., ::9] = random.standard_t(3, size=row[..., ::9].shape) / np.sqrt(3)  # heavy tails
        found = np.sqrt(of_model) * common[:, None, None] + np.sqrt(of_group) * group
        found = found + np.sqrt(1 - of_model - of_group) * row
        scale = np.exp(random.uniform(*np.log(self.deviation), size=(1, groups, 1)))
        return 50 + scale * found

    def p_values(self, values: np.ndarray, floor: float) -> np.ndarray:
        """The p-values of numbers of all trainings, (trainings, groups, rows) -> (C,), as the command takes them."""
        values = values.reshape(len(values), -1)
        count = values.shape[1]
        sides = values[: self.aside], values[self.aside : 2 * self.aside], values[2 * self.aside - 1 :]
        group = np.tile(np.arange(count), self.aside)
        a, b = (Sample.of(side.ravel(), group, count) for side in sides[:2])
        measured = Measured(np.full(count, np.nan), np.zeros(count), np.zeros(count, dtype=bool))
        if self.spread:
            deviation = sides[2].std(axis=0, ddof=1)
            known = deviation > 0
            measured.deviation[:] = np.where(known, deviation, np.median(deviation[known]))
            measured.freedom[:], measured.guessed[:] = self.spread - 1, ~known
        return noise_of(a, b, measured, rounding_of_sums(IMAGES), floor).p


def rows() -> Iterator[dict]:
    """One row for each setting: how many of n comparisons said that the runs differ, in percent."""
    for setting in (*false_alarms(), *losses()):
        random = np.random.default_rng(0)
        runs = LARGE_RUNS if setting.models > 4 else LOSSES if setting.loss else RUNS
        said = sum(setting.run(random) for _ in range(runs))
        low, high = setting.deviation
        yield row(
            setting.what,
            runs,
            said,
            models=setting.models,
            trainings_of_each_run=setting.aside,
            seeds_of_the_reference=setting.spread or "",
            rows_depend=setting.dependence,
            deviation_points=f"{low:g}" if low == high else f"{low:g} to {high:g}",
            loss_points=f"{setting.loss:g}" if setting.loss else "",
        )
    yield from same_weights()
    yield from unknown_spread()


def row(what: str, n: int, said: int, **about: object) -> dict:
    """One row; what does not apply is empty."""
    names = ("models", "trainings_of_each_run", "seeds_of_the_reference", "rows_depend", "deviation_points",
             "loss_points")  # fmt: skip
    return {
        "case": what,
        **{name: about.get(name, "") for name in names},
        "said_percent": round(100 * said / n, 1),
        "n": n,
    }


def false_alarms() -> Iterator[Setting]:
    """Runs that differ in their seeds alone."""
    for seeds in (3, 4, 5, 6):
        for dependence in SHARES:
            yield Setting("seed alone", spread=seeds, dependence=dependence)
    yield Setting("seed alone", aside=3, spread=0)
    yield Setting("seed alone", aside=3, spread=6)
    yield Setting("seed alone", models=37, aside=3, spread=0)
    yield Setting("seed alone", models=37, spread=6)


def losses() -> Iterator[Setting]:
    """One model of four is worse in A, at deviations that cover those of the demo."""
    for deviation in (0.5, 0.75, 1.0, 2.5, 5.0):
        for aside, spread in ((1, 6), (3, 0), (3, 6), (10, 0)):
            yield Setting("loss of all maps", aside=aside, spread=spread, deviation=(deviation, deviation), loss=3.0)
    for deviation in (0.5, 1.0, 2.5):
        yield Setting("loss of one map", aside=3, spread=0, deviation=(deviation, deviation), loss=3.0, of_one_map=True)
    for loss in (10.0, 20.0, 30.0):
        yield Setting("loss of all maps", loss=loss, deviation=(2.5, 2.5))


def same_weights() -> Iterator[dict]:
    """The same weights: one image of one map is wrong in A."""
    random, named, n = np.random.default_rng(0), 0, 200
    related = Relations({"model": Relation.EXACT}, {"model": Relation.EXACT}, frozenset(), frozenset({"model"}))
    for _ in range(n):
        right = random.random((MAPS, IMAGES)) < 0.8
        worse = right.copy()
        lost = random.choice(np.flatnonzero(right[0]))
        worse[0, lost] = False
        tables = [
            pd.DataFrame({"model": "model", "method": [f"map {k}" for k in range(MAPS)], "figure": "max_box_acc",
                          "value": 100 * side.mean(1), "low": np.nan, "high": np.nan, "threshold": 0.2})
            for side in (worse, right)
        ]  # fmt: skip
        stack = scores_stack(*tables)
        noise = stack_noise(stack, {}, rounding_of_sums(IMAGES), 100 / IMAGES)
        (table,) = Judge(stack, related, noise, decide({}), rounding_of_sums(IMAGES)).tables()
        named += table.counts.get(Verdict.DIFFERS, 0) == 1
    yield row("same weights, one image lost", n, named, models=1, loss_points=f"{100 / IMAGES:g}")


def unknown_spread() -> Iterator[dict]:
    """One training of each run and no measured spread: the images alone speak, and cannot tell a loss from a seed."""
    for deviation, loss in ((0.0, 0.0), (2.5, 0.0), (2.5, 5.0)):
        random, said = np.random.default_rng(0), {Verdict.DIFFERS: 0, Verdict.UNDECIDED: 0}
        for _ in range(LOSSES):
            evidence = {}
            for model in range(4):
                easy = random.beta(2, 0.5, size=IMAGES)  # how likely each image is to be right
                effects = random.normal(scale=deviation / 100, size=2) - np.array([loss / 100 * (model == 0), 0])
                sides = [random.random((MAPS, IMAGES)) < np.clip(easy + effect, 0, 1) for effect in effects]
                tests = [mcnemar(a, b).p_value for a, b in zip(*sides, strict=True)]
                evidence[f"model {model}", ""] = Evidence(np.array(tests), "images", unexplained=True)
            worst = max((found.verdict for found in decide(evidence).values()), key=lambda found: found.level)
            if worst in said:
                said[worst] += 1
        for verdict, count in said.items():
            yield row(f"no spread known: {verdict}", LOSSES, count, models=4, trainings_of_each_run=1,
                      deviation_points=f"{deviation:g}", loss_points=f"{loss:g}" if loss else "")  # fmt: skip
