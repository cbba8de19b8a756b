"""How often the criteria of the paper's claims err: verdicts on made-up runs with the networks of `teaser`.

A run is made by drawing a number for each network and putting it through the functions that make the tables of a real
run and judge them. What is true is known, so a verdict is right or wrong.

Numbers of a network are sums of independent normal parts, whose standard deviations in points of MaxBoxAcc are those of
PARTS: of its family, its architecture, the weights that fine-tuning began with and the recipe; and of the seed. The
first figure of the paper has 11 points between families and 10 within one.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from camagain.analysis.erf.area import THRESHOLDS
from camagain.config.file import load_experiment
from camagain.paper.claims import criteria, tables
from camagain.paper.claims.tables import ClaimTables, correlation_rows, gain_rows, mean_of, placed

PARTS = {"family": 8.0, "architecture": 7.0, "start": 5.0, "recipe": 3.0}
"""Standard deviations in points of MaxBoxAcc."""

OF_GAIN = {"architecture": 3.0, "start": 2.0, "recipe": 1.0}
"""The same of what the remedies gain."""

MEASURE_OF_START = 0.3
"""How far weights of one architecture differ in area or in a measure of maps; architectures differ by 1."""

EMPTY = ClaimTables(
    erf=pd.DataFrame(columns=["t", *tables.RHO]),
    maps=pd.DataFrame(columns=["measure", "state", *tables.RHO]),
    gains=gain_rows(pd.DataFrame(columns=["family", "architecture", "start", "gain_points"])),
    accuracy=pd.DataFrame(columns=[*tables.READ, "trainings", "value_percent", "low_percent", "high_percent"]),
    pc1=pd.DataFrame(columns=["model", "difference_points", "low_points", "high_points"]),
)
"""The tables of a run that measured nothing."""


@cache
def networks(times: int = 1) -> pd.DataFrame:
    """Family, architecture and starting weights of the networks of `teaser`, each in two recipes.

    `times`: so many copies of each family, with architectures of their own.
    """
    experiment = load_experiment(Path(__file__).parents[2] / "config" / "experiments" / "teaser.yaml")
    found = placed(experiment, [model.name for model in experiment.models]).drop(columns="model").drop_duplicates()
    copies = [found + ("" if copy == 0 else f" {copy}") for copy in range(times)]
    return pd.concat([*copies, *copies], ignore_index=True)


def effects(names: pd.Series, deviation: float, rng: np.random.Generator) -> np.ndarray:
    """One normal number for each distinct name, (N,) names -> (N,)."""
    distinct = {name: deviation * rng.standard_normal() for name in names.unique()}
    return np.array([distinct[name] for name in names])


def max_box_acc(rng: np.random.Generator, deviation: float, seeds: int, known: pd.DataFrame) -> dict[str, np.ndarray]:
    """The parts of every network's mean MaxBoxAcc over some seeds, by level."""
    found = {level: effects(known[level], PARTS[level], rng) for level in ("family", "architecture", "start")}
    noise = np.hypot(PARTS["recipe"], deviation / seeds**0.5)
    return {**found, "network": noise * rng.standard_normal(len(known))}


def correlated(
    scores: Mapping[str, np.ndarray],
    rho: Mapping[str, float],
    other: Mapping[str, np.ndarray],
    rng: np.random.Generator,
    known: pd.DataFrame,
) -> np.ndarray:
    """A measure of every network, whose parts have this correlation with those of MaxBoxAcc, by level.

    `other`: what else is in the measure, by level, with a standard deviation of 1.
    """
    total = effects(known["start"], MEASURE_OF_START, rng)
    for level, r in rho.items():
        total = total + r * scores[level] / PARTS[level] + (1 - r * r) ** 0.5 * other[level]
    return total


def unrelated(rng: np.random.Generator, known: pd.DataFrame) -> dict[str, np.ndarray]:
    """What has nothing to do with MaxBoxAcc, by level."""
    return {level: effects(known[level], 1.0, rng) for level in ("family", "architecture")}


def rows_of(scores: Mapping[str, np.ndarray], measure: np.ndarray, known: pd.DataFrame) -> list[tuple]:
    """The correlations that a real run's table would have."""
    return correlation_rows(zip(known["family"], known["architecture"], measure, sum(scores.values()), strict=True))


