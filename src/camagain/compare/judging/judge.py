"""The verdict on every row of a stack of tables, by how the trainings that it is about relate in both runs.

The same weights allow rounding alone. Rows of trainings made anew follow the decision on their model; where it differs,
those rows differ that lie beyond their own tolerance. Axes: R rows, G groups of rows, C columns.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from camagain.compare.judging.decisions import ERROR_RATE, Decision, Subject
from camagain.compare.judging.kinds import Section
from camagain.compare.judging.noise import StackNoise
from camagain.compare.judging.relations import Relation, Relations
from camagain.compare.judging.rows import Row
from camagain.compare.judging.stacks import FILE, Stack
from camagain.compare.judging.verdicts import LEVELS, Verdict, worst
from camagain.statistics.tolerances import FORWARD_PASS, SMALLEST, interval_columns

SAME, WITHIN, DIFFERS = (v.level for v in (Verdict.IDENTICAL_VALUES, Verdict.WITHIN_TOLERANCE, Verdict.DIFFERS))

SEEDS = "spread over seeds"
SAME_WEIGHTS = "same weights"
ROUNDING = "rounding of a sum"
SINGLE_PRECISION = "single precision"
GOES_WITH = "goes with the scores"

OF_ALL_ROWS = "p_holm"
"""A p-value that is adjusted for all rows of its table: it changes with rows of other trainings."""

SHOWN_ROWS = 200
"""Rows of a table that are kept one by one, the worst first; all are counted."""


@dataclass(frozen=True)
class TableComparison:
    """The outcome for one table: counts over its rows, and the rows that are not the same, the worst first."""

    file: str
    section: Section
    counts: Mapping[Verdict, int]
    rows: tuple[Row, ...] = ()
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        found = [verdict for verdict, count in self.counts.items() if count]
        return worst(found) if found else Verdict.IDENTICAL_VALUES  # two tables without rows


@dataclass(frozen=True)
class Judge:
    """Judges the rows of one stack. `rounding`: what the order of adding leaves of a sum, as a share of it."""

    stack: Stack
    relations: Relations
    noise: StackNoise
    decisions: Mapping[Subject, Decision]
    rounding: float

    def tables(self) -> list[TableComparison]:
        """The outcome for each file of the stack."""
        stack, number = self.stack, len(LEVELS)
        counts = np.bincount(stack.file * number + self.level, minlength=len(stack.files) * number)
        worst_first = np.lexsort((-self.ratio, -self.level))
        shown: dict[int, list[int]] = {}
        if not stack.kind.unjudged:
            for row in worst_first[self.changed[worst_first]].tolist():
                rows = shown.setdefault(int(stack.file[row]), [])
                if len(rows) < SHOWN_ROWS:
                    rows.append(row)
        found = []
        for place, file in enumerate(stack.files):
            own = dict(zip(LEVELS, counts[place * number : (place + 1) * number].tolist(), strict=True))
            own = {verdict: count for verdict, count in own.items() if count}
            listed = sorted(self.rows(shown.get(place, [])), key=lambda row: row.severity, reverse=True)
            note = stack.kind.unjudged if Verdict.NOT_COMPARABLE in own else stack.notes[place]
            found.append(TableComparison(file, stack.kind.section, own, tuple(listed), note))
        return found

    @cached_property
    def relation(self) -> np.ndarray:
        """The loosest relation of the trainings that a row is about: (R,)."""
        of_analysis = bool(self.stack.kind.analysis)
        return self.loosest(lambda name: self.relations.of(name, of_analysis), self.relations.of("", of_analysis))

    @cached_property
    def decided(self) -> np.ndarray:
        """The level of the verdict on the model of a row, the worst of several: (R,)."""
        every = max((found.verdict.level for found in self.decisions.values() if not found.analysis), default=WITHIN)
        return self.loosest(self.decided_of, every)

    def decided_of(self, name: str) -> int:
        """The level of the decision that a training follows: on this analysis, else on the scores of its model."""
        model = name.partition("/")[0]
        found = self.decisions.get((model, self.stack.kind.analysis)) or self.decisions.get((model, ""))
        return found.verdict.level if found else WITHIN

    def loosest(self, of: Callable[[str], int], of_all: int) -> np.ndarray:
        """A number of each training that a row is about, the largest of several: (R,); `of_all` where it names none."""
        if not self.stack.trainings:
            return np.full(len(self.stack.joined), of_all)
        found = []
        for names in self.stack.trainings:
            codes, unique = pd.factorize(names)
            found.append(np.array([*(of(str(name)) for name in unique), of_all])[codes])
        return np.max(found, axis=0)

    @cached_property
    def changed(self) -> np.ndarray:
        """Which rows are not the same, or are in one run alone: (R,) bool."""
        return self.stack.joined.unequal.any(axis=1) | ~self.stack.joined.shared

    @cached_property
    def beyond_rounding(self) -> np.ndarray:
        """Which cells differ by more than rounding leaves, of sums or of a whole forward pass: (R, C) bool."""
        joined, found = self.stack.joined, self.stack.joined.unequal.copy()
        anew = self.relation == Relation.ROUNDED
        for k, name in enumerate(joined.columns):
            if name in joined.numbers:
                a, b = joined.numbers[name]
                size = np.maximum(np.abs(a), np.abs(b))
                room = np.where(anew, np.maximum(FORWARD_PASS * size, SMALLEST), self.rounding * size)
                found[:, k] &= ~(np.abs(a - b) <= room)
            if name == OF_ALL_ROWS:
                found[:, k] &= self.relation == self.relation.max()
        return found

    @cached_property
    def own_p(self) -> np.ndarray:
        """The smallest p-value of the numbers of a row, (R,); NaN where it has none."""
        if not self.noise.columns:
            return np.full(len(self.stack.joined), np.nan)
        return self.at_worst(self.noise.cells.p)

    def at_worst(self, cells: np.ndarray) -> np.ndarray:
        """A number of the column with the smallest p-value, for each row: (G, J) -> (R,)."""
        return cells[np.arange(len(cells)), self.noise.worst][self.stack.group]

    @cached_property
    def level(self) -> np.ndarray:
        """The level of the verdict on each row: (R,)."""
        joined, changed = self.stack.joined, self.changed
        if self.stack.kind.unjudged:
            return np.where(changed, Verdict.NOT_COMPARABLE.level, SAME)
        beyond = self.beyond_rounding.any(axis=1)
        exact = np.where(beyond, DIFFERS, WITHIN)
        rounded = exact if self.stack.kind.analysis else np.where(beyond, self.decided, WITHIN)
        within = (self.decided == DIFFERS) & (self.own_p >= ERROR_RATE)
        anew = np.where(within, WITHIN, np.where(self.same_sign, Verdict.SAME_CONCLUSION.level, self.decided))
        level = np.choose(self.relation, [exact, rounded, anew])
        alone = ~joined.shared & ~self.other_seed
        return np.select([alone, changed], [Verdict.MISSING.level, level], SAME)

    @cached_property
    def other_seed(self) -> np.ndarray:
        """Rows of a seed that one run alone has, while the other has the same row of another seed: (R,) bool."""
        joined, group = self.stack.joined, self.stack.group
        sides = [np.bincount(group[places >= 0], minlength=self.stack.groups) > 0 for _, places in joined.sides]
        common = self.loosest(lambda name: int(self.relations.is_common(name)), 1) == 1
        return (sides[0] & sides[1])[group] & ~common

    @cached_property
    def same_sign(self) -> np.ndarray:
        """Rows beyond their tolerance whose number is an effect with the same certain sign in both runs: (R,) bool."""
        joined, found = self.stack.joined, np.zeros(len(self.stack.joined), dtype=bool)
        for k, name in enumerate(self.noise.columns):
            pair = interval_columns(name, list(joined.columns)) if is_effect(name) else None
            if pair is None:
                continue
            low, high = (joined.numbers[bound] for bound in pair)  # of both tables
            signs = [np.where(below > 0, 1, np.where(above < 0, -1, 0)) for below, above in zip(low, high, strict=True)]
            found |= (self.noise.worst[self.stack.group] == k) & (signs[0] == signs[1]) & (signs[0] != 0)
        return found & (self.decided == DIFFERS) & (self.own_p < ERROR_RATE)

    @cached_property
    def ratio(self) -> np.ndarray:
        """How far out a row lies, in units of its tolerance, by which rows are ordered: (R,)."""
        found = np.zeros(len(self.stack.joined))
        if self.noise.columns:
            with np.errstate(divide="ignore", invalid="ignore"):
                found = np.nan_to_num(np.abs(self.at_worst(self.noise.cells.difference / self.noise.cells.tolerance)))
        return found

    def rows(self, places: Sequence[int]) -> list[Row]:
        """Some rows with their values."""
        keys = self.stack.joined.keys_at(places)
        return [self.row(place, key) for place, key in zip(places, keys, strict=True)]

    def row(self, place: int, key: dict[str, object]) -> Row:
        """One row with its values, its tolerance and where that comes from."""
        joined = self.stack.joined
        key.pop(FILE)
        verdict, relation = LEVELS[self.level[place]], self.relation[place]
        if verdict is Verdict.MISSING:
            side = "first" if joined.a[place] < 0 else "second"
            return Row(key, verdict, note=f"not in the {side} run")
        column, tolerance, source, notes = "", None, GOES_WITH, []
        if relation == Relation.EXACT:
            source = SAME_WEIGHTS if self.beyond_rounding[place].any() else ROUNDING
        elif relation == Relation.ROUNDED and (self.stack.kind.analysis or not self.beyond_rounding[place].any()):
            source = SINGLE_PRECISION
        elif relation == Relation.RETRAINED and not np.isnan(self.own_p[place]):
            group = self.stack.group[place]
            k = int(self.noise.worst[group])
            column, tolerance, source = self.noise.columns[k], float(self.noise.cells.tolerance[group, k]), SEEDS
            if verdict is Verdict.WITHIN_TOLERANCE and self.own_p[place] < ERROR_RATE:
                notes.append("beyond it; its model as a whole is not")
        column = column or self.first_changed(place)
        a, b = (joined.value(column, side, place) for side in (0, 1))
        if is_effect(column):
            notes.insert(0, effect_note(a, b))
        return Row(key, verdict, column, a, b, tolerance, source, "; ".join(filter(None, notes)))

    def first_changed(self, place: int) -> str:
        """The first column that differs by more than rounding, else at all; measured numbers come first."""
        columns = self.stack.joined.columns
        for cells in (self.beyond_rounding[place], self.stack.joined.unequal[place]):
            if cells.any():
                names = [columns[k] for k in np.flatnonzero(cells).tolist()]
                return next((name for name in names if name in self.noise.columns), names[0])
        return columns[0]


def is_effect(column: str) -> bool:
    """Whether a column holds differences between two things, so that its sign is what people conclude from it."""
    return column.endswith("_points") and ("difference" in column or "change" in column or "gain" in column)


def effect_note(a: float | str | None, b: float | str | None) -> str:
    """The ratio of an effect in the first run to that in the second, and whether its sign differs."""
    if not isinstance(a, float) or not isinstance(b, float) or b == 0:
        return ""
    return f"effect ratio {a / b:.2f}" + (", of opposite sign" if a * b < 0 else "")
