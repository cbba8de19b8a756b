"""Accuracies of box tables at thresholds that are chosen or fixed, with what the bootstrap says of their errors.

MaxBoxAcc is the highest point of a curve over thresholds. Chance lifts the highest point of a sample's curve above that
of the population, which is what is estimated, and the more so the flatter the curve. Drawing again from the sample
lifts it a second time. So what the choice adds is read in two ways from the same draws, and the interval of `Accuracy`
holds what either reading allows:

- the gaps between the sample's thresholds are real: the error is the resample's maximum less the sample's, as in the
  basic bootstrap (Davison and Hinkley 1997). It is too small where the curve is flat. Where another table chooses, the
  choice may add nothing on average, but it still varies: the errors keep their deviation, and their mean is that at a
  fixed threshold;
- thresholds that the sample cannot tell from the best one are equally good: the error is the highest of the changes
  there (the derivative of a maximum: Fang and Santos, Review of Economic Studies 2019). It is too large where the
  curve has one rounded peak.

Axes: N images, T thresholds, K of them kept (those that say the same are one), R resamples, r handled together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from camagain.statistics.accuracy import Accuracy, deviation
from camagain.statistics.bootstrap import Sampling, resample_weights
from camagain.statistics.correctness import Correct

INDISTINCT = 3.0
"""Standard errors of a paired difference within which a threshold counts as equally good as the best one.

Fixed by simulation (`benchmarks/simulations/coverage.py`): from 2.5 to 4 the intervals cover alike.
"""

PERCENT = 100.0


@dataclass(frozen=True)
class Term:
    """One accuracy in a mean of several: which table chooses the threshold, which is counted there, and the choice."""

    chooser: Correct
    counted: Correct
    index: int  # of the threshold
    gaps: np.ndarray  # (T,) how much lower the chooser is than at its best threshold, in percent
    candidates: np.ndarray  # (T,) bool: thresholds that may be the population's best

    @classmethod
    def at_best(cls, chooser: Correct, counted: Correct) -> "Term":
        """Counts where the chooser is highest; of equally good thresholds, the first."""
        curve = chooser.curve()
        index = int(curve.argmax())
        right = chooser.at(index).astype(np.float32)[None]
        both = chooser.sums(right)[0] * PERCENT / len(chooser)  # (T,) right here and at the best threshold
        gaps = curve[index] - curve
        discordant = curve + curve[index] - 2 * both
        error = np.sqrt((discordant * PERCENT - gaps**2).clip(0) / len(chooser))  # of each gap
        return cls(chooser, counted, index, gaps, gaps <= INDISTINCT * error)

    @classmethod
    def fixed(cls, counted: Correct, index: int) -> "Term":
        """Counts at a threshold that was fixed beforehand, by the first of those that say the same."""
        first = int(counted.distinct[np.searchsorted(counted.distinct, index, side="right") - 1])
        alone = np.arange(counted.thresholds) == first
        return cls(counted, counted, first, np.where(alone, 0.0, np.inf), alone)

    @property
    def value(self) -> float:
        """The accuracy in percent."""
        return float(self.counted.curve()[self.index])

    @property
    def chooses_itself(self) -> bool:
        """Whether the threshold is the best one of the table that is counted."""
        return self.chooser is self.counted or np.array_equal(self.chooser.bits, self.counted.bits)


@dataclass(frozen=True)
class Errors:
    """By how much resamples exceed the sample, for one term and a part of the thresholds, (K,) of T.

    In the readings, changes are scaled to the deviation of a share at the sample's threshold: where a curve is low, it
    varies less.
    """

    chooser: int  # the id of its table
    counted: int
    index: int  # of the sample's threshold, among K
    gaps: np.ndarray  # (K,)
    rises: np.ndarray  # (K,) how much higher the counted table is than at the sample's threshold, in percent
    candidates: np.ndarray  # some of range(K)
    unit: np.ndarray  # (K,) the deviation of the chooser
    scale: np.ndarray  # (K,) the deviation of the counted table at the sample's threshold, as a multiple of that here
    chooses_itself: bool

    @classmethod
    def of(cls, term: Term, kept: np.ndarray) -> "Errors":
        """Prepares a term; `kept` are thresholds, rising, with the first of each run that says the same."""
        images, index = len(term.counted), int(np.searchsorted(kept, term.index))
        counted = term.counted.curve()[kept]
        unit, varies = (deviation(curve, images) for curve in (term.chooser.curve()[kept], counted))
        return cls(
            id(term.chooser),
            id(term.counted),
            index,
            term.gaps[kept],
            counted - counted[index],
            np.flatnonzero(term.candidates[kept]),
            unit,
            varies[index] / varies,
            term.chooses_itself,
        )

    def read(self, changes: Mapping[int, np.ndarray]) -> np.ndarray:
        """At the sample's threshold, and in the two readings: changes (r, K) of each table -> (3, r) points."""
        moved = changes[self.chooser] / self.unit  # (r, K)
        change, rows = changes[self.counted], np.arange(len(moved))
        fixed = change[:, self.index]
        best = (moved - self.gaps / self.unit).argmax(axis=1)  # (r,)
        real = (change[rows, best] + self.rises[best]) * self.scale[best]
        best = self.candidates[moved[:, self.candidates].argmax(axis=1)]  # (r,)
        return np.stack([fixed, real, change[rows, best] * self.scale[best]])


def accuracy_at_best(pairs: Sequence[tuple[Correct, Correct]], sampling: Sampling) -> Accuracy:
    """The mean of accuracies in percent, each at the threshold where the first table of its pair is best.

    `pairs`: the table that chooses the threshold and the table that is counted there, of the same images; MaxBoxAcc
    chooses and counts in one table. Of equally good thresholds the first is taken. What is estimated is the same
    number of the population: counted where the population's chooser is best.
    """
    return accuracy_of([Term.at_best(chooser, counted) for chooser, counted in pairs], sampling)


def accuracy_at(tables: Sequence[Correct], indices: Sequence[int], sampling: Sampling) -> Accuracy:
    """The mean of accuracies in percent, each at its own fixed threshold, given by its index."""
    return accuracy_of([Term.fixed(table, index) for table, index in zip(tables, indices, strict=True)], sampling)


def accuracy_of(terms: Sequence[Term], sampling: Sampling) -> Accuracy:
    """The mean of the terms, all of the same images.

    The same seed gives the same errors, whatever the number of threads: sums of 0s and 1s are exact in float32.
    """
    images = len(terms[0].counted)
    tables = {id(table): table for term in terms for table in (term.chooser, term.counted)}  # each is summed once
    kept = np.unique(np.concatenate([table.distinct for table in tables.values()]))  # (K,)
    own = {key: table.curve()[kept] for key, table in tables.items()}  # (K,) each
    errors = [Errors.of(term, kept) for term in terms]
    drawn = []
    for weights in resample_weights(images, sampling.resamples, sampling.seed):
        sums = {key: table.sums(weights)[:, kept] for key, table in tables.items()}  # (r, K) each
        changes = {key: summed * PERCENT / images - own[key] for key, summed in sums.items()}
        drawn.append([one.read(changes) for one in errors])  # (terms, 3, r)
    found = np.concatenate(drawn, axis=2)  # (terms, 3, R)
    for one, (fixed, real, _) in zip(errors, found, strict=True):
        if not one.chooses_itself:
            real += fixed.mean() - real.mean()  # the choice may add nothing on average
    return Accuracy(float(np.mean([term.value for term in terms])), found.mean(axis=0), images)