def levels(rho: float) -> dict[str, float]:
    """One correlation on both levels."""
    return {"family": rho, "architecture": rho}


def receptive_field(rho: Mapping[str, float], times: int = 1) -> "Draw":
    """Area at all shares t, which differ by little, and MaxBoxAcc; `times`: of so many times the families."""

    def draw(rng: np.random.Generator, deviation: float, seeds: int) -> ClaimTables:
        known = networks(times)
        scores = max_box_acc(rng, deviation, seeds, known)
        area = correlated(scores, rho, unrelated(rng, known), rng, known)
        found = []
        for t in THRESHOLDS:
            at_t = area + effects(known["architecture"], 0.2, rng)
            found += [(t, *row) for row in rows_of(scores, at_t, known)]
        return replace(EMPTY, erf=pd.DataFrame(found, columns=EMPTY.erf.columns))

    return draw


def inherent_maps(
    finetuned: Mapping[str, float], random: Mapping[str, float], created: Mapping[str, float], shared: float = 0.5
) -> "Draw":
    """Both measures in all states; a state has one true correlation for both.

    `shared`: the share of variance unrelated to MaxBoxAcc that an architecture's maps have in common in all states.
    """

    def draw(rng: np.random.Generator, deviation: float, seeds: int) -> ClaimTables:
        known = networks()
        scores = max_box_acc(rng, deviation, seeds, known)
        truths = (("random", random), ("created", created), ("finetuned", finetuned))
        found = []
        for measure in tables.MEASURES:
            common = unrelated(rng, known)
            for state, rho in truths:
                own = unrelated(rng, known)
                other = {level: shared**0.5 * common[level] + (1 - shared) ** 0.5 * own[level] for level in own}
                maps = correlated(scores, rho, other, rng, known)
                found += [(measure, state, *row) for row in rows_of(scores, maps, known)]
        return replace(EMPTY, maps=pd.DataFrame(found, columns=EMPTY.maps.columns))

    return draw


def robust_networks(resnet: float, modern: float, uneven: float = 1.0) -> "Draw":
    """What the remedies gain, with these true means of the two kinds of families.

    `uneven`: how many times as far the seeds of ResNets deviate.
    """

    def draw(rng: np.random.Generator, deviation: float, seeds: int) -> ClaimTables:
        known = networks()
        gain = np.where(known["family"] == "resnet", resnet, modern).astype(float)
        for level in ("architecture", "start"):
            gain += effects(known[level], OF_GAIN[level], rng)
        of_seeds = np.where(known["family"] == "resnet", uneven, 1.0) * deviation / seeds**0.5
        gain += np.hypot(OF_GAIN["recipe"], of_seeds) * rng.standard_normal(len(known))
        return replace(EMPTY, gains=gain_rows(known.assign(gain_points=gain)))

    return draw


def accuracy(title: str, above: float) -> "Draw":
    """MaxBoxAcc of RepLKNet-31B trained anew, whose true mean lies so far above what the claim needs."""

    def draw(rng: np.random.Generator, deviation: float, seeds: int) -> ClaimTables:
        judge = {"CAM": criteria.cam_accuracy, "PC1": criteria.pc1_accuracy}[title]
        values = judge(EMPTY).numbers[0]["needed_percent"] + above + deviation * rng.standard_normal(seeds)
        row = ("replknet_31b", "trained anew", title, *criteria.STATED_READING, "", *mean_of(values))
        return replace(EMPTY, accuracy=pd.DataFrame([row], columns=EMPTY.accuracy.columns))

    return draw


Draw = Callable[[np.random.Generator, float, int], ClaimTables]
"""Generator, standard deviation over seeds in points and number of seeds -> the tables of one made-up run."""

JUDGES = {
    "receptive-field": criteria.receptive_field,
    "inherent-maps": criteria.inherent_maps,
    "robust-networks": criteria.robust_networks,
    "cam-accuracy": criteria.cam_accuracy,
    "pc1-accuracy": criteria.pc1_accuracy,
}

VERDICTS = ("supported", "contradicted", "undecided")


