"""How far apart the rows of two joined tables are, by those of their columns that have a tolerance."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import median

import numpy as np
import pandas as pd

from camagain.compare.judging.joined import Joined
from camagain.compare.judging.judged import Judged, is_effect
from camagain.compare.judging.kinds import Kind
from camagain.compare.judging.verdicts import Verdict
from camagain.statistics.tolerances import (
    Spread,
    binomial_error,
    interval_columns,
    interval_error,
    rounding_of_sums,
)

SAME = Verdict.IDENTICAL_VALUES.level
WITHIN = Verdict.WITHIN_TOLERANCE.level
SAME_CONCLUSION = Verdict.SAME_CONCLUSION.level
DIFFERS = Verdict.DIFFERS.level

SEEDS = "spread over seeds"
NO_TOLERANCE = "no tolerance is known"
ROUNDING = "rounding of a sum"
JUDGED_VALUES_AGREE = "the judged values are the same"


@dataclass(frozen=True)
class Judge:
    """Judges the rows of two joined tables. `images`: how many there are in each split."""

    file: str
    kind: Kind
    joined: Joined
    images: Mapping[str, int]
    spread: Spread

    def judged(self, rows: np.ndarray) -> Judged:
        """The verdicts on rows that are not the same, (r,) positions.

        A row is judged by its columns with a tolerance: by the one with the worst verdict and, of several, with the
        largest difference in units of its tolerance. All other columns, such as a bound of an interval, a count or a
        p-value, are judged only in a row that has no such value; there they have to be the same.
        """
        tolerances = {
            column: found for column in self.joined.columns if (found := self.tolerance(column, rows)) is not None
        }
        names, shape = list(tolerances), (len(rows), len(tolerances))
        level, ratio, width = np.full(shape, SAME), np.zeros(shape), np.full(shape, np.nan)  # (r, J) each
        valued = np.zeros(len(rows), dtype=bool)
        for k, (column, (tolerance, _)) in enumerate(tolerances.items()):
            level[:, k], ratio[:, k] = self.verdicts(column, rows, tolerance)
            width[:, k] = tolerance
            a, b = self.joined.numbers(column, rows)
            valued |= ~(np.isnan(a) & np.isnan(b)) & ~np.isnan(tolerance)
        differs = valued & (level.max(axis=1, initial=SAME) > SAME)  # in a column with a tolerance
        excused = valued | self.rounding(rows)  # where no such column differs
        row = np.arange(len(rows))
        worst = np.lexsort((-ratio, -level), axis=1)[:, 0] if names else row  # the worst column of each row, (r,)
        first = self.joined.unequal[rows].argmax(axis=1) if len(rows) else row  # the first column that differs, (r,)
        why = np.select([valued, excused], [JUDGED_VALUES_AGREE, ROUNDING], NO_TOLERANCE).tolist()
        source = [tolerances[names[worst[i]]][1][i] if differs[i] else why[i] for i in row]
        return Judged(
            self.joined,
            rows,
            np.select([differs, excused], [level[row, worst] if names else SAME, WITHIN], DIFFERS),
            np.where(differs, ratio[row, worst], 0.0) if names else np.zeros(len(rows)),
            [names[worst[i]] if differs[i] else self.joined.columns[first[i]] for i in row],
            np.where(differs, width[row, worst], np.nan) if names else np.full(len(rows), np.nan),
            source,
            np.array([self.freedom if SEEDS in found else math.inf for found in source]),
            [""] * len(rows),
        )

    def rounding(self, rows: np.ndarray) -> np.ndarray:
        """Whether all that differs in a row is what another order of adding leaves of sums over images: (r,) bool."""
        room = rounding_of_sums(max(self.images.values(), default=0))
        alike = np.ones(len(rows), dtype=bool)
        for k, column in enumerate(self.joined.columns):
            same = ~self.joined.unequal[rows, k]
            if column in self.joined.numeric:
                a, b = self.joined.numbers(column, rows)
                same |= np.abs(a - b) <= room * np.maximum(np.abs(a), np.abs(b))
            alike &= same
        return alike

    def verdicts(self, column: str, rows: np.ndarray, tolerance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Level of the verdict, and difference divided by tolerance, of one column in each row: (r,), (r,)."""
        a, b = self.joined.numbers(column, rows)
        difference = np.abs(b - a)
        same = ~self.joined.unequal[rows, self.joined.columns.index(column)]
        within = (difference <= tolerance) | np.isinf(tolerance)  # infinite: not every seed has such a number
        level = np.select([same | np.isnan(tolerance), within], [SAME, WITHIN], DIFFERS)
        if is_effect(column):
            signs = self.signs(column, rows)
            level[(level == DIFFERS) & (signs[0] == signs[1]) & (signs[0] != 0)] = SAME_CONCLUSION
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(level == SAME, 0.0, np.nan_to_num(difference / tolerance, nan=1e9, posinf=1e9))
        return level, ratio

    def tolerance(self, column: str, rows: np.ndarray) -> tuple[np.ndarray, list[str]] | None:
        """How far the values of a column may lie apart in each row, (r,), and why, (r,); None where nothing says it."""
        if column not in self.joined.numeric or column in ("low", "high") or "_low" in column or "_high" in column:
            return None
        table = self.joined.table.iloc[rows]
        interval = interval_columns(column, self.joined.columns)
        parts: list[np.ndarray] = []
        sources = [""] * len(rows)
        if column in self.kind.shares:
            images = self.images_of(self.kind.shares[column], table)
            parts.append(binomial_error(images, *self.joined.numbers(column, rows)))
            sources = [f"binomial, n = {n:,.0f}" for n in images]
        elif interval:
            names = ("value", "low", "high")
            sides = [table[[f"{name} {side}" for name in (column, *interval)]].set_axis(names, axis=1) for side in "ab"]
            parts.append(interval_error(*sides))
            sources = ["both intervals"] * len(rows)
        seeds = self.seeds(column, rows, alone=not parts)
        if seeds.any():
            parts.append(np.where(seeds > 0, seeds, np.nan))
            sources = [" + ".join(filter(None, (source, SEEDS))) if seed else source
                       for source, seed in zip(sources, seeds, strict=True)]  # fmt: skip
        if not parts:
            return None
        squares = np.stack(parts) ** 2  # (parts, r)
        known = (~np.isnan(squares)).any(axis=0)
        return np.where(known, np.sqrt(np.nansum(squares, axis=0)), np.nan), sources

    def images_of(self, which: str, table: pd.DataFrame) -> np.ndarray:
        """How many images the shares of each row are of: (r,)."""
        if which == "split":
            return table["split"].map(self.images).to_numpy(dtype=float)
        return np.full(len(table), float(self.images[which]))

    def seeds(self, column: str, rows: np.ndarray, alone: bool) -> np.ndarray:
        """How far two trainings may lie apart in each row, (r,); 0 where the spread was not measured.

        `alone`: nothing else gives a tolerance. Then a row whose number happened to be the same for the few seeds
        that were tried takes the usual spread of its column.
        """
        known = self.half_widths.get(column)
        if known is None:
            return np.zeros(len(rows))
        usual = median(known.values()) if alone else 0.0
        return np.array([known.get(self.joined.row_texts[row], usual) for row in rows])

    @cached_property
    def half_widths(self) -> dict[str, dict[str, float]]:
        """How far two trainings may lie apart: column -> row as text -> half-width; of this table alone."""
        found: dict[str, dict[str, float]] = {}
        for (file, row, column), spread in self.spread.items():
            if file == self.file:
                found.setdefault(column, {})[row] = spread.half_width
        return found

    @cached_property
    def freedom(self) -> float:
        """Degrees of freedom of the deviations over seeds: of the one that is of the fewest runs."""
        return min((spread.runs for spread in self.spread.values()), default=math.inf) - 1

    def signs(self, column: str, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The certain sign of an effect in each row of both tables, (r,) each: that of its whole interval, else 0."""
        pair = interval_columns(column, self.joined.columns)
        if pair is None:
            return np.zeros(len(rows)), np.zeros(len(rows))
        low, high = (self.joined.numbers(name, rows) for name in pair)  # of both tables
        a, b = (np.where(below > 0, 1, np.where(above < 0, -1, 0)) for below, above in zip(low, high, strict=True))
        return a, b
