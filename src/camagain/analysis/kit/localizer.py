"""How well any set of maps localizes: MaxBoxAcc with its interval, as the evaluation stage scores. Without torch."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from camagain.config import Experiment
from camagain.evaluation.boxes import best_ious
from camagain.evaluation.inputs import Truth
from camagain.evaluation.metrics import best_of
from camagain.evaluation.score_maps import score_maps
from camagain.evaluation.scored import DELTA, threshold_grid
from camagain.evaluation.swept import equal_maps, replaced
from camagain.statistics.accuracies import accuracy_at_best
from camagain.statistics.accuracy import Accuracy
from camagain.statistics.bootstrap import Sampling
from camagain.statistics.correctness import Correct


@dataclass(frozen=True)
class Localized:
    """MaxBoxAcc of one set of maps on the images of a truth."""

    percent: float
    low_percent: float
    high_percent: float
    threshold: float  # best on these images
    correct: Correct  # which image is right at which threshold
    accuracy: Accuracy  # the score with its errors; resample i holds the same images in every set of maps

    @property
    def right(self) -> np.ndarray:
        """Which images are right at that threshold, (N,) bool."""
        return self.correct.at(best_of(self.correct.curve())[1])

    def columns(self) -> dict[str, float]:
        """The score as columns of a tidy table."""
        return {
            "max_box_acc_percent": self.percent,
            "max_box_acc_low_percent": self.low_percent,
            "max_box_acc_high_percent": self.high_percent,
            "threshold": self.threshold,
        }


LOCALIZED_COLUMNS = ("max_box_acc_percent", "max_box_acc_low_percent", "max_box_acc_high_percent", "threshold")


def localize_by(maps: Iterable[np.ndarray], truth: Truth, experiment: Experiment) -> Localized:
    """MaxBoxAcc of N maps (h, w) at the resolution of the feature grid, finished as `described`.

    The same size, interpolation and thresholds as the experiment's evaluation, largest contour, IoU 0.5; the interval
    is bootstrapped over images and knows that the threshold was chosen. Constant maps count as wrong.
    """
    settings = experiment.evaluation
    return localize_finished(score_maps(maps, settings.size, settings.interpolation), truth.boxes, experiment)


def localize_each(maps: Mapping[str, np.ndarray], truth: Truth, experiment: Experiment) -> dict[str, Localized]:
    """`localize_by` of several sets of maps, each (N, h, w). What an earlier set has, too, is not searched again."""
    settings = experiment.evaluation
    found: dict[str, Localized] = {}
    for name, own in maps.items():
        rows, known = np.arange(len(own)), None
        for other, result in found.items():
            new = np.flatnonzero(~equal_maps(own, maps[other]))
            if len(new) < len(rows):
                rows, known = new, result.correct
        finished = score_maps(own[rows], settings.size, settings.interpolation)
        correct = correct_boxes(finished, truth.take(rows).boxes, experiment)
        if known is not None:
            correct = Correct(replaced(known.bits, rows, correct.bits), known.thresholds)
        found[name] = localized(correct, experiment)
    return found


def localize_finished(maps: Iterable[np.ndarray], boxes: list[np.ndarray], experiment: Experiment) -> Localized:
    """The same for maps (H, W) in [0, 1] that are already at the size at which their boxes are given."""
    return localized(correct_boxes(maps, boxes, experiment), experiment)


def correct_boxes(maps: Iterable[np.ndarray], boxes: list[np.ndarray], experiment: Experiment) -> Correct:
    """Which of N finished maps (H, W) give a right box at which threshold: largest contour, IoU 0.5."""
    return Correct.of(best_ious(maps, boxes, threshold_grid(experiment.evaluation.threshold_step)) >= DELTA)  # (N, T)


def localized(correct: Correct, experiment: Experiment) -> Localized:
    """MaxBoxAcc and its interval, from which boxes are right at the experiment's thresholds."""
    settings = experiment.evaluation
    best = best_of(correct.curve())[1]
    sampling = Sampling(settings.bootstrap, settings.confidence, experiment.seed)
    accuracy = accuracy_at_best([(correct, correct)], sampling)
    found = accuracy.estimate(sampling.confidence)
    threshold = round(float(threshold_grid(settings.threshold_step)[best]), 9)
    return Localized(found.value, found.low, found.high, threshold, correct, accuracy)
