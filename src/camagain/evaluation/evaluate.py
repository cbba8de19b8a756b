"""The evaluation stage: from the stored score maps of a model to its scores, curves and per-image results."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace

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
from camagain.evaluation.scored import Scored, sweep, threshold_grid
from camagain.evaluation.scores import scores
from camagain.evaluation.swept import Maps, Swept, Tables, equal_maps
from camagain.evaluation.ways import Finished, finished
from camagain.evaluation.workers import processes
from camagain.progress import track
from camagain.statistics.bootstrap import Sampling


@dataclass(frozen=True)
class Method:
    """One localization method of one model, before it is scored."""

    model: str
    name: str
    maps: Mapping[str, Maps]  # by split, in the order of its truth
    variant: Variant | None  # how the maps are finished; None: they are as they are scored
    predictions: Predictions | None

    @property
    def true_class(self) -> bool:
        return uses_true_class(self.name)


@dataclass(frozen=True)
class Searched:
    """A method whose maps were searched for boxes."""

    method: Method
    swept: Mapping[str, Swept]  # by split


def evaluate_model(experiment: Experiment, model: str, paths: RunPaths) -> None:
    """Scores every localization method of one model and writes `evaluation/<model>/<method>/` (docs/artifacts.md).

    Reads the index and the model's maps.npz and predictions.parquet. Maps are upsampled one at a time; what grows with
    the dataset is 3 kB of results for each image and method and, of two methods at a time, 8 kB for each image that has
    a mask. UserError, naming image and file, when maps or predictions do not cover exactly the images of the val and
    test splits or hold NaN.
    """
    truths = read_truths(paths.index, experiment.evaluation.size)
    predictions = read_predictions(paths.predictions(model), truths["test"], "test")
    searched: Searched | None = None
    swept: dict[Finished, Mapping[float, Tables]] = {}
    count = sum(len(truth.boxes) for truth in truths.values()) * len(experiment.localization.methods)
    with processes(experiment.compute.threads, count * experiment.evaluation.size**2) as executor:
        for name in experiment.localization.methods:
            maps = read_maps(paths.maps(model), name, truths)
            method = Method(model, name, maps, variant_of(experiment, name), predictions)
            searched = search(experiment.evaluation, method, truths, executor, searched)
            write_scored(experiment, paths, searched, truths)
            if declared(name).choices:
                swept[finished(name, own_way(experiment), own_way(experiment))] = searched.swept["test"].by_step
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
        searched = search(experiment.evaluation, Method(BASELINE, name, maps, None, None), truths)
        write_scored(experiment, paths, searched, truths)


def write_scored(experiment: Experiment, paths: RunPaths, searched: Searched, truths: Mapping[str, Truth]) -> None:
    """Scores one method and writes its files, metrics.json last: where it is, the others are."""
    settings, method = experiment.evaluation, searched.method
    scored = scored_of(settings, searched, truths)
    sampling = Sampling(settings.bootstrap, settings.confidence, experiment.seed)
    write_csv(paths.curve(method.model, method.name), results.curve(scored))
    write_parquet(paths.images(method.model, method.name), results.images(scored, settings.size))
    write_npz(paths.correct(method.model, method.name), **results.correct(scored))
    write_json(
        paths.metrics(method.model, method.name),
        results.metrics(experiment, scored, method.variant, scores(scored, method.true_class, sampling)),
    )


def search(
    settings: Evaluation,
    method: Method,
    truths: Mapping[str, Truth],
    executor: Executor | None = None,
    before: Searched | None = None,
) -> Searched:
    """Boxes of both splits against the truth, and pixels of test against masks where every test image has one.

    A map that the method `before` this one has, too, and that is finished in the same way, is not searched again.
    """
    if before is not None and before.method.variant != method.variant:
        before = None
    swept = {}
    for split, truth in truths.items():
        maps = method.maps[split]
        rows = np.arange(len(maps)) if before is None else np.flatnonzero(~equal_maps(maps, before.method.maps[split]))
        if before is None or len(rows) == len(maps):
            swept[split] = search_split(settings, method, split, truth, executor)
        elif len(rows):
            new = replace(method, maps={split: [maps[i] for i in rows.tolist()]})
            part = search_split(settings, new, split, truth.take(rows), executor)
            swept[split] = before.swept[split].with_images(rows, part)
        else:
            swept[split] = before.swept[split]
    for split, of in swept.items():
        if count := int(of.constant.sum()):
            print(
                f"warning: {method.model}: {count} of {len(truths[split].image_id)} '{method.name}' maps of "
                f"{split} are constant; they count as maps of zeros, without any box"
            )
    return Searched(method, swept)


def search_split(settings: Evaluation, method: Method, split: str, truth: Truth, executor: Executor | None) -> Swept:
    """Every map of one split, searched."""
    steps = steps_of(settings)
    test = split == "test"
    edges = bin_edges(threshold_grid(steps[0]))
    regions = read_regions(truth, settings.size) if test else None
    pixels: list[np.ndarray] = []
    constant: list[bool] = []

    def observed() -> Iterator[np.ndarray]:
        for score_map in upsampled(settings, method, split):
            constant.append(not score_map.any())
            if regions is not None:
                pixels.append(pixel_histograms(score_map, next(regions), edges).astype(np.uint32))
            yield score_map

    largest = LargestBoxes.unknown(len(truth.boxes)) if test else None
    by_step = sweep(observed(), truth.boxes, steps if test else steps[:1], executor, largest)
    counts = np.stack(pixels) if pixels else None  # (N, 2, T')
    return Swept(by_step, largest, counts, np.array(constant, dtype=bool))


def scored_of(settings: Evaluation, searched: Searched, truths: Mapping[str, Truth]) -> Scored:
    """A method whose maps were searched, ready to be scored."""
    own, *_ = steps_of(settings)
    test, method = searched.swept["test"], searched.method
    assert test.largest is not None
    return Scored(
        method.model,
        method.name,
        truths,
        {split: of.by_step[own] for split, of in searched.swept.items()},
        threshold_grid(own),
        method.predictions,
        test.pixels,
        {split: int(of.constant.sum()) for split, of in searched.swept.items()},
        test.largest,
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
