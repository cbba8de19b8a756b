"""The scores of one method of one model: their values on the test split, intervals, and thresholds.

Every score that depends on a threshold comes twice. Under its own name the threshold is the best on the test split, as
in the literature, so that scores can be compared. Under `<name>_val_threshold` it is the best on val, as for someone
without test boxes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from camagain.evaluation.metrics import DELTAS, best_of
from camagain.evaluation.pxap import pixel_average_precision, pxap_interval
from camagain.evaluation.scored import DELTA, Scored
from camagain.statistics.accuracies import accuracy_at, accuracy_at_best
from camagain.statistics.bootstrap import Interval, Sampling, wilson_interval
from camagain.statistics.correctness import Correct

Score = dict[str, Any]
"""value, low, high, unit, and whatever else a reader of the number needs."""


@dataclass(frozen=True)
class Part:
    """One accuracy at one threshold: which boxes choose the threshold, and which images count there."""

    delta: float
    choosing: Correct  # test
    choosing_on_val: Correct | None  # None where there are no images to choose on
    counted: Correct  # test


def scores(scored: Scored, true_class: bool, sampling: Sampling) -> dict[str, Score | None]:
    """Every score of docs/metrics.md by name; None where it does not apply.

    `true_class`: the maps are of the ground-truth class. GT-known Loc and Top-5 Loc are defined only then: a box must
    be right for a class that need not be predicted first.
    """
    largest = part(scored, "largest", DELTA)
    every = [part(scored, "all", delta) for delta in DELTAS]
    predictions = scored.predictions
    made: dict[str, Score | None] = {"top1": None, "top5": None}
    if predictions is not None:
        made["top1"] = share(predictions.top1, sampling)
        made["top5"] = share(predictions.top5, sampling)
    made |= twice("max_box_acc", [largest], scored, sampling)
    made |= twice("max_box_acc_v2", every, scored, sampling)
    top1 = counting(largest, predictions.top1) if predictions else None
    top5 = counting(largest, predictions.top5) if predictions and true_class else None
    made |= twice("top1_loc", [top1] if top1 else None, scored, sampling)
    made |= twice("top5_loc", [top5] if top5 else None, scored, sampling)
    made |= twice("gt_known_loc", [largest] if predictions and true_class else None, scored, sampling)
    made["pxap"] = None
    if scored.pixels is not None:
        value = pixel_average_precision(scored.pixels.sum(axis=0, dtype=np.int64))
        made["pxap"] = entry(value, pxap_interval(scored.pixels, sampling))
    return made


def part(scored: Scored, contours: str, delta: float) -> Part:
    """Box accuracy at one IoU, whose threshold is chosen by itself."""
    test = scored.correct["test"][contours, delta]
    val = scored.correct.get("val")
    return Part(delta, test, val[contours, delta] if val else None, test)


def counting(boxes: Part, condition: np.ndarray) -> Part:
    """The same threshold, but an image counts only if it also meets a condition, (N,) bool."""
    return Part(boxes.delta, boxes.choosing, boxes.choosing_on_val, boxes.counted.where(condition))


def twice(name: str, parts: Sequence[Part] | None, scored: Scored, sampling: Sampling) -> dict[str, Score | None]:
    """The mean of some accuracies, each at the threshold best on test, and again at those best on val."""
    keys = name, f"{name}_val_threshold"
    if parts is None:
        return dict.fromkeys(keys)
    made: dict[str, Score | None] = {}
    for key, chosen_on in zip(keys, ("test", "val"), strict=True):
        found = [part.choosing if chosen_on == "test" else part.choosing_on_val for part in parts]
        choosers = [chooser for chooser in found if chooser is not None]
        if not choosers:
            made[key] = None
            continue
        indices = [best_of(chooser.curve())[1] for chooser in choosers]
        values = [float(part.counted.curve()[index]) for part, index in zip(parts, indices, strict=True)]
        by_delta = [
            {"delta": part.delta, "value": value, "threshold": scored.threshold(index)}
            for part, value, index in zip(parts, values, indices, strict=True)
        ]
        made[key] = {
            **entry(float(np.mean(values)), interval(parts, indices, chosen_on, sampling)),
            "threshold_chosen_on": chosen_on,
            **(by_delta[0] | {"value": values[0]} if len(parts) == 1 else {"by_delta": by_delta}),
        }
    return made


def interval(parts: Sequence[Part], indices: Sequence[int], chosen_on: str, sampling: Sampling) -> Interval:
    """Wilson's interval of one share at a fixed threshold; otherwise bootstrapped."""
    if chosen_on == "test":
        found = accuracy_at_best([(part.choosing, part.counted) for part in parts], sampling)
    elif len(parts) == 1:
        return wilson_interval(parts[0].counted.at(indices[0]), sampling.confidence)
    else:
        found = accuracy_at([part.counted for part in parts], indices, sampling)
    estimate = found.estimate(sampling.confidence)
    return Interval(estimate.low, estimate.high)


def share(correct: np.ndarray, sampling: Sampling) -> Score:
    """A share of images without any threshold, (N,) bool."""
    value = float(np.count_nonzero(correct) * 100.0 / len(correct))
    return entry(value, wilson_interval(correct, sampling.confidence))


def entry(value: float, bounds: Interval) -> Score:
    """A value with its interval, in percent."""
    return {"value": value, "low": bounds.low, "high": bounds.high, "unit": "percent"}
