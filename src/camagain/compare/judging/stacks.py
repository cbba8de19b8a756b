"""The tables of one kind of two runs as one: those of all trainings below each other, joined row by row.

Axes: R rows, G groups of rows that differ in the seed of training alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from camagain.compare.judging.joined import Joined
from camagain.compare.judging.kinds import ABOUT, SCORES, Kind
from camagain.compare.judging.relations import model_of
from camagain.compare.judging.rows import row_text, row_texts
from camagain.drawing.seeds import TRAINING_SEED
from camagain.errors import UserError

SCORES_FILE = "scores"
"""The name of the table that holds the scores of all metrics.json."""

FILE = "place of the file"
"""A key while tables are below each other; no table has a column of this name."""

MODELS = ("model", "model_a", "model_b")
"""The columns that name trainings."""

Pair = tuple[pd.DataFrame | None, pd.DataFrame | None]
"""A table of both runs; None where only the other one has it."""


@dataclass(frozen=True)
class Stack:
    """Tables of one kind that are not the same bytes in both runs. `files`: their paths; `notes`: on each."""

    kind: Kind
    files: Sequence[str]
    notes: Sequence[str]
    joined: Joined

    @cached_property
    def file(self) -> np.ndarray:
        """Which of the files each row is of: (R,)."""
        return self.joined.keys[FILE].to_numpy(dtype=int)

    @cached_property
    def trainings(self) -> list[np.ndarray]:
        """The trainings that rows are about, (R,) names for each column that names some; none where none does."""
        of_file = np.array([training_of(self.kind, file) for file in self.files], dtype=object)
        if of_file.any():
            return [of_file[self.file]]
        keys = self.joined.keys
        found = [keys[name].astype(object).to_numpy() for name in MODELS if name in keys]
        if TRAINING_SEED not in keys:
            return found
        seeds = keys[TRAINING_SEED].to_numpy(dtype=float)
        return [np.array([f"{name}/seed{seed:g}" for name, seed in zip(names, seeds, strict=True)], dtype=object)
                for names in found]  # fmt: skip

    @cached_property
    def without_seed(self) -> pd.DataFrame:
        """The keys of the rows but their seeds."""
        keys = self.joined.keys.drop(columns=[FILE, TRAINING_SEED], errors="ignore")
        names = {name: keys[name].map(model_of, na_action="ignore") for name in MODELS if name in keys}
        return keys.assign(**names)

    @cached_property
    def spread_files(self) -> list[str]:
        """The files without the seeds in their paths, each once."""
        return list(dict.fromkeys(map(model_of, self.files)))

    @cached_property
    def spread_file(self) -> np.ndarray:
        """Which of them each row is of: (R,)."""
        place = {file: number for number, file in enumerate(self.spread_files)}
        return np.array([place[model_of(file)] for file in self.files])[self.file]

    @cached_property
    def spread_texts(self) -> list[str]:
        """The key of each row as text, without its seed, as a table of deviations names it."""
        return row_texts(self.without_seed, list(self.without_seed))

    @cached_property
    def group(self) -> np.ndarray:
        """The group of each row: (R,)."""
        several = len(self.spread_files) < len(self.files) or TRAINING_SEED in self.joined.keys or self.seeds_in_names
        if not several:
            return np.arange(len(self.joined))
        keyed = self.without_seed.assign(**{FILE: self.spread_file})
        return keyed.groupby(list(keyed), sort=False, dropna=False).ngroup().to_numpy()

    @property
    def seeds_in_names(self) -> bool:
        return any("/seed" in str(name) for names in self.trainings for name in names)

    @cached_property
    def groups(self) -> int:
        """How many groups there are."""
        return int(self.group.max(initial=-1)) + 1


def training_of(kind: Kind, file: str) -> str:
    """The training, or the job of one, that a file belongs to by its path; empty for tables of the whole run."""
    before, star, _ = kind.pattern.partition("*")
    if not star or kind is SCORES:
        return ""
    inner = file.removeprefix(before).rpartition("/")[0]
    return inner.rpartition("/")[0] if kind.pattern.count("*") == 2 else inner


def stacked(kind: Kind, files: Sequence[str], pairs: Sequence[Pair]) -> Stack:
    """Tables of one kind of both runs as one stack; None where only the other run has a table, with another seed.

    UserError where a key occurs twice or a key column is not there.
    """
    seeds = any(TRAINING_SEED in table for pair in pairs for table in pair if table is not None)
    keys = tuple(dict.fromkeys((TRAINING_SEED, *kind.keys))) if seeds else kind.keys  # a figure of each seed names it
    sides: tuple[list[pd.DataFrame], list[pd.DataFrame]] = ([], [])
    for number, (file, pair) in enumerate(zip(files, pairs, strict=True)):
        for table, side, parts in zip(pair, ("first", "second"), sides, strict=True):
            if table is not None:
                check_columns(file, side, table, keys)
                known = list(dict.fromkeys((*table.columns, *keys)))
                parts.append(table.reindex(columns=known).assign(**{FILE: number}))
    first, second = (pd.concat(parts, ignore_index=True) if parts else pd.concat(sides[k == 0]).iloc[:0]
                     for k, parts in enumerate(sides))  # fmt: skip
    joined = Joined.of(first, second, (FILE, *keys), ABOUT)
    for side, table in (("first", first), ("second", second)):
        if side == "first" or joined.a is not joined.b:  # else the keys of both are the same
            check_unique(files, side, table, keys)
    return Stack(kind, files, [note_on_columns(*pair) for pair in pairs], joined)


def check_columns(file: str, side: str, table: pd.DataFrame, keys: Sequence[str]) -> None:
    """UserError where a key column is not there; of an analysis that no network was part of, none has to be."""
    absent = [key for key in keys if key not in table and len(table)]
    if absent:
        raise UserError(f"{file} of the {side} run: no column {', '.join(absent)}; found {', '.join(table.columns)}.")


def check_unique(files: Sequence[str], side: str, table: pd.DataFrame, keys: Sequence[str]) -> None:
    """UserError where a key occurs twice in one file; the column FILE says which of them a row is of."""
    repeated = table.duplicated([FILE, *keys])
    if repeated.any():
        row = table.loc[repeated].iloc[0]
        raise UserError(
            f"{files[int(row[FILE])]} of the {side} run: the row {row_text({key: row[key] for key in keys})} occurs "
            "twice; each key may occur once."
        )


def check_keys(file: str, side: str, table: pd.DataFrame, keys: Sequence[str]) -> None:
    """UserError where a key column is not there or a key occurs twice."""
    check_columns(file, side, table, keys)
    check_unique([file], side, table.assign(**{FILE: 0}), keys)


def note_on_columns(a: pd.DataFrame | None, b: pd.DataFrame | None) -> str:
    """Which columns one side alone has."""
    if a is None or b is None:
        return ""
    sides = (("first", a, b), ("second", b, a))
    only = [(name, side) for side, one, other in sides for name in one.columns if name not in other]
    return "; ".join(f"the column {name} is in the {side} run alone" for name, side in only)
