"""How accuracy and localization change with a corruption, and with the loss of shape against the loss of texture.

Without torch. Axes: N images, h x w cells of the feature grid, S x S pixels of the finished maps.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from camagain.analysis.kit.localizer import Localized, correct_boxes, localize_finished, localized
from camagain.analysis.kit.mass import box_regions, shares
from camagain.analysis.texture.corruptions import Corruption, Loss
from camagain.analysis.texture.patches import carry_map, put_back_map
from camagain.config import Experiment
from camagain.evaluation.inputs import Truth
from camagain.evaluation.masks import OBJECT
from camagain.evaluation.score_maps import score_maps
from camagain.evaluation.swept import replaced
from camagain.statistics.bootstrap import Sampling, wilson_interval
from camagain.statistics.correctness import Correct
from camagain.statistics.estimates import Number, mean_percent

CHANGING = ("top1", "max_box_acc", "mass_in_box")
"""Scores whose change is given, as `<score>_change_points`."""

BOUNDS = ("", "_low", "_high")


@dataclass(frozen=True)
class Scored:
    """One network under one corruption: columns of a tidy table, and changes in points by score."""

    columns: dict[str, float]
    changes: dict[str, Number]

    def joined(self, other: "Scored") -> "Scored":
        return Scored(self.columns | other.columns, self.changes | other.changes)


@dataclass(frozen=True)
class Boxes:
    """How well one set of maps localizes, with and without a threshold."""

    localized: Localized
    masses: np.ndarray  # (N,) share of each map inside the true boxes


@dataclass(frozen=True)
class Scorer:
    """Scores classes and maps of corrupted images, as the experiment's evaluation does."""

    experiment: Experiment
    truth: Truth  # of the N images

    @property
    def sampling(self) -> Sampling:
        settings = self.experiment.evaluation
        return Sampling(settings.bootstrap, settings.confidence, self.experiment.seed)

    def finished(self, maps: np.ndarray, kind: Corruption) -> Iterator[np.ndarray]:
        """Maps of the corrupted images as maps of the images, one at a time: (N, h, w) -> N of (S, S) in [0, 1]."""
        size, interpolation = self.experiment.evaluation.size, self.experiment.evaluation.interpolation
        if kind.name != "patches":
            yield from score_maps(maps, size, interpolation)
            return
        for score_map, image_id in zip(maps, self.truth.image_id, strict=True):
            yield put_back_map(score_map, kind.order(self.experiment.seed, image_id), size, interpolation)

    def carried(self, maps: np.ndarray, kind: Corruption) -> np.ndarray:
        """Maps of the clean images as the feature grid would show them on shuffled ones: (N, h, w) -> same."""
        size, interpolation = self.experiment.evaluation.size, self.experiment.evaluation.interpolation
        orders = (kind.order(self.experiment.seed, image_id) for image_id in self.truth.image_id)
        return np.stack([carry_map(one, order, size, interpolation) for one, order in zip(maps, orders, strict=True)])

    def classes(self, predicted: np.ndarray, clean: np.ndarray) -> Scored:
        """Top-1 with Wilson's interval, and its change: predicted classes (N,) of corrupted and of clean images."""
        correct = predicted == self.truth.label
        low, high = wilson_interval(correct, self.sampling.confidence)
        change = mean_percent(correct * 1.0 - (clean == self.truth.label), self.sampling)
        return Scored(columns("top1", "percent", 100 * float(correct.mean()), low, high), {"top1": change})

    def boxes(self, maps: np.ndarray, kind: Corruption) -> Boxes:
        """MaxBoxAcc, and the mass inside the true boxes: maps (N, h, w) of corrupted images.

        Mass needs no threshold and no contour: it shows what is left where an object was cut into pieces. A map of
        zeros counts as spread evenly: its mass is the boxes' share of the area.
        """
        localized = localize_finished(self.finished(maps, kind), self.truth.boxes, self.experiment)
        regions = box_regions(self.truth, self.experiment.evaluation.size)
        pairs = [shares(one, inside, 2) for one, inside in zip(self.finished(maps, kind), regions, strict=True)]
        masses = [area[OBJECT] if np.isnan(mass[OBJECT]) else mass[OBJECT] for mass, area in pairs]
        return Boxes(localized, np.array(masses))

    def by_prediction(self, maps: np.ndarray, true_maps: np.ndarray, true: Boxes, kind: Corruption) -> Localized:
        """MaxBoxAcc with maps of the predicted class (N, h, w); where they are those of the true class, as `true`."""
        other = np.flatnonzero((maps != true_maps).any((1, 2)))
        part = Scorer(self.experiment, self.truth.take(other))
        new = correct_boxes(part.finished(maps[other], kind), part.truth.boxes, self.experiment)
        bits = replaced(true.localized.correct.bits, other, new.bits)  # (N, T / 8)
        return localized(Correct(bits, new.thresholds), self.experiment)

    def compared(self, boxes: Boxes, control: Boxes, by_prediction: Localized) -> Scored:
        """Boxes of one corruption as columns, and their changes against the control.

        Both use maps of the true class, which stay comparable where the network errs.
        """
        found, other = boxes.localized, control.localized
        mass = mean_percent(boxes.masses, self.sampling).estimate(self.sampling.confidence)
        made = {"threshold": found.threshold, "mass_in_box_control_percent": 100 * float(control.masses.mean())}
        for name, one in {"": found, "_control": other, "_predicted": by_prediction}.items():
            made |= columns(f"max_box_acc{name}", "percent", one.percent, one.low_percent, one.high_percent)
        made |= columns("mass_in_box", "percent", mass.value, mass.low, mass.high)
        change = found.accuracy - other.accuracy
        mass_change = mean_percent(boxes.masses - control.masses, self.sampling)
        return Scored(made, {"max_box_acc": change, "mass_in_box": mass_change})

    def mean_box_area(self) -> float:
        """The mean share of the image's area inside the true boxes."""
        regions = box_regions(self.truth, self.experiment.evaluation.size)
        return float(np.mean([np.mean(inside == OBJECT) for inside in regions]))


