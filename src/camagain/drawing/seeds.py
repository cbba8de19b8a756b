"""Means over several trainings of the same models, from one table for each seed."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

DEVIATION = "_deviation"
"""Ends the name of a column that holds the sample standard deviation over seeds of the column before it."""

TRAINING_SEED = "training_seed"
"""The first column of a table that holds the numbers of several seeds."""

SINGLE = re.compile(r"_seed\d+$")
"""Ends the name of a column that holds what one seed gave."""


def mean_over_seeds(tables: Mapping[int, pd.DataFrame], keys: Sequence[str]) -> pd.DataFrame:
    """One row for each key, from a table for each seed: the mean over the seeds of every column of numbers.

    Other columns are taken from the first seed that has the row. A column of measured numbers, such as `value`, gets
    two kinds of columns at its side: `value_deviation`, the sample standard deviation over seeds (NaN for one seed),
    and `value_seed<k>`, what each seed gave. Bounds of intervals are averaged alone. The mean of several intervals is
    at least as wide as an interval of the mean over the same images.
    """
    present = {seed: table for seed, table in tables.items() if len(table)}
    if not present:
        return next(iter(tables.values()))
    joined = pd.concat([table.assign(**{_SEED: seed}) for seed, table in present.items()], ignore_index=True)
    columns = [column for column in joined if column not in (*keys, _SEED)]
    numbers = [column for column in columns if is_number(joined[column])]
    measured = [column for column in numbers if is_measured(joined[column])]
    whole = [column for column in numbers if pd.api.types.is_integer_dtype(joined[column])]
    joined[numbers] = joined[numbers].astype(np.float64)
    groups = joined.groupby(list(keys), sort=False, dropna=False)
    found = groups[columns].first() if columns else groups.size().to_frame().iloc[:, :0]
    found[numbers] = groups[numbers].mean()
    for column in whole:
        if (found[column] % 1 == 0).all():  # the same count for every seed stays one
            found[column] = found[column].astype(np.int64)
    for column in measured:
        found[f"{column}{DEVIATION}"] = groups[column].std()
        for seed in present:
            own = joined[joined[_SEED] == seed].groupby(list(keys), sort=False, dropna=False)[column].first()
            found[f"{column}_seed{seed}"] = own
    return found.reset_index()[[*(c for c in joined if c != _SEED), *(c for c in found if c not in joined)]]


_SEED = "the seed of a training"
"""A column while means are taken; no table has one of this name."""


def is_number(column: pd.Series) -> bool:
    """Whether a column is averaged: numbers are, truth values are not."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def is_measured(column: pd.Series) -> bool:
    """Whether a column of numbers holds what was measured, and not counts or bounds of intervals."""
    bound = any(word.startswith(("low", "high")) for word in str(column.name).split("_"))
    return pd.api.types.is_float_dtype(column) and not bound


def singles(rows: pd.DataFrame, column: str = "value") -> np.ndarray:
    """What each seed gave for the rows of a table of means, (rows, seeds); (rows, 0) where there was one training."""
    names = [name for name in rows if name.startswith(f"{column}_seed") and SINGLE.search(name)]
    return rows[names].to_numpy(dtype=np.float64)