@dataclass(frozen=True)
class Case:
    """A truth, how runs are drawn from it, and which verdicts are false then."""

    claim: str
    truth: str
    draw: Draw
    false: tuple[str, ...]

    def shares(self, deviation: float, seeds: int, n: int) -> dict[str, float]:
        """How often each verdict is reached in so many made-up runs, in percent."""
        rng = np.random.default_rng(0)
        found = [JUDGES[self.claim](self.draw(rng, deviation, seeds)).verdict for _ in range(n)]
        return {verdict: 100 * found.count(verdict) / n for verdict in VERDICTS}


def cases() -> Iterator[tuple[Case, tuple[tuple[float, int], ...]]]:
    """Every truth that is simulated, with deviations over seeds in points and numbers of seeds."""
    usual, all_deviations = ((3.0, 3),), ((1.0, 3), (3.0, 3), (6.0, 3))
    support, contradiction = VERDICTS[:1], VERDICTS[1:2]
    either, only_between = VERDICTS[:2], {"family": 0.9, "architecture": 0.0}
    for rho in (0.0, 0.3, 0.5, 0.71, 0.9):
        false = contradiction if rho < 0.5 else support if rho > 0.5 else either
        devs = all_deviations if rho == 0.5 else usual
        yield Case("receptive-field", f"rho {rho:g}", receptive_field(levels(rho)), false), devs
    for rho, false in ((0.0, contradiction), (0.5, either), (0.9, support)):
        draw = receptive_field(levels(rho), times=4)
        yield Case("receptive-field", f"rho {rho:g}, four times as many families", draw, false), usual
    apart = receptive_field(only_between)
    yield Case("receptive-field", "rho 0.9 between families, 0 within", apart, either), usual
    for rho in (0.0, 0.3, 0.5, 0.71, 0.9):
        devs = all_deviations if rho == 0 else usual
        false = contradiction if rho else support
        yield Case("inherent-maps", f"rho {rho:g}", inherent_maps(*[levels(rho)] * 3), false), devs
    alike = inherent_maps(*[levels(0.0)] * 3, shared=1.0)
    yield Case("inherent-maps", "rho 0, maps alike in all states", alike, support), usual
    alike = inherent_maps(*[only_between] * 3, shared=1.0)
    yield Case("inherent-maps", "rho 0.9 between families, 0 within, maps alike in all states", alike, support), usual
    for truth, rhos, false in (
        ("rho 0.9 fine-tuned, 0 with random weights", [levels(0.9), levels(0.0), levels(0.0)], support),
        ("rho 0.9, but 0 under one treatment of BatchNorm", [levels(0.9), levels(0.9), levels(0.0)], either),
    ):
        yield Case("inherent-maps", truth, inherent_maps(*rhos), false), usual
    one_and_three = (*((deviation, 1) for deviation, _ in all_deviations), *all_deviations)
    for resnet, modern, false, devs in (
        (0, 0, either, one_and_three),
        (10, 10, either, one_and_three),
        (10, 5, support, usual),
        (10, 0, contradiction, all_deviations),
        (0, 10, support, all_deviations),
    ):
        draw = robust_networks(resnet, modern)
        yield Case("robust-networks", f"ResNets gain {resnet} points, modern {modern}", draw, false), devs
    draw = robust_networks(0, 0, uneven=2.0)
    truth = "ResNets gain 0 points, modern 0; seeds of ResNets deviate twice as far"
    yield Case("robust-networks", truth, draw, either), all_deviations
    for name, title in (("cam-accuracy", "CAM"), ("pc1-accuracy", "PC1")):
        for above in (0.0, 3.0):
            truth = f"trained anew, mean {above:g} points above the bound"
            false = contradiction if above else either
            yield Case(name, truth, accuracy(title, above), false), all_deviations if title == "CAM" else usual


def rows() -> Iterator[dict]:
    """One row for each truth, deviation over seeds and number of seeds."""
    n = 400
    for case, settings in cases():
        for deviation, seeds in settings:
            found = case.shares(deviation, seeds, n)
            yield {
                "claim": case.claim,
                "truth": case.truth,
                "seed_deviation_points": f"{deviation:g}",
                "seeds": seeds,
                **{f"{verdict}_percent": f"{share:.1f}" for verdict, share in found.items()},
                "false_verdicts": " and ".join(case.false),
                "n": n,
            }
