"""Accuracies of box tables with their values in resamples of the images, at thresholds that are chosen or fixed.

Axes: N images, T thresholds, R resamples, r of them handled together.
"""

from collections.abc import Callable, Sequence

import numpy as np

from camagain.statistics.bootstrap import Sampling, resample_weights
from camagain.statistics.correctness import Correct
from camagain.statistics.estimates import Resampled

Curves = Sequence[np.ndarray]
"""The accuracies of some tables at each threshold, (r, T) percent each."""


def accuracy_at_best(pairs: Sequence[tuple[Correct, Correct]], sampling: Sampling) -> Resampled:
    """The mean of accuracies in percent, each at the threshold where the first table of its pair is best.

    `pairs`: the table that chooses the threshold and the table that is counted there, of the same images; MaxBoxAcc
    chooses and counts in one table. Of equally good thresholds the first is taken. In every resample the threshold is
    chosen anew.
    """
    choosers, counted = zip(*pairs, strict=True)
    return resampled(
        [*choosers, *counted], lambda curves: _mean_at_best(curves[: len(pairs)], curves[len(pairs) :]), sampling
    )


def accuracy_at(tables: Sequence[Correct], indices: Sequence[int], sampling: Sampling) -> Resampled:
    """The mean of accuracies in percent, each at its own fixed threshold, given by its index."""

    def mean_at_indices(curves: Curves) -> np.ndarray:
        return np.mean([curve[:, index] for curve, index in zip(curves, indices, strict=True)], axis=0)  # (r,)

    return resampled(tables, mean_at_indices, sampling)


def resampled(tables: Sequence[Correct], statistic: Callable[[Curves], np.ndarray], sampling: Sampling) -> Resampled:
    """What is computed from the curves of tables of the same images, (r, T) percent each -> (r,).

    The same seed gives the same values, whatever the number of threads: sums of 0s and 1s are exact in float32. Where
    every image is correct, or none, nothing varies from resample to resample.
    """
    images = len(tables[0])
    distinct = {id(table): table for table in tables}  # the curves of a table that occurs twice are computed once
    drawn = []
    for weights in resample_weights(images, sampling.resamples, sampling.seed):
        curves = {key: table.sums(weights) * 100.0 / images for key, table in distinct.items()}  # (r, T) each
        drawn.append(statistic([curves[id(table)] for table in tables]))
    value = float(statistic([table.curve()[None] for table in tables])[0])
    return Resampled(value, np.concatenate(drawn))


def _mean_at_best(choosers: Curves, counted: Curves) -> np.ndarray:
    """The mean of the counted curves, each where its chooser is highest: (r, T) each -> (r,)."""
    rows = np.arange(len(counted[0]))
    found = [curve[rows, chooser.argmax(axis=1)] for chooser, curve in zip(choosers, counted, strict=True)]
    return np.mean(found, axis=0)
