"""Two tables of one kind, joined by what identifies a row: which cells are not the same, and the values of a row."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from camagain.compare.judging.rows import keys_of, row_text


@dataclass(frozen=True)
class Joined:
    """The rows of both tables; every column but the keys stands twice, as `x a` and `x b`.

    `columns`: those that both tables have and that say what was found.
    """

    table: pd.DataFrame
    keys: Sequence[str]
    columns: list[str]

    @cached_property
    def numeric(self) -> frozenset[str]:
        """The columns that hold numbers on both sides."""
        types = self.table.dtypes
        return frozenset(column for column in self.columns if all(is_number(types[f"{column} {s}"]) for s in "ab"))

    def numbers(self, column: str, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of a column in some rows, (r,) positions: those of the first table and those of the second."""
        a, b = (self.table[f"{column} {side}"].to_numpy(dtype=float)[rows] for side in "ab")
        return a, b

    def value(self, column: str, side: str, row: int) -> float | str | None:
        """One cell, None where it is empty."""
        value = self.table[f"{column} {side}"].iloc[row]
        if value is None or value != value:
            return None
        return float(value) if column in self.numeric else str(value)

    @cached_property
    def unequal(self) -> np.ndarray:
        """Which cells are not the same: (rows, columns) bool; two empty cells are the same."""
        found = np.zeros((len(self.table), len(self.columns)), dtype=bool)
        for k, column in enumerate(self.columns):
            a, b = self.table[f"{column} a"], self.table[f"{column} b"]
            empty = (a.isna() & b.isna()).to_numpy()
            if column not in self.numeric:
                a, b = a.astype(object).astype(str), b.astype(object).astype(str)
            found[:, k] = (a.to_numpy() != b.to_numpy()) & ~empty
        return found

    @cached_property
    def row_keys(self) -> list[dict[str, object]]:
        """What identifies each row, without the key columns that are empty there."""
        return keys_of(self.table, self.keys)

    @cached_property
    def row_texts(self) -> list[str]:
        """The same as text."""
        return [row_text(key) for key in self.row_keys]


def is_number(dtype: object) -> bool:
    """Whether a column of this type holds numbers: truth values are none."""
    return pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
