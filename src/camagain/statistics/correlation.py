"""Whether two numbers go together over models: Pearson and Spearman with bootstrap intervals. Never imports torch."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from camagain.statistics.bootstrap import Sampling
from camagain.statistics.estimates import Estimate, estimate
from camagain.statistics.ranks import correlations, rank_correlations

KINDS: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "pearson": correlations,
    "spearman": rank_correlations,
}
"""Pearson's r asks for a straight line, Spearman's rho for a rising one; each of rows, (R, N) and (R, N) -> (R,)."""

FEWEST = 3
"""Models below which no correlation is given: through two points a line always passes."""

ALL = "all"
"""The group of all models."""

COLUMNS = ("group", "models", "kind", "value", "low", "high", "reason")


def correlate(table: pd.DataFrame, x: str, y: str, group: str, sampling: Sampling) -> pd.DataFrame:
    """Correlations of two columns over the models of a table (one row each), pooled and in each group.

    One row for each group (`all` first, then those of the column `group` in their order of appearance) and kind:
    `models` that have both numbers, `value` in [-1, 1] with the bounds of its interval, or why there is none. Rows
    without a group count in `all` alone.
    """
    known = table[np.isfinite(table[[x, y]].to_numpy(dtype=np.float64)).all(axis=1)]
    groups = [(ALL, known), *((name, known[known[group] == name]) for name in table[group].dropna().unique())]
    found = []
    for name, rows in groups:
        first, second = (rows[column].to_numpy(dtype=np.float64) for column in (x, y))
        reason = why_not(first, second, x, y)
        for kind in KINDS:
            none = Estimate(np.nan, np.nan, np.nan)
            r = none if reason else correlation(first, second, kind, sampling)
            found.append((name, len(rows), kind, r.value, r.low, r.high, reason))
    return pd.DataFrame(found, columns=list(COLUMNS))


def correlation(first: np.ndarray, second: np.ndarray, kind: str, sampling: Sampling) -> Estimate:
    """The correlation of two numbers of N models, (N,) and (N,), neither constant, with its percentile interval.

    Models are drawn again with replacement, both numbers together. A resample in which one of the two is constant has
    no correlation and is left out, which with three models happens to one in nine or more. The interval treats models
    as drawn independently from many; those that share a checkpoint are not, and it is then too narrow.
    """
    draw = np.random.Generator(np.random.Philox(sampling.seed))
    rows = draw.integers(len(first), size=(sampling.resamples, len(first)))  # (R, N)
    value = KINDS[kind](first[None], second[None])[0]
    return estimate(KINDS[kind](first[rows], second[rows]), float(value), sampling.confidence)


def why_not(first: np.ndarray, second: np.ndarray, x: str, y: str) -> str:
    """Why two numbers of some models have no correlation, or nothing."""
    if len(first) < FEWEST:
        return f"too few models ({len(first)}, at least {FEWEST} are needed)"
    for name, values in ((x, first), (y, second)):
        if np.ptp(values) == 0:
            return f"{name} is the same for all {len(values)} models"
    return ""
