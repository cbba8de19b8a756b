"""Dose and response, where every dose was tried with the same seeds: a trend, and departures from it.

The unit is the seed: all doses of one seed are one repetition of the whole experiment. What they have in common, such
as the order of images, is in no comparison of doses.

Axes: S seeds, D doses.
"""

from dataclasses import dataclass

import numpy as np

from camagain.statistics.estimates import Estimate
from camagain.statistics.trainings import over_trainings

RISES, FALLS, NO_TREND, UNDECIDED = "rises", "falls", "no trend", "undecided"
SLIGHTLY = " slightly"
"""Behind a certain trend that is certainly within the bounds of equivalence."""


@dataclass(frozen=True)
class Trend:
    """A response to doses along the logarithm of the dose."""

    changes: np.ndarray  # (S,) from the smallest dose to the largest, on the straight line of each seed
    departures: np.ndarray  # (D,) of the mean response from the straight line
    dose_p: float  # whether any two doses differ
    departure_p: float  # whether the mean response departs from a straight line

    def change(self, confidence: float) -> Estimate:
        """The mean change with Student's interval over seeds."""
        return over_trainings(self.changes, confidence)

    def verdict(self, confidence: float, bound: float | None) -> str:
        """What is certain of the change, and whether it is within -+ `bound` (None: it has no bound).

        `rises` and `falls`: its interval excludes 0. `no trend`: both one-sided tests of equivalence (Schuirmann 1987)
        reject a change beyond the bound, that is, the interval of twice the error rate lies inside. Both together:
        `rises slightly`. None of these: `undecided`.
        """
        found, inner = self.change(confidence), self.change(2 * confidence - 1)
        small = bound is not None and -bound < inner.low and inner.high < bound
        direction = RISES if found.low > 0 else FALLS if found.high < 0 else ""
        if direction:
            return direction + (SLIGHTLY if small else "")
        return NO_TREND if small else UNDECIDED


def trend(dose: np.ndarray, response: np.ndarray) -> Trend:
    """The response (S, D) to positive doses (D,): a straight line over log(dose) for each seed.

    Both p-values are F tests of a two-way layout without interaction (seeds are blocks): the doses, or the departures
    of their means from the line, against what is left when the means of doses and of seeds are subtracted. NaN for a
    single seed, and for a departure from two doses.
    """
    y, share = np.asarray(response, dtype=np.float64), line_weights(dose)
    seeds, doses = y.shape
    changes = y @ share  # (S,)
    mean = y.mean(0)  # (D,)
    x = np.log(dose)
    line = mean.mean() + changes.mean() * (x - x.mean()) / np.ptp(x)
    left = y - mean - y.mean(1, keepdims=True) + y.mean()  # (S, D)
    freedom = (seeds - 1) * (doses - 1)
    error = float((left**2).sum()) / freedom if freedom else np.nan

    def p_of(parts: np.ndarray, own: int) -> float:
        from scipy.special import fdtrc

        squares = seeds * float((parts**2).sum())
        if own < 1 or not freedom:
            return np.nan
        return float(fdtrc(own, freedom, squares / own / error)) if error else float(squares < 1e-18)

    return Trend(changes, mean - line, p_of(mean - mean.mean(), doses - 1), p_of(mean - line, doses - 2))


def line_weights(dose: np.ndarray) -> np.ndarray:
    """Weights (D,) whose sum with responses is the change of their least-squares line from smallest to largest dose."""
    x = np.log(np.asarray(dose, dtype=np.float64))
    centred = x - x.mean()
    return centred / (centred @ centred) * np.ptp(x)
