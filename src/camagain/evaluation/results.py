"""The three files that the evaluation of one method of one model writes: metrics.json, curve.csv, images.parquet."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from camagain.config import Experiment
from camagain.evaluation import uncertainty
from camagain.evaluation.contours import Contours
from camagain.evaluation.inputs import Predictions, Truth
from camagain.evaluation.metrics import (
    DELTAS,
    box_acc_at,
    box_accuracy_curve,
    max_box_acc,
    max_box_acc_v2,
    top1_loc_at,
)
from camagain.evaluation.score_maps import unscale_boxes
from camagain.evaluation.uncertainty import Interval

DELTA = 0.5
"""The IoU that makes a box correct, in every figure but MaxBoxAccV2."""


@dataclass(frozen=True)
class Scored:
    """One method of one model, scored: everything that the files are made of."""

    model: str
    method: str
    truths: Mapping[str, Truth]  # val and test
    ious: Mapping[str, Mapping[Contours, np.ndarray]]  # split -> contours -> (N, T)
    thresholds: np.ndarray  # (T,)
    predictions: Predictions | None  # of test; None for what does not classify

    @cached_property
    def best(self) -> int:
        """Index of the threshold with the highest box accuracy on test, largest contour, IoU 0.5."""
        return max_box_acc(self.ious["test"]["largest"], DELTA)[1]

    def threshold(self, index: int) -> float:
        """A threshold as it is written: without the last digits that binary fractions add to multiples of the step."""
        return round(float(self.thresholds[index]), 9)


def metrics(experiment: Experiment, scored: Scored) -> dict[str, Any]:
    """The content of metrics.json: whose figures these are, how they were made, and the figures with intervals."""
    evaluation, localization = experiment.evaluation, experiment.localization
    return {
        "run": experiment.run,
        "dataset": experiment.dataset.name,
        "model": scored.model,
        "method": scored.method,
        "images": {split: len(truth.image_id) for split, truth in scored.truths.items()},
        "classes": scored.truths["test"].classes,
        "seed": experiment.seed,
        "settings": {
            **evaluation.model_dump(mode="json"),
            "thresholds": len(scored.thresholds),
            "variant": localization.variant if scored.predictions else None,
        },
        "figures": figures(experiment, scored),
    }


def figures(experiment: Experiment, scored: Scored) -> dict[str, Any]:
    """Every figure of the test split as {value, low, high, unit, ...}; those that need a class are None without one."""
    confidence = experiment.evaluation.confidence
    sampling: dict[str, Any] = {
        "resamples": experiment.evaluation.bootstrap,
        "confidence": confidence,
        "seed": experiment.seed,
    }
    largest, every = scored.ious["test"]["largest"], scored.ious["test"]["all"]
    chosen_on_val = max_box_acc(scored.ious["val"]["largest"], DELTA)[1]

    def share(correct: np.ndarray) -> dict[str, Any]:
        return _figure(
            float(np.count_nonzero(correct) * 100.0 / len(correct)), uncertainty.wilson_interval(correct, confidence)
        )

    by_delta = {delta: max_box_acc(every, delta) for delta in DELTAS}
    result: dict[str, Any] = {
        "top1": None,
        "top5": None,
        "max_box_acc": {
            **_figure(max_box_acc(largest, DELTA)[0], uncertainty.max_box_acc_interval(largest, DELTA, **sampling)),
            "delta": DELTA,
            "contours": "largest",
            "threshold": scored.threshold(scored.best),
            "threshold_chosen_on": "test",
        },
        "max_box_acc_v2": {
            **_figure(max_box_acc_v2(every), uncertainty.max_box_acc_v2_interval(every, **sampling)),
            "contours": "all",
            "threshold_chosen_on": "test",
            "by_delta": [
                {"delta": delta, "value": value, "threshold": scored.threshold(index)}
                for delta, (value, index) in by_delta.items()
            ],
        },
        "box_acc_val_threshold": {
            **_figure(
                box_acc_at(largest, chosen_on_val, DELTA),
                uncertainty.wilson_interval(largest[:, chosen_on_val] >= DELTA, confidence),
            ),
            "delta": DELTA,
            "contours": "largest",
            "threshold": scored.threshold(chosen_on_val),
            "threshold_chosen_on": "val",
        },
        "top1_loc": None,
    }
    if scored.predictions is not None:
        top1 = scored.predictions.top1
        result["top1"] = share(top1)
        result["top5"] = share(scored.predictions.top5)
        result["top1_loc"] = {
            **_figure(
                top1_loc_at(largest, top1, scored.best, DELTA),
                uncertainty.top1_loc_interval(largest, top1, DELTA, **sampling),
            ),
            "delta": DELTA,
            "contours": "largest",
            "threshold": scored.threshold(scored.best),
            "threshold_chosen_on": "test",
        }
    return result


def curve(scored: Scored) -> pd.DataFrame:
    """The content of curve.csv: box accuracy in percent for each split, choice of contours, delta and threshold."""
    thresholds = [scored.threshold(i) for i in range(len(scored.thresholds))]
    parts = [
        pd.DataFrame(
            {
                "split": split,
                "contours": contours,
                "delta": delta,
                "threshold": thresholds,
                "box_acc_percent": box_accuracy_curve(ious, delta),
            }
        )
        for split, by_contours in scored.ious.items()
        for contours, ious in by_contours.items()
        for delta in DELTAS
    ]
    return pd.concat(parts, ignore_index=True)


def images(scored: Scored, boxes: np.ndarray, size: int) -> pd.DataFrame:
    """The content of images.parquet: one row per test image, at the test-best threshold with the largest contour.

    `boxes` are the chosen boxes (N, 4) in pixels of the map; x0 y0 x1 y1 are written in pixels of the original image
    (see `score_maps.unscale_boxes`), while `iou` is the one that was scored, in pixels of the map.
    """
    truth = scored.truths["test"]
    iou = scored.ious["test"]["largest"][:, scored.best]  # (N,)
    original = unscale_boxes(boxes, truth.width, truth.height, size)  # (N, 4)
    predictions = scored.predictions
    return pd.DataFrame(
        {
            "image_id": truth.image_id,
            "label": truth.label,
            "predicted": pd.array(predictions.predicted if predictions else [None] * len(iou), dtype="Int64"),
            "iou": iou,
            **{name: original[:, i] for i, name in enumerate(("x0", "y0", "x1", "y1"))},
            "correct": iou >= DELTA,
            "class_correct": pd.array(predictions.top1 if predictions else [None] * len(iou), dtype="boolean"),
        }
    )


def _figure(value: float, interval: Interval) -> dict[str, Any]:
    return {"value": value, "low": interval.low, "high": interval.high, "unit": "percent"}
