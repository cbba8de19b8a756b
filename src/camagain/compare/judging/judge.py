"""How far apart the rows of two joined tables are, by those of their columns that have a tolerance."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import median

import numpy as np
import pandas as pd

from camagain.compare.judging.judged import DIFFERS, HOLDS, SAME, SEEDS, WITHIN, Judged, is_effect
from camagain.compare.judging.kinds import Kind
from camagain.compare.judging.rows import key_of, row_text
from camagain.statistics.tolerances import Spread, binomial_error, interval_columns, interval_error, rounding_of_sums


@dataclass(frozen=True)
class Judge:
    """Judges rows of two joined tables, whose columns are named `x a` and `x b`.

    `columns`: those that both have and that say what was found. `images`: how many there are in each split.
    """

    file: str
    kind: Kind
    merged: pd.DataFrame
    columns: list[str]
    images: Mapping[str, int]
    spread: Spread

    def numeric(self, column: str) -> bool:
        """Whether a column holds numbers on both sides."""
        types = [self.merged[f"{column} {side}"].dtype for side in "ab"]
        return all(pd.api.types.is_numeric_dtype(t) and not pd.api.types.is_bool_dtype(t) for t in types)

    def value(self, column: str, side: str, index: int) -> float | str | None:
        """One cell, None where it is empty."""
        value = self.merged[f"{column} {side}"].iloc[index]
        if value is None or value != value:
            return None
        return float(value) if self.numeric(column) else str(value)

    @cached_property
    def unequal(self) -> np.ndarray:
        """Which cells are not the same: (rows, columns) bool; two empty cells are the same."""
        found = np.zeros((len(self.merged), len(self.columns)), dtype=bool)
        for k, column in enumerate(self.columns):
            a, b = self.merged[f"{column} a"], self.merged[f"{column} b"]
            empty = (a.isna() & b.isna()).to_numpy()
            if not self.numeric(column):
                a, b = a.astype(object).astype(str), b.astype(object).astype(str)
            found[:, k] = (a.to_numpy() != b.to_numpy()) & ~empty
        return found

    def judged(self, rows: np.ndarray) -> Judged:
        """The verdicts on rows that are not the same, (r,) positions.

        A row is judged by its columns with a tolerance. One without, such as a bound of an interval, a count or a
        p-value, goes with them; in a row where none of them has a value it has to be the same.
        """
        tolerances = {column: found for column in self.columns if (found := self.tolerance(column, rows)) is not None}
        valued = np.zeros(len(rows), dtype=bool)
        for column, (tolerance, _) in tolerances.items():
            there = self.merged[[f"{column} a", f"{column} b"]].notna().any(axis=1).to_numpy()[rows]
            valued |= there & ~np.isnan(tolerance)
        code = np.zeros((len(rows), len(tolerances)), dtype=int)  # (r, J)
        ratio = np.zeros(code.shape)
        for k, (column, (tolerance, _)) in enumerate(tolerances.items()):
            code[:, k], ratio[:, k] = self.verdicts(column, rows, tolerance)
        names = list(tolerances)
        best = (code + ratio / (1.001 + ratio)).argmax(axis=1) if names else np.zeros(len(rows), dtype=int)
        first = self.unequal[rows].argmax(axis=1) if len(rows) else best  # the first column that differs
        exact = ~valued & ~self.rounding(rows)
        quiet = ~exact & (code.max(axis=1, initial=0) == SAME)  # nothing, or something beside the judged columns
        pick = np.arange(len(rows))
        return Judged(
            self,
            rows,
            np.select([exact, quiet], [DIFFERS, WITHIN], code[pick, best] if names else DIFFERS),
            np.where(exact, 0.0, ratio[pick, best] if names else 0.0),
            [self.columns[first[i]] if exact[i] or quiet[i] else names[best[i]] for i in pick],
            np.array([np.nan if exact[i] or quiet[i] else tolerances[names[best[i]]][0][i] for i in pick]),
            {column: found for column, (_, found) in tolerances.items()},
            [""] * len(rows),
        )

    def rounding(self, rows: np.ndarray) -> np.ndarray:
        """Whether all that differs in a row is what another order of adding leaves of sums over images: (r,) bool."""
        room = rounding_of_sums(max(self.images.values(), default=0))
        alike = np.ones(len(rows), dtype=bool)
        for k, column in enumerate(self.columns):
            if not self.numeric(column):
                alike &= ~self.unequal[rows, k]
                continue
            a, b = (self.merged[f"{column} {side}"].to_numpy(dtype=float)[rows] for side in "ab")
            alike &= ~self.unequal[rows, k] | (np.abs(a - b) <= room * np.maximum(np.abs(a), np.abs(b)))
        return alike

    def verdicts(self, column: str, rows: np.ndarray, tolerance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Code and difference over tolerance of one column in each row: (r,), (r,)."""
        a, b = (self.merged[f"{column} {side}"].to_numpy(dtype=float)[rows] for side in "ab")
        difference = np.abs(b - a)
        same = ~self.unequal[rows, self.columns.index(column)]
        within = (difference <= tolerance) | np.isinf(tolerance)  # infinite: not every seed has such a number
        code = np.select([same | np.isnan(tolerance), within], [SAME, WITHIN], DIFFERS)
        if is_effect(column):
            holds = (self.signs(column, "a", rows) == self.signs(column, "b", rows)) & (
                self.signs(column, "a", rows) != 0
            )
            code[(code == DIFFERS) & holds] = HOLDS
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(code == SAME, 0.0, np.nan_to_num(difference / tolerance, nan=1e9, posinf=1e9))
        return code, ratio

    def tolerance(self, column: str, rows: np.ndarray) -> tuple[np.ndarray, list[str]] | None:
        """How far the values of a column may lie apart in each row, (r,), and why, (r,); None where nothing says it."""
        if not self.numeric(column) or column in ("low", "high") or "_low" in column or "_high" in column:
            return None
        table = self.merged.iloc[rows]
        interval = interval_columns(column, self.columns)
        parts: list[np.ndarray] = []
        sources = [""] * len(rows)
        if column in self.kind.shares:
            images = self.images_of(self.kind.shares[column], table)
            a, b = (table[f"{column} {side}"].to_numpy(dtype=float) for side in "ab")
            parts.append(binomial_error(a, b, images))
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
        known = {key: found for (file, key, name), found in self.spread.items() if (file, name) == (self.file, column)}
        if not known:
            return np.zeros(len(rows))
        texts = [row_text(key_of(self.merged, list(self.kind.keys), index)) for index in rows]
        usual = median(found.half_width for found in known.values()) if alone else 0.0
        return np.array([known[text].half_width if text in known else usual for text in texts])

    def signs(self, column: str, side: str, rows: np.ndarray) -> np.ndarray:
        """The certain sign of an effect in each row, (r,): that of its whole interval, else 0."""
        pair = interval_columns(column, self.columns)
        if pair is None:
            return np.zeros(len(rows))
        low, high = (self.merged[f"{name} {side}"].to_numpy(dtype=float)[rows] for name in pair)
        return np.where(low > 0, 1, np.where(high < 0, -1, 0))
