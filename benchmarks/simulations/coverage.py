"""How often intervals of accuracies at a chosen threshold hold the truth, and how often equal maps are told apart.

The populations are made: types of images, each right at an interval of thresholds, or the test images of a run, whose
own dependence over thresholds is kept: the demo (`results/demo`, from `make results`) and, where it was made, `cub27`.
Test sets are drawn from them with replacement, and the project's own functions give values, intervals and p-values.
Beside them stand the percentile and the basic bootstrap of the same resamples. The method's constants were fixed by the
populations in `FORMS` and the demo's; those in `FRESH` and the photographs of `cub27` came afterwards.

Axes: K types of images, N images of a test set, T thresholds.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from unittest.mock import patch

import numpy as np
import pandas as pd
from scipy.stats import norm

from camagain.artifacts import RunPaths, existing
from camagain.evaluation.metrics import DELTAS
from camagain.statistics import accuracies
from camagain.statistics.accuracies import accuracy_at_best
from camagain.statistics.accuracy import Accuracy
from camagain.statistics.bootstrap import Sampling, resample_weights
from camagain.statistics.correctness import Correct

DEMO = RunPaths("demo", "synthbirds")
CUB27 = RunPaths("cub27", "cub27")
IMAGES = (100, 400, 5794)
DATA_SETS = 500
RESAMPLES = 150
"""Enough for a mean and a deviation; the project takes 1,000."""

T = 100
EVERY = 10
"""Of the demo's 1,000 thresholds, one in so many is kept: a map has 255 levels, which say the same several times."""

CONFIDENCE = 0.95
MODELS = ("resnet_narrow", "convnext_narrow", "replknet_narrow", "slak_narrow")

Pairs = list[tuple[np.ndarray, np.ndarray]]
"""Tables (K, T) bool: the one that chooses the threshold and the one that is counted, for each term of a mean."""


Maps = tuple[str, str]
"""A model and a method."""


@dataclass(frozen=True)
class Case:
    """A number of a population, and the number that is taken from it, if any."""

    score: str
    population: str
    first: Pairs
    second: Pairs | None = None

    @property
    def types(self) -> int:
        """How many types of images there are, all equally frequent."""
        return len(self.first[0][0])

    @property
    def truth(self) -> float:
        """The number of the population, in percent or points."""
        return truth(self.first) - (truth(self.second) if self.second else 0.0)


def truth(pairs: Pairs) -> float:
    """The mean of the counted curves of the population, each where its chooser is highest."""
    return float(np.mean([100 * counted.mean(0)[chooser.mean(0).argmax()] for chooser, counted in pairs]))


def rows() -> Iterator[dict]:
    """One row for each case; columns of each size of the test set end with the number of images.

    `bias` is the mean value less the truth. In percent of the test sets: how often each interval holds the truth
    (`coverage`, `percentile`, `basic`), how often the project's lies `below` or `above` it, and how often its test says
    that a difference is not 0 (`rejected`).
    """
    with ProcessPoolExecutor() as executor:
        found = {
            images: np.stack(list(executor.map(simulate, [images] * DATA_SETS, range(DATA_SETS), chunksize=10)))
            for images in IMAGES
        }  # (data sets, cases, FOUND) each
    for number, case in enumerate(cases()):
        columns = {f"{key}_{n}": rate for n in IMAGES for key, rate in rates(case, found[n][:, number].T).items()}
        yield {
            "score": case.score,
            "population": case.population,
            "truth": f"{case.truth:.1f}",
            **columns,
            "n": DATA_SETS,
        }


def rates(case: Case, found: np.ndarray) -> dict[str, str]:
    """The rates of one case and size: found (FOUND, data sets)."""
    value, low, high, less, more, p_value = found
    near, truth = 1e-9, case.truth
    counted = {
        "coverage": (low <= truth + near) & (truth <= high + near),
        "percentile": (value + less <= truth + near) & (truth <= value + more + near),
        "basic": (value - more <= truth + near) & (truth <= value - less + near),
        "below": high + near < truth,
        "above": low - near > truth,
        "rejected": p_value < 1 - CONFIDENCE,
    }
    made = {name: f"{100 * holds.mean():.1f}" for name, holds in counted.items()}
    made["rejected"] = made["rejected"] if case.second is not None else ""
    return {"bias": f"{value.mean() - truth:+.2f}", **made}


FOUND = ("value", "low", "high", "less", "more", "p_value")
"""Of each case in each test set: value, interval, 2.5 % and 97.5 % of the errors of the basic bootstrap, p."""


