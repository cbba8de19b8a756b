"""One row of a table that two runs have and that is not the same in both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from camagain.compare.judging.verdicts import Verdict


@dataclass(frozen=True)
class Row:
    """A row and the column that differs most in it: the one that lies farthest beyond its tolerance."""

    key: Mapping[str, object]
    verdict: Verdict
    column: str = ""
    a: float | str | None = None
    b: float | str | None = None
    tolerance: float | None = None
    source: str = ""  # of the tolerance
    note: str = ""

    @property
    def name(self) -> str:
        """The key as people read it."""
        return " / ".join(part.partition("=")[2] for part in row_text(self.key).split("; "))

    @property
    def difference(self) -> float | None:
        """The first value minus the second, None where they are no numbers."""
        if isinstance(self.a, int | float) and isinstance(self.b, int | float):
            return float(self.a - self.b)
        return None

    @property
    def severity(self) -> tuple[int, float]:
        """What rows are ordered by, the worst last: verdict, then the difference in units of its tolerance."""
        difference = abs(self.difference or 0.0)
        ratio = difference / self.tolerance if self.tolerance else difference
        return self.verdict.level, ratio if np.isfinite(ratio) else 0.0


def keys_of(table: pd.DataFrame, keys: Sequence[str]) -> list[dict[str, object]]:
    """The key of every row of a table, without the columns that are empty there."""
    rows = zip(*(table[key].tolist() for key in keys), strict=True) if keys else ((),) * len(table)
    return [{key: value for key, value in zip(keys, row, strict=True) if not is_empty(value)} for row in rows]


def row_texts(table: pd.DataFrame, keys: Sequence[str]) -> list[str]:
    """The key of each row as text: "model=resnet_narrow; t=0.2"; what is empty is left out."""
    columns = [[cell_text(key, value) for value in table[key].tolist()] for key in keys]
    return ["; ".join(filter(None, row)) for row in zip(*columns, strict=True)] if columns else [""] * len(table)


def row_text(key: Mapping[str, object]) -> str:
    """One key as text."""
    return "; ".join(filter(None, (cell_text(name, value) for name, value in key.items())))


def cell_text(name: str, value: object) -> str:
    """One column of a key as text."""
    if is_empty(value) or value == "":
        return ""
    return f"{name}={value:.12g}" if isinstance(value, float) else f"{name}={value}"


def is_empty(value: object) -> bool:
    """Whether a cell of a table is empty: None, or not a number."""
    return value is None or value != value
