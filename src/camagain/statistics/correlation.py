"""Pearson's and Spearman's correlation: of the rows of two tables, and of two numbers over models with an interval."""

import math
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from camagain.statistics.bootstrap import Sampling
from camagain.statistics.confidence import normal_quantile, student_quantile
from camagain.statistics.estimates import UNDEFINED, Estimate, Resampled

ROWS = 512
"""Rows that are ranked together: 512 x 1,024 ranks take 4 MB."""


def ranked(rows: np.ndarray) -> np.ndarray:
    """Ranks from 1 in every row, (R, N) -> (R, N); ties share their mean rank."""
    return pd.DataFrame(rows.T).rank().to_numpy().T


def rank_correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's rho of every row of one table with the same row of another, (R, N) and (R, N) -> (R,) in [-1, 1].

    Ties share their mean rank. NaN where all values of either row are equal.
    """
    parts = [
        correlations(ranked(first[start : start + ROWS]), ranked(second[start : start + ROWS]))
        for start in range(0, len(first), ROWS)
    ]
    return np.concatenate(parts) if parts else np.empty(0)


def correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Pearson's r of every row with the same row of another table, (R, N) and (R, N) -> (R,); NaN for a constant."""
    x, y = (np.asarray(rows, dtype=np.float64) for rows in (first, second))
    varies = (np.ptp(x, axis=1) > 0) & (np.ptp(y, axis=1) > 0)
    x, y = (rows - rows.mean(1, keepdims=True) for rows in (x, y))
    scale = np.sqrt((x * x).sum(1) * (y * y).sum(1))
    return np.divide((x * y).sum(1), scale, out=np.full(len(x), np.nan), where=varies & (scale > 0)).clip(-1, 1)


KINDS: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "pearson": correlations,
    "spearman": rank_correlations,
}
"""Pearson's r measures how close to a straight line two numbers lie, Spearman's rho how close to a rising one."""

FEWEST = 3
"""Models below which no correlation is given: a line passes through any two points."""

PERFECT = 0.99
"""What a perfect order of few units counts as in Fisher's interval, which otherwise would have no width."""

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
            r = UNDEFINED if reason else correlation(first, second, kind, sampling)
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
    return Resampled(float(value), KINDS[kind](first[rows], second[rows])).estimate(sampling.confidence)


def rank_correlation(
    first: np.ndarray, second: np.ndarray, groups: np.ndarray, confidence: float, within: bool
) -> Estimate:
    """Spearman's rho of two numbers of N units that belong to groups, (N,) each, with its interval.

    `within`: the groups' mean ranks are subtracted first, so that only differences within groups count. The interval is
    Fisher's with the standard error of Bonett and Wright (2000), in which each group beyond the first then costs one
    degree of freedom. Without it, units of one group may go together for any reason: the quantile is Student's with one
    degree of freedom less than there are groups, as for clusters (Cameron, Gelbach and Miller 2008), the normal one
    where there is a single group. Undefined where no degree of freedom is left, or where nothing varies.
    """
    names, place = np.unique(groups, return_inverse=True)
    freedom = len(first) - (len(names) if within else 1) - 2
    if freedom < 1:
        return UNDEFINED
    x, y = ranked(np.stack([first, second]))
    if within:
        sizes = np.bincount(place)
        x, y = (ranks - (np.bincount(place, ranks) / sizes)[place] for ranks in (x, y))  # (N,)
    if min(np.ptp(x), np.ptp(y)) < 1e-9:
        return UNDEFINED
    value = float(correlations(x[None], y[None])[0])
    known = min(max(value, -PERFECT), PERFECT)
    clusters = 1 if within else len(names)
    quantile = student_quantile(clusters - 1, confidence) if clusters > 1 else normal_quantile(confidence)
    half = quantile * math.sqrt((1 + known**2 / 2) / freedom)
    low, high = math.tanh(math.atanh(known) - half), math.tanh(math.atanh(known) + half)
    return Estimate(value, min(low, value), max(high, value))


def why_not(first: np.ndarray, second: np.ndarray, x: str, y: str) -> str:
    """Why two numbers of some models have no correlation, or nothing."""
    if len(first) < FEWEST:
        return f"too few models ({len(first)}, at least {FEWEST} are needed)"
    for name, values in ((x, first), (y, second)):
        if np.ptp(values) == 0:
            return f"{name} is the same for all {len(values)} models"
    return ""