def contrasts(losses: Sequence[Loss], changes: Sequence[Mapping[str, Number]]) -> dict[str, dict[str, Number]]:
    """What the loss of shape and the loss of texture do on average, and the contrast of the two.

    `losses` and `changes` are of the same corruptions. Returns for each score `shape` and `texture`, the mean of its
    changes where that is lost, and `contrast`, texture minus shape, above 0 where losing shape costs more. The measure
    is our own. It depends on how strong the corruptions are: it compares networks under the same ones, and its sign
    says little by itself.
    """
    made: dict[str, dict[str, Number]] = {"shape": {}, "texture": {}, "contrast": {}}
    for name in CHANGING:
        for loss in ("shape", "texture"):
            pairs = zip(losses, changes, strict=True)
            found = [scores[name] for lost, scores in pairs if lost == loss and name in scores]
            if found:
                made[loss][name] = type(found[0]).mean(found)
        if name in made["shape"] and name in made["texture"]:
            made["contrast"][name] = made["texture"][name] - made["shape"][name]
    return made


def change_columns(changes: Mapping[str, Number], confidence: float) -> dict[str, float]:
    """Changes as columns of a tidy table."""
    made: dict[str, float] = {}
    for name, change in changes.items():
        found = change.estimate(confidence)
        made |= columns(f"{name}_change", "points", found.value, found.low, found.high)
    return made


def columns(name: str, unit: str, *values: float) -> dict[str, float]:
    """A value and its bounds under the names of their columns."""
    return {f"{name}{bound}_{unit}": value for bound, value in zip(BOUNDS, values, strict=True)}


def chance_percent(label: np.ndarray) -> float:
    """The accuracy of always naming the most frequent class, (N,) -> percent."""
    return 100 * float(np.bincount(label).max()) / len(label)
