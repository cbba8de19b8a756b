"""Evidence against "the two runs differ by chance alone": p-values of numbers, and of many dependent numbers together.

Numbers of one network move together from seed to seed, in a way that nobody knows. Both combinations here keep their
error rate however the numbers depend on each other.
"""

import numpy as np

CERTAIN = 1e-300
"""The smallest p-value: smaller ones cannot be told from 0."""

UNCERTAIN = 0.9
"""The largest p-value that is combined: p = 1, of numbers that happen to be the same, would outweigh all others."""


def student_p(difference: np.ndarray, error: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """Two-sided p-values of differences with estimated standard errors, (C,) each; `freedom`: degrees of freedom.

    An error of 0 or NaN says nothing and gives NaN, an infinite one gives 1; a difference that is NaN has p = 0.
    """
    from scipy.special import stdtr

    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(difference) / error
        p = 2 * stdtr(freedom, -t)
    p = np.where(np.isnan(difference), 0.0, p)
    p = np.where(np.isinf(error), 1.0, p)
    return np.where((error > 0) & (freedom > 0), p, np.nan)


def any_of(p_values: np.ndarray) -> float:
    """One p-value of several, small where any of them is very small or many are small: (C,) -> [0, 1].

    The Cauchy combination test (Liu and Xie, JASA 2020): of C tests that depend completely on each other it makes
    their common p, of C independent ones about C times the smallest. 1 where there are none.
    """
    if not len(p_values):
        return 1.0
    p = np.clip(p_values, CERTAIN, UNCERTAIN)
    with np.errstate(divide="ignore"):
        statistic = np.where(p < 1e-9, 1 / (p * np.pi), np.tan((0.5 - p) * np.pi)).mean()
    return float(1 / (statistic * np.pi)) if statistic > 1e9 else float(0.5 - np.arctan(statistic) / np.pi)


def most_of(p_values: np.ndarray) -> float:
    """One p-value of several, small where at least half of them are: twice their median, (C,) -> [0, 1].

    Of Rueger's rules (Metrika 1978) the one for the median. A few numbers whose errors are not normal decide nothing.
    1 where there are none.
    """
    if not len(p_values):
        return 1.0
    place = (len(p_values) + 1) // 2 - 1  # at least half of the p-values are no larger
    return float(min(1.0, len(p_values) / (place + 1) * np.partition(p_values, place)[place]))
