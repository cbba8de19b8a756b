"""How far the numbers of a run scatter over trainings with other seeds: one standard deviation for each table cell."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from camagain.compare.judging.joined import key_types
from camagain.compare.judging.kinds import SCORES, Kind, is_value, kind_of
from camagain.compare.judging.rows import row_texts
from camagain.compare.judging.stacks import SCORES_FILE, check_keys
from camagain.compare.judging.tables import numbered_from_its_seed
from camagain.compare.runs.folder import RunFolder
from camagain.compare.runs.scores import read_scores
from camagain.compare.runs.seeds import require_other_seeds
from camagain.drawing.empty import is_empty
from camagain.drawing.seeds import TRAINING_SEED
from camagain.errors import UserError
from camagain.statistics.tolerances import rounding_of_sums

COLUMNS = ("file", "row", "column", "deviation", "runs")
"""The columns of the table of deviations, which `scores.read_spread` reads."""

DRAWN_CURVES = "figures/threshold-curves.csv"
"""Left out like all curves: they have thousands of rows, and what is read off them is among the scores."""


def seed_spread(runs: Sequence[RunFolder]) -> pd.DataFrame:
    """Sample standard deviations over runs that differ in their seed alone: columns file, row, column, deviation, runs.

    One row for each value of the scores and of every judged table but curves that all runs have and that is not the
    same in all. UserError where there are fewer than two runs, or they differ in more than the seed.
    """
    if len(runs) < 2:
        raise UserError(f"a spread over seeds needs two runs or more; found {len(runs)}.")
    require_other_seeds(runs)
    names = [str(run) for run in runs]
    rounding = rounding_of_sums(int(runs[0].dataset["splits"]["test"]))
    found = list(deviations(SCORES_FILE, SCORES, [read_scores(run) for run in runs], names, rounding))
    for file, kind in spread_tables(runs).items():
        tables = [numbered_from_its_seed(run, file, run.csv(file)) for run in runs]
        found += deviations(file, kind, tables, names, rounding)
    return pd.DataFrame(found, columns=list(COLUMNS))


def spread_tables(runs: Sequence[RunFolder]) -> dict[str, Kind]:
    """The tables that all runs have and whose deviations are kept, by path, sorted."""
    shared = set.intersection(*({file for file in run.manifest["files"] if run.has(file)} for run in runs))
    kinds = {file: kind for file in sorted(shared - {DRAWN_CURVES}) if (kind := kind_of(file)) is not None}
    return {
        file: kind
        for file, kind in kinds.items()
        if kind is not SCORES and kind.section != "curves" and not kind.unjudged
    }


def deviations(
    file: str, kind: Kind, tables: Sequence[pd.DataFrame], names: Sequence[str], rounding: float
) -> Iterator[tuple[str, str, str, float, int]]:
    """(file, row, column, deviation, runs) of every value that all tables have and that is not the same in all.

    The deviation of one that is there for some seeds and not for others is infinite. `rounding`: what the order of
    adding leaves, as a share of a number; numbers no farther apart are the same.
    """
    if any(is_empty(table) for table in tables):
        return
    keyed = []
    keys = [key for key in kind.keys if key != TRAINING_SEED]  # what tells the runs apart names no row
    for table, name in zip(tables, names, strict=True):
        check_keys(file, name, table, kind.keys)
        keyed.append(table.set_axis(row_texts(table.astype(key_types(table, table, keys)), keys), axis=0))
    if not all(table.index.is_unique for table in keyed):
        return  # several trainings of each run
    rows = [row for row in keyed[0].index if all(row in table.index for table in keyed[1:])]
    columns = [
        column
        for column in tables[0].columns
        if column not in kind.keys and all(column in table and is_value(table, column) for table in tables)
    ]
    for column in columns:
        values = np.stack([table.loc[rows, column].to_numpy(dtype=float) for table in keyed], axis=1)  # (rows, runs)
        present = np.isfinite(values)
        for place in np.flatnonzero(present.any(axis=1) & ~present.all(axis=1)):
            yield file, rows[place], column, math.inf, len(tables)
        room = rounding * np.abs(values).max(axis=1)
        scattered = present.all(axis=1) & (values.max(axis=1) - values.min(axis=1) > room)
        for place in np.flatnonzero(scattered):
            # A deviation of a few numbers is not known to more digits, and the table stays small.
            yield file, rows[place], column, float(f"{values[place].std(ddof=1):.6g}"), len(tables)
