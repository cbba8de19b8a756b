"""How likely chance alone makes numbers of trainings so different: by how far trainings with other seeds lie apart.

The trainings of one model in each run are a sample; its mean is compared. The deviation over seeds comes from the runs
themselves where they have several seeds, and from a reference that has measured it, pooled. The images are the same in
both runs, so their sampling error is no part of it.

Axes: R rows, G groups of rows that differ in the seed alone, J columns of measured numbers.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from camagain.compare.judging.kinds import is_value
from camagain.compare.judging.stacks import Stack
from camagain.compare.runs.scores import Spread
from camagain.statistics.confidence import CONFIDENCE, student_quantile
from camagain.statistics.evidence import student_p


@dataclass(frozen=True)
class Sample:
    """Numbers of G groups in one run: how many trainings gave one, their mean, their squared deviations from it."""

    count: np.ndarray  # (G,)
    mean: np.ndarray  # (G,) NaN where there are none
    squares: np.ndarray  # (G,)

    @classmethod
    def of(cls, values: np.ndarray, group: np.ndarray, groups: int) -> "Sample":
        """From R numbers, NaN for none, and the group of each: (R,), (R,)."""
        known = np.isfinite(values)
        count = np.bincount(group[known], minlength=groups)
        with np.errstate(invalid="ignore"):
            mean = np.bincount(group[known], values[known], minlength=groups) / np.where(count, count, np.nan)
        apart = values[known] - mean[group[known]]
        return cls(count, mean, np.bincount(group[known], apart**2, minlength=groups))


@dataclass(frozen=True)
class Measured:
    """What a reference measured: the deviation over seeds of G numbers, (G,), and its degrees of freedom, (G,)."""

    deviation: np.ndarray  # NaN where it was not measured, infinite where some seeds have no such number
    freedom: np.ndarray
    guessed: np.ndarray  # whether it is the usual deviation of a column, because the number never varied


@dataclass(frozen=True)
class Noise:
    """Differences of means and how far chance puts them apart: (G,) or (G, J) each."""

    difference: np.ndarray
    error: np.ndarray  # standard error of the difference; NaN where nothing tells it
    freedom: np.ndarray

    @cached_property
    def p(self) -> np.ndarray:
        """Two-sided p-values; NaN where nothing tells them."""
        return student_p(self.difference, self.error, self.freedom)

    @cached_property
    def tolerance(self) -> np.ndarray:
        """95 of 100 differences by chance are smaller."""
        return student_quantile(np.maximum(self.freedom, 1), CONFIDENCE) * self.error


def noise_of(a: Sample, b: Sample, measured: Measured, rounding: float, floor: float = 0.0) -> Noise:
    """The noise of G numbers. `rounding`: a share of a number that says nothing; `floor`: the least deviation."""
    own = np.maximum(a.count - 1, 0) + np.maximum(b.count - 1, 0)
    outside = np.where(np.isnan(measured.deviation), 0, measured.freedom)
    freedom = own + outside
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = (a.squares + b.squares + np.where(outside > 0, outside * measured.deviation**2, 0.0)) / freedom
        error = np.sqrt(np.maximum(variance, floor**2) * (1 / a.count + 1 / b.count))
        difference = a.mean - b.mean
        small = np.abs(difference) <= rounding * np.maximum(np.abs(a.mean), np.abs(b.mean))
    some = (a.count > 0) != (b.count > 0)  # one run alone has a number
    error = np.where(some & (freedom > 0), np.where(np.isinf(variance), np.inf, 1.0), error)
    unknown = (freedom == 0) | (measured.guessed & (own == 0) & small)
    return Noise(np.where(small, 0.0, difference), np.where(unknown, np.nan, error), freedom.astype(float))


@dataclass(frozen=True)
class StackNoise:
    """The noise of the groups of a stack of tables in each of its columns of measured numbers."""

    columns: tuple[str, ...]
    cells: Noise  # (G, J)

    @cached_property
    def worst(self) -> np.ndarray:
        """The column of the smallest p-value of each group: (G,); 0 where it has none."""
        return np.where(np.isnan(self.cells.p), 2.0, self.cells.p).argmin(axis=1) if self.columns else np.array([])


def stack_noise(stack: Stack, spread: Spread, rounding: float, floor: float) -> StackNoise:
    """Every number of a stack that scatters over seeds. A number that was the same for the few seeds that a reference
    tried takes the usual deviation of its column in its table.
    """
    joined, group, groups = stack.joined, stack.group, stack.groups
    columns = tuple(name for name in joined.numbers if is_value(joined.first, name))
    first = np.full(groups, -1)
    first[group[::-1]] = np.arange(len(group))[::-1]  # (G,) one row of each group
    found = []
    for column in columns:
        samples = [Sample.of(values, group, groups) for values in joined.numbers[column]]
        found.append(noise_of(samples[0], samples[1], looked_up(stack, spread, column, first), rounding, floor))
    if not found:
        empty = np.empty((groups, 0))
        return StackNoise((), Noise(empty, empty, empty))
    stacked = (np.stack([getattr(one, name) for one in found], axis=1) for name in ("difference", "error", "freedom"))
    return StackNoise(columns, Noise(*stacked))


def looked_up(stack: Stack, spread: Spread, column: str, first: np.ndarray) -> Measured:
    """The measured deviation of one column for each group, (G,). `first`: one row of each."""
    found = Measured(np.full(len(first), np.nan), np.zeros(len(first)), np.zeros(len(first), dtype=bool))
    for number, file in enumerate(stack.spread_files):
        known = spread.get(file, {}).get(column)
        if not known:
            continue
        usual = float(np.median([one for one, _ in known.values()])), min(runs for _, runs in known.values())
        places = np.flatnonzero(stack.spread_file[first] == number)
        texts = [stack.spread_texts[row] for row in first[places]]
        pairs = np.array([known.get(text, usual) for text in texts]).reshape(-1, 2)  # (g, 2)
        found.deviation[places], found.freedom[places] = pairs[:, 0], pairs[:, 1] - 1
        found.guessed[places] = [text not in known for text in texts]
    return found
