"""How much of a score map lies on the parts that decide the class: local activation, measured with ground truth.

`quantity` of the table, for each method:

| quantity | unit |
|---|---|
| mass_share, area_share, concentration, by region: cues, rest of the object, background | percent; 1 is uniform |
| preference: concentration on the cues divided by that on the rest of the object | 1 is even over the object |
| max_box_acc, threshold | percent; share of the maximum |
| spearman_cue_share_iou, spearman_preference_iou: over images, with the box at that threshold | -1 to 1 |

The cues' share of mass grows with the object's size in the image, and so do IoUs; preference does not depend on it.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from camagain.analysis.kit.applies import require_grid
from camagain.analysis.kit.localizer import localized
from camagain.analysis.kit.mass import CUE, concentrations, object_regions, preference, shares_of, with_cues
from camagain.analysis.kit.run import Findings
from camagain.analysis.kit.stored import described
from camagain.artifacts import RunPaths
from camagain.config import Dataset, Experiment
from camagain.config.dataset import KINDS
from camagain.datasets.index import read_index
from camagain.errors import NotApplicable
from camagain.evaluation.boxes import best_ious
from camagain.evaluation.inputs import Truth, read_maps, read_truths
from camagain.evaluation.masks import BACKGROUND, OBJECT
from camagain.evaluation.metrics import best_of
from camagain.evaluation.score_maps import score_maps
from camagain.evaluation.scored import DELTA, threshold_grid
from camagain.statistics.bootstrap import Sampling
from camagain.statistics.correctness import Correct
from camagain.statistics.correlation import correlation
from camagain.statistics.estimates import UNDEFINED, Estimate, divided, means

COLUMNS = ("method", "quantity", "region", "value", "low", "high", "unit")

REGIONS: Mapping[str, int] = {"cues": CUE, "rest of the object": OBJECT, "background": BACKGROUND}
"""The regions of an image and the labels of their pixels; every pixel belongs to exactly one region."""

Row = dict[str, Any]


def analyze(experiment: Experiment, model: str, paths: RunPaths) -> Findings:
    """Where the mass of every method's maps lies, and whether images are localized worse when it lies on the cues.

    Maps are the described ones, finished as they are scored: resized to the size of the evaluation and scaled to span
    [0, 1]. On the feature grid a cue is hardly larger than a cell, and published PC1 maps hold the script's 8-bit
    overflow, which is no activation. NotApplicable where the dataset does not say which parts decide the class, and
    for a single cell.
    """
    settings = experiment.evaluation
    sampling = Sampling(settings.bootstrap, settings.confidence, experiment.seed)
    cues = cue_boxes(paths.index, experiment.dataset)
    truth = read_truths(paths.index, settings.size)["test"]
    file = paths.maps(model)
    methods = experiment.localization.methods
    stored: dict[str, np.ndarray] = {
        method: read_maps(file, described(method, experiment.localization), {"test": truth})["test"]
        for method in methods
    }  # (N, h, w) each
    require_grid(stored[methods[0]][0].size)
    finished: dict[str, Iterator[np.ndarray]] = {
        method: score_maps(maps, settings.size, settings.interpolation) for method, maps in stored.items()
    }
    images = zip(object_regions(truth, settings.size), cues, truth.width, truth.height, strict=True)
    regions = (with_cues(*image) for image in images)
    found = shares_of(finished, regions, max(REGIONS.values()) + 1)
    rows: list[Row] = []
    for method, (mass, area) in found.items():
        maps = score_maps(stored[method], settings.size, settings.interpolation)
        both = [*in_regions(mass, area, sampling), *in_boxes(mass, area, maps, truth, experiment)]
        rows += [{"method": method, **row} for row in both]
    about = {
        "images": len(truth.image_id),
        "object_from": "boxes" if truth.masks is None else "masks",
        "maps_without_mass": {m: int(np.isnan(mass).any(1).sum()) for m, (mass, _) in found.items()},
    }
    return Findings(pd.DataFrame(rows, columns=list(COLUMNS)), about)


def cue_boxes(index_path: Path, dataset: Dataset) -> list[np.ndarray]:
    """The boxes of the deciding parts of each test image, (k, 4) each; NotApplicable unless all are known."""
    if not dataset.deciding_parts:
        able = ", ".join(kind for kind, (_, settings) in KINDS.items() if settings.deciding_parts)
        raise NotApplicable(f"the dataset does not say which parts decide the class; of all kinds only {able} does")
    parts = read_index(index_path, "test")["parts"].tolist()
    if any(of_image is None for of_image in parts):
        raise NotApplicable(
            "the index was written by an earlier version and does not note the parts of the birds; run "
            "`camagain data` again"
        )
    boxes = ([part.box for part in of_image if part.name in dataset.deciding_parts] for of_image in parts)
    return [np.array(of_image, dtype=np.float64).reshape(-1, 4) for of_image in boxes]


def rank_correlation(first: np.ndarray, second: np.ndarray, sampling: Sampling) -> Estimate:
    """Spearman's rho over images; undefined for fewer than two, or where one of the two never varies."""
    if len(first) < 2:
        return UNDEFINED
    return correlation(first, second, "spearman", sampling)


def in_regions(mass: np.ndarray, area: np.ndarray, sampling: Sampling) -> Iterator[Row]:
    """Rows on the shares of each image's mass and area in each region, (N, R) and (N, R)."""
    concentrated = concentrations(mass, area, sampling)
    for quantity, values in (("mass_share", mass), ("area_share", area)):
        estimates = means(values, sampling)
        for region, label in REGIONS.items():
            share = estimates[label].scaled(100)
            yield {"quantity": quantity, "region": region, **share.columns(), "unit": "percent"}
    for region, label in REGIONS.items():
        of = {"quantity": "concentration", "region": region}
        yield {**of, **concentrated[label].columns(), "unit": "times uniform"}
    yield {
        "quantity": "preference",
        **preference(mass, area, CUE, OBJECT, sampling).columns(),
        "unit": "times the rest",
    }


def in_boxes(
    mass: np.ndarray, area: np.ndarray, maps: Iterable[np.ndarray], truth: Truth, experiment: Experiment
) -> Iterator[Row]:
    """Rows on how well finished maps localize, and whether mass on the cues makes them worse."""
    settings = experiment.evaluation
    sampling = Sampling(settings.bootstrap, settings.confidence, experiment.seed)
    ious = best_ious(maps, truth.boxes, threshold_grid(settings.threshold_step))  # (N, T)
    found = localized(Correct.of(ious >= DELTA), experiment)
    accuracy = Estimate(found.percent, found.low_percent, found.high_percent)
    yield {"quantity": "max_box_acc", **accuracy.columns(), "unit": "percent"}
    yield {"quantity": "threshold", "value": found.threshold, "unit": "share of the maximum"}
    iou = ious[:, best_of(found.correct.curve())[1]]  # (N,)
    density = divided(mass, area)  # (N, R) of each image
    leaning = divided(density[:, CUE], density[:, CUE] + density[:, OBJECT])  # ranks like the ratio, but stays finite
    for quantity, of_image in (("cue_share", mass[:, CUE]), ("preference", leaning)):
        known = np.isfinite(of_image)
        rho = rank_correlation(of_image[known], iou[known], sampling)
        yield {"quantity": f"spearman_{quantity}_iou", **rho.columns(), "unit": "rho"}
