"""Two tables with the same kind of rows, joined by their keys: which rows say the same, each within its tolerance."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from camagain.compare.judging.judge import Judge
from camagain.compare.judging.judged import CODES, MISSING, NOT_COMPARABLE, SAME
from camagain.compare.judging.kinds import ABOUT, Kind, Section
from camagain.compare.judging.rows import Row, key_of, row_text
from camagain.compare.judging.verdicts import Verdict, worst
from camagain.errors import UserError
from camagain.statistics.tolerances import Spread

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


def compare_tables(
    file: str, kind: Kind, a: pd.DataFrame, b: pd.DataFrame, images: Mapping[str, int], spread: Spread
) -> TableComparison:
    """Compares two tables of one kind row by row, whatever the order of their rows.

    `images`: how many there are in each split, for shares of images; `spread`: over seeds, where it was measured.
    UserError where a key occurs twice or a key column is not there.
    """
    without = [is_without_rows(table) for table in (a, b)]
    if all(without):
        kind = replace(kind, keys=("model",))
    elif any(without):
        side, count = ("first", len(b)) if without[0] else ("second", len(a))
        return TableComparison(file, kind.section, {Verdict.MISSING: count}, note=f"does not apply in the {side} run")
    for side, table in (("first", a), ("second", b)):
        check_keys(file, side, table, kind.keys)
    keys = list(kind.keys)
    both = [column for column in a.columns if column in b.columns]
    types = key_types(a, b, keys)
    merged = (
        a[both].astype(types).merge(b[both].astype(types), on=keys, how="outer", suffixes=(" a", " b"), indicator=True)
    )
    where = merged["_merge"].to_numpy()
    columns = [column for column in both if column not in keys and column not in ABOUT]
    judge = Judge(file, kind, merged, columns, images, spread)
    code = np.where(where == "both", SAME, MISSING)
    unequal = np.flatnonzero((where == "both") & judge.unequal.any(axis=1))
    rows: list[Row] = []
    if kind.unjudged:
        code[unequal], code[where != "both"] = NOT_COMPARABLE, NOT_COMPARABLE
    else:
        found = judge.judged(unequal).by_chance(int((where == "both").sum()))
        code[unequal] = found.code
        rows = [found.row(place) for place in found.worst(SHOWN_ROWS)]
        for index in np.flatnonzero(where != "both")[:SHOWN_ROWS]:
            side = "first" if where[index] == "right_only" else "second"
            rows.append(Row(key_of(merged, keys, index), Verdict.MISSING, note=f"not in the {side} run"))
    rows.sort(key=lambda row: row.severity, reverse=True)
    counts = {verdict: int((code == number).sum()) for number, verdict in enumerate(CODES) if (code == number).any()}
    note = kind.unjudged if Verdict.NOT_COMPARABLE in counts else note_on_columns(a, b)
    return TableComparison(file, kind.section, counts, tuple(rows[:SHOWN_ROWS]), note)


def is_without_rows(table: pd.DataFrame) -> bool:
    """Whether a figure's table says only why there is nothing to draw (see `paper.analysis_figures.empty`)."""
    return list(table.columns) == ["model", "reason"]


def check_keys(file: str, side: str, table: pd.DataFrame, keys: tuple[str, ...]) -> None:
    """UserError where a key column is not there or a key occurs twice."""
    absent = [key for key in keys if key not in table]
    if absent:
        raise UserError(f"{file} of the {side} run: no column {', '.join(absent)}; found {', '.join(table.columns)}.")
    repeated = table.duplicated(list(keys)) if keys else pd.Series(False, index=table.index)
    if repeated.any():
        row = row_text(table.loc[repeated, list(keys)].iloc[0].to_dict())
        raise UserError(f"{file} of the {side} run: the row {row} occurs twice; each key may occur once.")


def key_types(a: pd.DataFrame, b: pd.DataFrame, keys: list[str]) -> dict[str, str]:
    """One type for each key column: numbers where both sides have numbers, else text."""
    numeric = {key: all(pd.api.types.is_numeric_dtype(t[key]) and t[key].dtype != bool for t in (a, b)) for key in keys}
    return {key: "float64" if numeric[key] else "object" for key in keys}


def note_on_columns(a: pd.DataFrame, b: pd.DataFrame) -> str:
    """Which columns one side alone has."""
    sides = (("first", a, b), ("second", b, a))
    only = [(name, side) for side, one, other in sides for name in one.columns if name not in other]
    return "; ".join(f"the column {name} is in the {side} run alone" for name, side in only)
