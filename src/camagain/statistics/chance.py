"""How many of many rows lie beyond their tolerance by chance alone, and how far one of them may.

Each tolerance holds 95 % of differences by chance, so of 200 rows about 10 lie beyond it in two runs that agree. A row
beyond its tolerance speaks against a run where there are more such rows than chance explains, or where it lies so far
out that chance would hardly put any of so many rows there. Rows are taken as independent; they are not quite, so that
this is a rule and no test.
"""

import math
from functools import cache, partial

from camagain.statistics.tolerances import CONFIDENCE


@cache
def explained(rows: int) -> int:
    """How many of so many rows chance may put beyond their tolerance: 95 % quantile of the binomial distribution."""
    from scipy.stats import binom

    return int(binom.ppf(CONFIDENCE, rows, 1 - CONFIDENCE))


@cache
def farthest(rows: int, freedom: float = math.inf) -> float:
    """How far out chance may put the farthest of so many rows, in units of its tolerance: 95 % over all of them.

    `freedom`: degrees of freedom of the deviation behind the tolerance, few where it was estimated from few seeds.
    """
    from scipy.stats import norm, t

    joint = CONFIDENCE ** (1 / max(rows, 1))
    quantile = norm.ppf if math.isinf(freedom) else partial(t.ppf, df=freedom)
    return float(quantile((1 + joint) / 2) / quantile((1 + CONFIDENCE) / 2))
