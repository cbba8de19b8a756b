"""The content of the files that the evaluation of one method of one model writes."""

from typing import Any

import numpy as np
import pandas as pd

from camagain.config import BASELINE, Experiment
from camagain.evaluation.iou import iou
from camagain.evaluation.score_maps import Variant, unscale_boxes
from camagain.evaluation.scored import DELTA, Scored
from camagain.evaluation.scores import Score


def metrics(
    experiment: Experiment, scored: Scored, variant: Variant | None, scores: dict[str, Score | None]
) -> dict[str, Any]:
    """The content of metrics.json: whose scores these are, how they were made, and the scores with intervals."""
    return {
        "run": experiment.run,
        "dataset": experiment.dataset.name,
        "model": scored.model.partition("/")[0],  # without the seed of a training
        "method": scored.method,
        "images": {split: len(truth.image_id) for split, truth in scored.truths.items()},
        "classes": scored.truths["test"].classes,
        "seed": experiment.seed if scored.model == BASELINE else experiment.training_seed,
        "settings": {
            **experiment.evaluation.model_dump(mode="json", exclude={"choices"}),
            "thresholds": len(scored.thresholds),
            "variant": variant,
            "tap": experiment.localization.tap if variant else None,
            "precision": experiment.localization.precision if variant else None,
        },
        "constant_maps": dict(scored.constant_maps),
        "figures": scores,
    }


def correct(scored: Scored) -> dict[str, np.ndarray]:
    """The content of correct.npz: which test images are right at which threshold, as bits (`correctness.Correct`)."""
    return {
        "image_id": np.array(scored.truths["test"].image_id),
        "threshold": scored.thresholds,
        **{f"{contours}-{delta}": table.bits for (contours, delta), table in scored.correct["test"].items()},
    }


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
                "box_acc_percent": table.curve(),
            }
        )
        for split, tables in scored.correct.items()
        for (contours, delta), table in tables.items()
    ]
    return pd.concat(parts, ignore_index=True)


def images(scored: Scored, size: int) -> pd.DataFrame:
    """The content of images.parquet: one row per test image, at the test-best threshold with the largest contour.

    x0 y0 x1 y1 are written in pixels of the original image (see `score_maps.unscale_boxes`), while `iou` is the one
    that was scored, in pixels of the map.
    """
    truth, boxes = scored.truths["test"], scored.boxes
    best = np.array([iou(box[None], true).max() for box, true in zip(boxes, truth.boxes, strict=True)])  # (N,)
    original = unscale_boxes(boxes, truth.width, truth.height, size)  # (N, 4)
    predictions = scored.predictions
    return pd.DataFrame(
        {
            "image_id": truth.image_id,
            "label": truth.label,
            "predicted": pd.array(predictions.predicted if predictions else [None] * len(best), dtype="Int64"),
            "iou": best,
            **{name: original[:, i] for i, name in enumerate(("x0", "y0", "x1", "y1"))},
            "correct": best >= DELTA,
            "class_correct": pd.array(predictions.top1 if predictions else [None] * len(best), dtype="boolean"),
        }
    )
