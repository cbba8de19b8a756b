"""The evaluation stage: from the stored score maps of a model to its figures, curves and per-image results."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from camagain.artifacts import RunPaths, write_csv, write_json, write_parquet
from camagain.config import Experiment
from camagain.evaluation import results
from camagain.evaluation.baselines import BASELINES
from camagain.evaluation.boxes import best_ious_by_contours, boxes_at, repeated_map_ious
from camagain.evaluation.inputs import Predictions, Truth, read_maps, read_predictions, read_truths
from camagain.evaluation.results import Scored
from camagain.evaluation.score_maps import score_maps
from camagain.progress import track


def evaluate_model(experiment: Experiment, model: str, paths: RunPaths) -> None:
    """Scores every localization method of one model and writes `evaluation/<model>/<method>/` (docs/artifacts.md).

    Reads the index and the model's maps.npz and predictions.parquet. Maps are upsampled one at a time; what grows with
    the dataset is the table of IoUs, images x thresholds x 16 bytes. UserError, naming image and file, when maps or
    predictions do not cover exactly the images of the val and test splits or hold NaN.
    """
    experiment.model(model)
    truths = read_truths(paths.index, experiment.evaluation.size)
    folder = paths.localization(model)
    predictions = read_predictions(folder / "predictions.parquet", truths["test"], "test")
    for method in experiment.localization.methods:
        maps = read_maps(folder / "maps.npz", method, truths)
        evaluate_method(experiment, paths, model, method, truths, maps, predictions)


def evaluate_method(
    experiment: Experiment,
    paths: RunPaths,
    model: str,
    method: str,
    truths: Mapping[str, Truth],
    maps: Mapping[str, np.ndarray],
    predictions: Predictions | None,
) -> None:
    """Scores one method: maps of val and test, (N, h, w) each in the order of their truth."""
    settings = experiment.evaluation
    thresholds = threshold_grid(settings.threshold_step)

    def upsampled(split: str, doing: str) -> Iterator[np.ndarray]:
        each = score_maps(maps[split], settings.size, settings.interpolation)
        return track(each, len(maps[split]), f"{doing} {model} {method} {split}")

    ious = {
        split: best_ious_by_contours(upsampled(split, "evaluate"), truth.boxes, thresholds, experiment.compute.threads)
        for split, truth in truths.items()
    }
    scored = Scored(model, method, truths, ious, thresholds, predictions)
    boxes = _boxes_of(upsampled("test", "boxes"), thresholds[scored.best])  # (N, 4)
    _write(experiment, paths, scored, boxes)


def evaluate_baselines(experiment: Experiment, paths: RunPaths) -> None:
    """Scores the maps that never look at the image and writes `evaluation/baseline/<name>/`, without class figures."""
    settings = experiment.evaluation
    thresholds = threshold_grid(settings.threshold_step)
    truths = read_truths(paths.index, settings.size)
    for method, make_map in BASELINES.items():
        score_map = make_map(settings.size)
        ious = {split: repeated_map_ious(score_map, truth.boxes, thresholds) for split, truth in truths.items()}
        scored = Scored("baseline", method, truths, ious, thresholds, None)
        box = _boxes_of([score_map], thresholds[scored.best])  # (1, 4)
        _write(experiment, paths, scored, box.repeat(len(truths["test"].image_id), axis=0))


def threshold_grid(step: float) -> np.ndarray:
    """0, step, 2 step ... below 1: (T,) float64, to the last bit the grid of wsolevaluation."""
    return np.arange(0, 1, step)


def _boxes_of(maps: Iterable[np.ndarray], threshold: float) -> np.ndarray:
    """The box of the largest contour of each of N maps at one threshold: (N, 4)."""
    return np.concatenate([boxes_at(score_map, np.array([threshold]))[0] for score_map in maps])


def _write(experiment: Experiment, paths: RunPaths, scored: Scored, boxes: np.ndarray) -> None:
    """Writes the three files; metrics.json last, so that its presence means that the others are there."""
    folder = paths.evaluation(scored.model, scored.method)
    write_csv(folder / "curve.csv", results.curve(scored))
    write_parquet(folder / "images.parquet", results.images(scored, boxes, experiment.evaluation.size))
    write_json(folder / "metrics.json", results.metrics(experiment, scored))