def simulate(images: int, seed: int) -> np.ndarray:
    """All cases by one test set of each population: (cases, FOUND)."""
    weights = list(resample_weights(images, RESAMPLES, seed))
    rows_of = {types: np.random.default_rng([images, types, seed]).integers(types, size=images) for types in sizes()}
    found, known = [], {}
    with patch.object(accuracies, "resample_weights", lambda *_: iter(weights)):  # drawn once for all cases
        for case in cases():
            numbers = []
            for pairs in (case.first, case.second or []):
                key = tuple(id(table) for pair in pairs for table in pair)
                if pairs and key not in known:
                    known[key] = accuracy(pairs, rows_of[case.types], seed)
                numbers += [known[key]] if pairs else []
            number = numbers[0] - numbers[1] if len(numbers) == 2 else numbers[0]
            interval = number.estimate(CONFIDENCE)
            plain = np.quantile(number.errors[1], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
            found.append([number.value, interval.low, interval.high, *plain, number.p_value()])
    return np.array(found)


def accuracy(pairs: Pairs, drawn: np.ndarray, seed: int) -> Accuracy:
    """The number of a test set, given by the types of its images (N,)."""
    tables = {id(table): Correct.of(table[drawn]) for pair in pairs for table in pair}
    packed = [(tables[id(chooser)], tables[id(counted)]) for chooser, counted in pairs]
    return accuracy_at_best(packed, Sampling(RESAMPLES, CONFIDENCE, seed))


@cache
def cases() -> list[Case]:
    """Every case."""
    photographs = CUB27.correct("efficientnet_lite0", "cam").exists()
    return [*made_cases(), *fresh_cases(), *demo_cases(), *(cub27_cases() if photographs else [])]


def sizes() -> set[int]:
    """The numbers of types that populations have."""
    return {case.types for case in cases()}


def made_cases() -> Iterator[Case]:
    """Populations whose curves have a given form."""
    made = {name: make(1.0) for name, make in FORMS.items()}
    for name, table in made.items():
        yield Case("MaxBoxAcc", name, [(table, table)])
    for name, make in FORMS.items():
        tables = [make(longer) for longer in (1.3, 1.0, 0.5)]
        yield Case("MaxBoxAccV2", name, [(table, table) for table in tables])
    for name, table in made.items():
        right = np.arange(len(table)) % 5 > 0  # the class of four types in five
        yield Case("Top-1 Loc", name, [(table, table & right[:, None])])
    for (one, first), (other, second) in combinations(made.items(), 2):
        mixed = np.random.default_rng(0).permutation(len(second))  # which images are right has nothing in common
        yield Case("difference", f"{one} - {other}", [(first, first)], [(second[mixed], second[mixed])])


def fresh_cases() -> Iterator[Case]:
    """Populations that came after the method's constants were fixed. The class of an image is a matter of chance."""
    for name, make in FRESH.items():
        tables = [make(longer) for longer in (1.3, 1.0, 0.5)]
        table = tables[1]
        yield Case("MaxBoxAcc", name, [(table, table)])
        yield Case("MaxBoxAccV2", name, [(each, each) for each in tables])
        right = np.random.default_rng(0).random(len(table)) < 0.7
        yield Case("Top-1 Loc", name, [(table, table & right[:, None])])


def right_between(first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Types that are right from one threshold to another, (K,) and (K,) -> (K, T) bool."""
    at = np.arange(T)
    return (at >= first[:, None]) & (at <= last[:, None])


NORMAL = norm.ppf((np.arange(20) + 0.5) / 20)
"""Twenty equally likely values of a normal distribution."""


def one_peak(longer: float) -> np.ndarray:
    first, last = np.meshgrid(50 - 15 * longer + 12 * NORMAL, 50 + 15 * longer + 12 * NORMAL)
    return right_between(first.ravel(), last.ravel())


def flat(longer: float) -> np.ndarray:
    """Each type is right on a stretch of a circle of thresholds, and every stretch is as frequent as any other."""
    return stretches([min(int(length * longer), T - 1) for length in (50, 65, 75, 90)])


def low_and_flat(longer: float) -> np.ndarray:
    short = stretches([int(15 * longer), int(14 * longer)])
    return np.concatenate([short, np.zeros_like(short)])


def stretches(lengths: list[int]) -> np.ndarray:
    place = (np.arange(T) - np.arange(T)[:, None]) % T
    return np.concatenate([place < length for length in lengths])


def two_peaks(longer: float) -> np.ndarray:
    """Half of the types that are right at all are so around one threshold, half around another."""
    half = (4 + 6 * np.abs(NORMAL)) * longer
    left = right_between(25 - half, 25 + half).repeat(9, axis=0)
    return np.concatenate([left, left[:, ::-1], np.zeros((40, T), dtype=bool)])


FORMS = {"one peak": one_peak, "flat": flat, "two peaks": two_peaks, "low and flat": low_and_flat}


def slope(longer: float) -> np.ndarray:
    """The later the threshold the better, up to where every image ends at nearly the same threshold."""
    first, last = np.meshgrid(np.linspace(5, 95, 20), 75 + 10 * (longer - 1) + 2 * NORMAL)
    return right_between(first.ravel(), last.ravel())


def plateau(longer: float) -> np.ndarray:
    """Most images are right on the whole middle, some at the left or the right half of it alone."""
    half = 10 * longer + 5 * NORMAL
    left, right, middle = (right_between(at - half, at + half) for at in (40, 60, 50))
    wide = right_between(np.full(60, 30.0), np.full(60, 70.0))
    return np.concatenate([left, right, middle, wide, np.zeros((30, T), dtype=bool)])


def three_peaks(longer: float) -> np.ndarray:
    """Three kinds of images, 40, 36 and 32 of each 150, each right around a threshold of its own."""
    spread = np.resize(NORMAL, 40)
    made = [right_between(at - 8 * longer + 4 * spread, at + 8 * longer + 4 * spread) for at in (20, 50, 80)]
    return np.concatenate([made[0], made[1][:36], made[2][:32], np.zeros((42, T), dtype=bool)])


def ragged(longer: float) -> np.ndarray:
    """Each image is right at two stretches of random place and length, as boxes that jump between contours are."""
    rng = np.random.default_rng(1)
    first = rng.integers(0, 80, (2, 300))
    last = first + longer * rng.gamma(2, 10, (2, 300))
    return right_between(first[0], last[0]) | right_between(first[1], last[1])


FRESH = {"slope": slope, "plateau": plateau, "three peaks": three_peaks, "ragged": ragged}


def demo_cases() -> Iterator[Case]:
    """The demo's test images: every model under CAM and PC1, and differences between them."""
    pairs = [((model, "pc1"), (model, "cam")) for model in MODELS]
    pairs += [((MODELS[0], "cam"), (other, "cam")) for other in MODELS[1:]]
    pairs += [(("slak_narrow", "cam"), CENTRE)]
    yield from run_cases(DEMO, [*((model, method) for model in MODELS for method in ("cam", "pc1")), CENTRE], pairs)


def cub27_cases() -> Iterator[Case]:
    """The 739 test photographs of 27 classes of CUB."""
    maps = [("efficientnet_lite0/seed0", method) for method in ("cam", "pc1")]
    yield from run_cases(CUB27, [*maps, CENTRE], [(maps[1], maps[0]), (maps[0], CENTRE)])


CENTRE = ("baseline", "centre-gaussian")


def run_cases(run: RunPaths, maps: list[Maps], pairs: list[tuple[Maps, Maps]]) -> Iterator[Case]:
    """The test images of a run as populations: scores of maps, and differences between pairs of them."""
    half = {}
    for model, method in maps:
        name = f"{run.run}, {model.partition('/')[0].removesuffix('_narrow')} {method}"
        for delta in DELTAS:
            table = run_table(run, model, method, f"largest-{delta}")
            if not table.all(0).any():  # else the accuracy is 100 % for every test set
                yield Case(f"MaxBoxAcc, IoU {delta}", name, [(table, table)])
            if delta == 0.5:
                half[model, method] = table
        tables = [run_table(run, model, method, f"all-{delta}") for delta in DELTAS]
        yield Case("MaxBoxAccV2", name, [(table, table) for table in tables])
        if (model, method) != CENTRE:
            images = pd.read_parquet(existing(run.images(model, method)))
            right = images["class_correct"].to_numpy(dtype=bool)[:, None]
            yield Case("Top-1 Loc", name, [(half[model, method], half[model, method] & right)])
    for a, b in pairs:
        name = f"{run.run}, {' '.join(a)} - {' '.join(b)}".replace("_narrow", "").replace("/seed0", "")
        yield Case("difference", name, [(half[a], half[a])], [(half[b], half[b])])
        first, second = np.concatenate([half[a], half[b]]), np.concatenate([half[b], half[a]])
        yield Case("difference", f"{name}, sides by chance", [(first, first)], [(second, second)])


def run_table(run: RunPaths, model: str, method: str, key: str) -> np.ndarray:
    """Which test images are right at which threshold: (K, 100) bool."""
    with np.load(existing(run.correct(model, method))) as stored:
        return np.unpackbits(stored[key], axis=1, count=len(stored["threshold"]))[:, ::EVERY].astype(bool)
