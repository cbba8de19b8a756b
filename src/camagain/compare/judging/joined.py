"""Two tables of one kind, joined by what identifies a row: which cells are not the same, and the values of a row.

Axes: R rows of either table, C columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from camagain.compare.judging.rows import keys_of


@dataclass(frozen=True)
class Joined:
    """The rows of both tables. `a` and `b`: where each row stands in either table, -1 where it does not; (R,) each."""

    keys: pd.DataFrame  # what identifies each row
    first: pd.DataFrame
    second: pd.DataFrame
    a: np.ndarray
    b: np.ndarray
    columns: Sequence[str]  # those that both tables have and that say what was found

    @classmethod
    def of(cls, first: pd.DataFrame, second: pd.DataFrame, keys: Sequence[str], about: frozenset[str]) -> "Joined":
        """Joins two tables whose keys occur once each. `about`: columns that say what a row is about, left out."""
        ours, theirs = first[list(keys)], second[list(keys)]
        one, other = first.dtypes, second.dtypes
        if unlike := [key for key in keys if one[key] != other[key]]:
            types = key_types(first, second, unlike)
            ours, theirs = ours.astype(types), theirs.astype(types)
        columns = [name for name in first.columns if name in second and name not in keys and name not in about]
        if ours.equals(theirs):
            place = np.arange(len(ours))
            return cls(ours, first, second, place, place, columns)
        merged = ours.assign(**{A: np.arange(len(ours))}).merge(
            theirs.assign(**{B: np.arange(len(theirs))}), on=list(keys), how="outer"
        )
        a, b = (merged[side].fillna(-1).to_numpy(dtype=int) for side in (A, B))
        return cls(merged[list(keys)], first, second, a, b, columns)

    def __len__(self) -> int:
        return len(self.a)

    @cached_property
    def shared(self) -> np.ndarray:
        """Which rows both tables have: (R,) bool."""
        return (self.a >= 0) & (self.b >= 0)

    @cached_property
    def numbers(self) -> Mapping[str, tuple[np.ndarray, np.ndarray]]:
        """The columns of numbers, (R,) of each table; NaN where a table has none."""
        one, other = self.first.dtypes, self.second.dtypes
        return {
            name: (filled(self.first[name], self.a), filled(self.second[name], self.b))
            for name in self.columns
            if is_number(one[name]) and is_number(other[name])
        }

    @cached_property
    def unequal(self) -> np.ndarray:
        """Which cells of shared rows are not the same: (R, C) bool; two empty cells are the same."""
        found = np.zeros((len(self), len(self.columns)), dtype=bool)
        for k, name in enumerate(self.columns):
            if name in self.numbers:
                a, b = self.numbers[name]
                found[:, k] = (a != b) & ~(np.isnan(a) & np.isnan(b))
            else:
                a, b = (side[name].astype(object).to_numpy()[at] for side, at in self.sides)
                empty = pd.isna(a) & pd.isna(b)
                found[:, k] = (a.astype(str) != b.astype(str)) & ~empty
        return found & self.shared[:, None]

    @property
    def sides(self) -> tuple[tuple[pd.DataFrame, np.ndarray], ...]:
        return (self.first, self.a), (self.second, self.b)

    def value(self, column: str, side: int, row: int) -> float | str | None:
        """One cell, None where it is empty."""
        if column in self.numbers:
            number = float(self.numbers[column][side][row])
            return None if np.isnan(number) else number
        table, places = self.sides[side]
        value = table[column].iloc[places[row]] if places[row] >= 0 else None
        return None if value is None or value != value else str(value)

    def keys_at(self, rows: Sequence[int]) -> list[dict[str, object]]:
        """What identifies some rows, without the key columns that are empty there."""
        return keys_of(self.keys.iloc[list(rows)], list(self.keys))


A, B = "place in the first table", "place in the second table"
"""Columns while tables are joined; no table has any of these names."""


def filled(column: pd.Series, places: np.ndarray) -> np.ndarray:
    """The numbers of a column at some places, NaN for a place of -1: (R,)."""
    values = np.append(column.to_numpy(dtype=float, na_value=np.nan), np.nan)
    return values[places]


def key_types(a: pd.DataFrame, b: pd.DataFrame, keys: Sequence[str]) -> dict[str, str]:
    """One type for each key column: numbers where both sides have numbers, else text."""
    one, other = a.dtypes, b.dtypes
    return {key: "float64" if is_number(one[key]) and is_number(other[key]) else "object" for key in keys}


def is_number(dtype: object) -> bool:
    """Whether a column of this type holds numbers: truth values are none."""
    return pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
