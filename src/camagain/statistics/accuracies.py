"""Accuracies of box tables at thresholds that are chosen or fixed, with what the bootstrap says of their errors.

MaxBoxAcc is the highest point of a curve over thresholds. Chance lifts the highest point of a sample's curve above that
of the population, which is what is estimated, and the more so the flatter the curve. Drawing again from the sample
lifts it a second time. So what the choice adds is read in two ways from the same draws, and the interval of `Accuracy`
holds what either reading allows:

- the gaps between the sample's thresholds are real: the error is the resample's maximum less the sample's, as in the
  basic bootstrap (Davison and Hinkley 1997). It is too small where the curve is flat. Where another table chooses, the
  choice may add nothing, and the error is that at a fixed threshold;
- thresholds that the sample cannot tell from the best one are equally good: the error is the highest of the changes
  there (the derivative of a maximum: Fang and Santos, Review of Economic Studies 2019). It is too large where the
  curve has one rounded peak.

Axes: N images, T thresholds, R resamples, r of them handled together.
"""

from collections.abc import Iterator, Sequence
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
        """Counts at a threshold that was fixed beforehand."""
        alone = np.arange(counted.thresholds) == index
        return cls(counted, counted, index, np.where(alone, 0.0, np.inf), alone)

    @property
    def chooses_itself(self) -> bool:
        """Whether the threshold is the best one of the table that is counted."""
        return self.chooser is self.counted or np.array_equal(self.chooser.bits, self.counted.bits)

    @property
    def value(self) -> float:
        """The accuracy in percent."""
        return float(self.counted.curve()[self.index])


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
    own = {key: table.curve() for key, table in tables.items()}  # (T,) each
    drawn = []
    for weights in resample_weights(images, sampling.resamples, sampling.seed):
        changes = {key: table.sums(weights) * PERCENT / images - own[key] for key, table in tables.items()}  # (r, T)
        drawn.append(np.mean([list(errors(term, own, changes)) for term in terms], axis=0))  # (3, r)
    return Accuracy(float(np.mean([term.value for term in terms])), np.concatenate(drawn, axis=1), images)


def errors(term: Term, own: dict[int, np.ndarray], changes: dict[int, np.ndarray]) -> Iterator[np.ndarray]:
    """By how much resamples exceed the sample, in points: at its own threshold, and in the two readings, (r,) each.

    `own`: curves (T,) of the sample, `changes`: by how much those of the resamples differ, (r, T). In the readings,
    changes are scaled to the deviation of a share at the sample's threshold: where a curve is low, it varies less.
    """
    chooser, counted = own[id(term.chooser)], own[id(term.counted)]
    change = changes[id(term.counted)]
    yield change[:, term.index]
    images, rows = len(term.counted), np.arange(len(change))
    unit = deviation(chooser, images)  # (T,)
    scale = deviation(counted[term.index], images) / deviation(counted, images)  # (T,)
    moved = changes[id(term.chooser)] / unit  # (r, T)
    real = (moved - term.gaps / unit).argmax(axis=1)  # (r,)
    yield (change - term.gaps)[rows, real] * scale[real] if term.chooses_itself else change[:, term.index]
    equal = np.where(term.candidates, moved, -np.inf).argmax(axis=1)  # (r,)
    yield change[rows, equal] * scale[equal]
