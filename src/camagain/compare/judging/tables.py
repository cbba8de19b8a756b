"""Two tables with the same kind of rows, joined by their keys: which rows say the same, each within its tolerance."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from camagain.compare.judging.joined import Joined
from camagain.compare.judging.judge import Judge
from camagain.compare.judging.kinds import ABOUT, Kind, Section
from camagain.compare.judging.rows import Row, keys_of, row_text
from camagain.compare.judging.verdicts import LEVELS, Verdict, worst
from camagain.compare.runs.folder import RunFolder
from camagain.drawing.seeds import TRAINING_SEED
from camagain.errors import UserError
from camagain.statistics.tolerances import Spread

SCORES_FILE = "scores"
"""The name of the table that holds the scores of all metrics.json."""

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
    kind = of_seeds(kind, a, b)
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
    joined = Joined(merged, keys, columns)
    shared = where == "both"
    level = np.where(shared, Verdict.IDENTICAL_VALUES.level, Verdict.MISSING.level)
    unequal = np.flatnonzero(shared & joined.unequal.any(axis=1))
    rows: list[Row] = []
    if kind.unjudged:
        level[unequal] = level[~shared] = Verdict.NOT_COMPARABLE.level
    else:
        found = Judge(file, kind, joined, images, spread).judged(unequal).by_chance(int(shared.sum()))
        level[unequal] = found.level
        rows = found.worst(SHOWN_ROWS)
        for index in np.flatnonzero(~shared)[:SHOWN_ROWS]:
            side = "first" if where[index] == "right_only" else "second"
            rows.append(Row(joined.row_keys[index], Verdict.MISSING, note=f"not in the {side} run"))
    rows.sort(key=lambda row: row.severity, reverse=True)
    numbers = Counter(level.tolist())
    counts = {verdict: numbers[verdict.level] for verdict in LEVELS if numbers[verdict.level]}
    note = kind.unjudged if Verdict.NOT_COMPARABLE in counts else note_on_columns(a, b)
    return TableComparison(file, kind.section, counts, tuple(rows[:SHOWN_ROWS]), note)


def numbered_from_its_seed(run: RunFolder, file: str, table: pd.DataFrame) -> pd.DataFrame:
    """A table whose repetitions are counted from the seed of training, so that the first of each run are compared."""
    if "weights_seed" not in table:
        return table
    of_file = re.search(r"/seed(\d+)/", file)
    own = table[TRAINING_SEED] if TRAINING_SEED in table else int(of_file[1]) if of_file else run.seeds[0]
    return table.assign(weights_seed=table["weights_seed"] - own)


def of_seeds(kind: Kind, *tables: pd.DataFrame) -> Kind:
    """The kind of tables that hold the numbers of several seeds: the seed is part of their keys."""
    several = all(TRAINING_SEED in table for table in tables)
    return replace(kind, keys=(TRAINING_SEED, *kind.keys)) if several else kind


def is_without_rows(table: pd.DataFrame) -> bool:
    """Whether a figure's table says only why there is nothing to draw (see `drawing.empty`)."""
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


def key_types(a: pd.DataFrame, b: pd.DataFrame, keys: Sequence[str]) -> dict[str, str]:
    """One type for each key column: numbers where both sides have numbers, else text."""
    numeric = {key: all(pd.api.types.is_numeric_dtype(t[key]) and t[key].dtype != bool for t in (a, b)) for key in keys}
    return {key: "float64" if numeric[key] else "object" for key in keys}


def row_texts(table: pd.DataFrame, keys: Sequence[str]) -> list[str]:
    """The key of each row as text, as a comparison looks it up: numbers as floats, empty cells left out."""
    return [row_text(key) for key in keys_of(table.astype(key_types(table, table, keys)), keys)]


def note_on_columns(a: pd.DataFrame, b: pd.DataFrame) -> str:
    """Which columns one side alone has."""
    sides = (("first", a, b), ("second", b, a))
    only = [(name, side) for side, one, other in sides for name in one.columns if name not in other]
    return "; ".join(f"the column {name} is in the {side} run alone" for name, side in only)
