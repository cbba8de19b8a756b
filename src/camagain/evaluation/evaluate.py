"""The evaluation stage: from the stored score maps of a model to its scores, curves and per-image results."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from camagain.artifacts import RunPaths, write_csv, write_json, write_npz, write_parquet
from camagain.config import BASELINE, Evaluation, Experiment
from camagain.config.methods import declared, scored_under_choices, uses_true_class
from camagain.evaluation import results
from camagain.evaluation.baselines import BASELINES
from camagain.evaluation.boxes import LargestBoxes
from camagain.evaluation.choices import choices_table, own_way, steps_of
from camagain.evaluation.inputs import Predictions, Truth, read_maps, read_predictions, read_regions, read_truths
from camagain.evaluation.pxap import bin_edges, pixel_histograms
from camagain.evaluation.score_maps import Variant, score_maps
from camagain.evaluation.scored import Scored, Tables, sweep, threshold_grid
from camagain.evaluation.scores import scores
from camagain.evaluation.ways import Finished, finished
from camagain.evaluation.workers import processes
from camagain.progress import track
from camagain.statistics.bootstrap import Sampling


@dataclass(frozen=True)
class Method:
    """One localization method of one model, before it is scored."""

    model: str
    name: str
    maps: Mapping[str, Sequence[np.ndarray] | np.ndarray]  # by split, N of (h, w), in the order of its truth
    variant: Variant | None  # how the maps are finished; None: they are as they are scored
    predictions: Predictions | None

    @property
    def true_class(self) -> bool:
        return uses_true_class(self.name)


def evaluate_model(experiment: Experiment, model: str, paths: RunPaths) -> None:
    """Scores every localization method of one model and writes `evaluation/<model>/<method>/` (docs/artifacts.md).

    Reads the index and the model's maps.npz and predictions.parquet. Maps are upsampled one at a time; what grows with
    the dataset is 3 kB of results for each image and method, and 8 kB where the image has a mask. UserError, naming
    image and file, when maps or predictions do not cover exactly the images of the val and test splits or hold NaN.
    """
    truths = read_truths(paths.index, experiment.evaluation.size)
    predictions = read_predictions(paths.predictions(model), truths["test"], "test")
    swept: dict[Finished, Mapping[float, Tables]] = {}
    count = sum(len(truth.boxes) for truth in truths.values()) * len(experiment.localization.methods)
    with processes(experiment.compute.threads, count * experiment.evaluation.size**2) as executor:
        for name in experiment.localization.methods:
            maps = read_maps(paths.maps(model), name, truths)
            method = Method(model, name, maps, variant_of(experiment, name), predictions)
            scored = evaluate_method(experiment, paths, method, truths, executor)
            if declared(name).choices:
                swept[finished(name, own_way(experiment), own_way(experiment))] = scored.test_by_step
        for name in experiment.localization.methods:
            if scored_under_choices(name):
                table = choices_table(experiment, paths, model, name, swept, executor)
                write_csv(paths.choices(model, name), table)


def evaluate_baselines(experiment: Experiment, paths: RunPaths) -> None:
    """Scores the maps that never look at the image and writes `evaluation/baseline/<name>/`, without class scores."""
    truths = read_truths(paths.index, experiment.evaluation.size)
    for name, make_map in BASELINES.items():
        score_map = make_map(experiment.evaluation.size)
        maps = {
            split: np.broadcast_to(score_map, (len(truth.boxes), *score_map.shape)) for split, truth in truths.items()
        }
        evaluate_method(experiment, paths, Method(BASELINE, name, maps, None, None), truths, None)


def evaluate_method(
    experiment: Experiment, paths: RunPaths, method: Method, truths: Mapping[str, Truth], executor: Executor | None
) -> Scored:
    """Scores one method and writes its files, metrics.json last: where it is, the others are."""
    settings = experiment.evaluation
    scored = score_method(settings, method, truths, executor)
    sampling = Sampling(settings.bootstrap, settings.confidence, experiment.seed)
    write_csv(paths.curve(method.model, method.name), results.curve(scored))
    write_parquet(paths.images(method.model, method.name), results.images(scored, settings.size))
    write_npz(paths.correct(method.model, method.name), **results.correct(scored))
    write_json(
        paths.metrics(method.model, method.name),
        results.metrics(experiment, scored, method.variant, scores(scored, method.true_class, sampling)),
    )
    return scored


def score_method(
    settings: Evaluation, method: Method, truths: Mapping[str, Truth], executor: Executor | None
) -> Scored:
    """Boxes of both splits against the truth, and pixels of test against masks where every test image has one."""
    steps = steps_of(settings)
    thresholds = threshold_grid(steps[0])
    edges = bin_edges(thresholds)
    regions = read_regions(truths["test"], settings.size)
    pixels: list[np.ndarray] = []
    constant = dict.fromkeys(truths, 0)

    def observed(split: str) -> Iterator[np.ndarray]:
        for score_map in upsampled(settings, method, split):
            constant[split] += not score_map.any()  # a map of one value is normalised to zeros
            if split == "test" and regions is not None:
                pixels.append(pixel_histograms(score_map, next(regions), edges).astype(np.uint32))
            yield score_map

    largest = LargestBoxes.unknown(len(truths["test"].boxes))
    swept = {
        split: sweep(observed(split), truth.boxes, steps, executor, largest if split == "test" else None)
        for split, truth in truths.items()
    }
    for split, count in constant.items():
        if count:
            print(
                f"warning: {method.model}: {count} of {len(truths[split].image_id)} '{method.name}' maps of "
                f"{split} are constant; they count as maps of zeros, without any box"
            )
    counts = np.stack(pixels) if pixels else None  # (N, 2, T')
    return Scored(
        method.model,
        method.name,
        truths,
        {split: of[steps[0]] for split, of in swept.items()},
        thresholds,
        method.predictions,
        counts,
        constant,
        swept["test"],
        largest,
    )


def upsampled(settings: Evaluation, method: Method, split: str) -> Iterator[np.ndarray]:
    """The method's maps of a split, each (size, size) in [0, 1]."""
    each: Iterable[np.ndarray] = method.maps[split]
    if method.variant is not None:
        each = score_maps(each, settings.size, settings.interpolation, method.variant)
    return track(each, len(method.maps[split]), f"evaluate {method.model} {method.name} {split}")


def variant_of(experiment: Experiment, method: str) -> Variant:
    """How a method's maps are finished: `published` is defined only for methods that have variants."""
    return experiment.localization.variant if declared(method).variants else "described"
