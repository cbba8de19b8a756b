"""Whether a dose acts on an outcome through a mediator or beside it: total, mediated and direct effect.

Axes: S seeds, D doses, R resamples.
"""

from dataclasses import dataclass

import numpy as np

from camagain.statistics.bootstrap import Sampling
from camagain.statistics.confidence import student_quantile, upper_tail
from camagain.statistics.dose import line_weights
from camagain.statistics.estimates import Estimate, Resampled


@dataclass(frozen=True)
class Mediation:
    """Effects on the outcome, in its unit, from the smallest dose to the largest; total = through + beside."""

    total: Estimate
    through: Estimate  # the mediator's change with the dose, times what a unit of it does at one dose
    beside: Estimate
    per_unit: Estimate  # what a unit of the mediator does to the outcome at one dose


def mediation(dose: np.ndarray, mediator: np.ndarray, outcome: np.ndarray, sampling: Sampling) -> Mediation:
    """Effects of positive doses (D,) on an outcome (S, D) through a mediator (S, D).

    Changes with the dose are those of least-squares lines over its logarithm. A unit of the mediator counts as what
    trainings at the *same* dose show: the pooled slope of the outcome on the mediator, both minus their means at the
    dose. So a mediator that merely rises with the dose explains nothing.

    It is a cause only if, at one dose, nothing else moves mediator and outcome together, if a unit does the same at
    every dose, and if the mediator is measured without error (with error, its effect is underestimated). The dose is
    given by the experiment, so the total effect needs none of this.

    Intervals: percentiles of a bootstrap in which each dose draws its trainings, mediator and outcome together, from
    its own, as distances from their mean; these are enlarged by sqrt(S / (S - 1)), since few trainings lie too close to
    their own mean. Percentiles are those that Student's quantile would have in a normal distribution (Hesterberg,
    American Statistician 69, 2015), at the degrees of freedom of the line. NaN where the mediator does not vary at any
    dose, or with a single seed.
    """
    m, y = (np.asarray(values, dtype=np.float64).T for values in (mediator, outcome))  # (D, S)
    doses, seeds = m.shape
    weights = line_weights(dose)
    own = _effects(weights, m[None], y[None])[:, 0]  # (4,)
    if seeds < 2:
        return Mediation(*(Estimate(float(value), np.nan, np.nan) for value in own))
    generator = np.random.Generator(np.random.Philox(sampling.seed))
    drawn = generator.integers(seeds, size=(sampling.resamples, doses, seeds))  # (R, D, S)
    each = np.arange(doses)[:, None]
    resampled = []
    for values in (m, y):
        mean = values.mean(1, keepdims=True)  # (D, 1)
        resampled.append(mean + np.sqrt(seeds / (seeds - 1)) * (values - mean)[each, drawn])  # (R, D, S)
    freedom = (seeds - 1) * (weights**2).sum() ** 2 / (weights**4).sum()
    level = 1 - 2 * upper_tail(float(student_quantile(freedom, sampling.confidence)))
    draws = _effects(weights, *resampled)  # (4, R)
    return Mediation(*(Resampled(float(value), draw).estimate(level) for value, draw in zip(own, draws, strict=True)))


def _effects(weights: np.ndarray, mediator: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    """Total, through, beside and per unit: weights (D,), mediator and outcome (R, D, S) -> (4, R)."""
    m, y = (values - values.mean(2, keepdims=True) for values in (mediator, outcome))
    squares = (m * m).sum((1, 2))
    per_unit = np.divide((m * y).sum((1, 2)), squares, out=np.full(len(squares), np.nan), where=squares > 0)
    total = outcome.mean(2) @ weights
    through = per_unit * (mediator.mean(2) @ weights)
    return np.stack([total, through, total - through, per_unit])
