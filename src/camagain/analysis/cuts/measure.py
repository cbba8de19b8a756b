"""Why boxes change when the kernels of a trained network are cut: its maps before and after, BatchNorm anew or not.

`quantity` of the table, for each network, on the test split:

| quantity | unit |
|---|---|
| top1; max_box_acc: of the class activation map of the predicted class | percent |
| activated_area: of the last feature maps, cells above 0.2 of a channel's maximum, mean over channels | percent |
| map_area: cells of the class activation map above half of its maximum | percent |
| concentration: share of the map's mass in the true box divided by the box's share of the area | 1 is even |

A cut changes the mean and deviation of what every BatchNorm behind it sees. `anew`: BatchNorm takes its statistics from
train images after the cut, so that what is left is the cut itself.
"""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch

from camagain.analysis.initialization.quantities import estimate_statistics
from camagain.analysis.kit.applies import require_grid
from camagain.analysis.kit.localizer import localize_by
from camagain.analysis.kit.mass import box_regions, concentrations, shares_of
from camagain.analysis.kit.run import Findings
from camagain.artifacts import RunPaths
from camagain.compute import prepare
from camagain.config import Experiment, Input
from camagain.datasets.index import read_index, spread_evenly
from camagain.evaluation.inputs import read_truths
from camagain.evaluation.masks import OBJECT
from camagain.evaluation.score_maps import upsample
from camagain.localization.channels import THETAS, activated_cells
from camagain.localization.forward import batches, images_of, one_by_one, ready, require_finite
from camagain.localization.methods.cam import cam
from camagain.models import shrink_kernels
from camagain.models.checkpoint import load_network
from camagain.models.zoo import Network, linear_head
from camagain.statistics.bootstrap import Sampling
from camagain.statistics.estimates import Estimate, means

COLUMNS = ("kernels", "batchnorm", "quantity", "value", "low", "high", "unit")

OWN, ANEW = "own", "anew"
"""Kernels, or statistics of BatchNorm, of the training; statistics that are taken after the cut."""

THETA, HALF = 0.2, 0.5
"""Shares of the maximum above which cells of a channel, and of a map, count."""

BATCH = 16
"""Images from which BatchNorm takes its statistics at a time."""

Row = dict[str, Any]


def analyze(experiment: Experiment, model: str, paths: RunPaths) -> Findings:
    """The rows of a network with its own kernels and with each cut, under both statistics of BatchNorm.

    NotApplicable for a network without depthwise kernels, and for a feature grid of a single cell.
    """
    settings, device = experiment.analysis.cuts, prepare(experiment.compute)
    network, card = load_network(paths.model(model))
    train = spread_evenly(read_index(paths.index, "train"), settings.images)
    seen = torch.cat(list(one_by_one(images_of(train, card.input, experiment.compute, paths))))  # (N, 3, S, S)
    rows: list[Row] = []
    changed: dict[str, list[str]] = {}
    for side in (None, *sorted(settings.sides, reverse=True)):
        kernels = OWN if side is None else f"{side} x {side}"
        if side is not None:
            changed[kernels] = list(shrink_kernels(network, side).changed)  # each cut lies inside the last one
        for batchnorm in (OWN, ANEW):
            measured = copy.deepcopy(network)
            if batchnorm == ANEW:
                ready(measured, experiment.compute, device, merging=False)
                estimate_statistics(measured, seen.tensor_split(-(-len(seen) // BATCH)), model)
            ready(measured, experiment.compute, device)
            key = {"kernels": kernels, "batchnorm": batchnorm}
            rows += [key | row for row in measure(measured, card.input, experiment, paths, f"{model}, {kernels}")]
    about = {"changed": changed, "train_images": len(train)}
    return Findings(pd.DataFrame(rows, columns=list(COLUMNS)), about)


def measure(network: Network, seen: Input, experiment: Experiment, paths: RunPaths, name: str) -> Iterator[Row]:
    """Every quantity of a network that is `ready`, with bootstrap intervals over images."""
    settings = experiment.evaluation
    sampling = Sampling(settings.bootstrap, settings.confidence, experiment.seed)
    truth = read_truths(paths.index, settings.size)["test"]
    right, area, maps = classify(network, seen, experiment, paths, name)  # (N,), (N,), (N, h, w)

    def percent(quantity: str, values: np.ndarray) -> Row:
        return {"quantity": quantity, **means(values[:, None], sampling)[0].scaled(100).columns(), "unit": "percent"}

    yield percent("top1", right.astype(np.float64))
    found = localize_by(maps, truth, experiment)
    accuracy = Estimate(found.percent, found.low_percent, found.high_percent)
    yield {"quantity": "max_box_acc", **accuracy.columns(), "unit": "percent"}
    yield percent("activated_area", area)
    positive = maps.clip(0)
    yield percent("map_area", (positive > HALF * positive.max((1, 2), keepdims=True)).mean((1, 2), dtype=np.float64))
    resized = (upsample(one, settings.size, settings.interpolation).clip(0) for one in positive)
    mass, share = shares_of({"cam": resized}, box_regions(truth, settings.size), OBJECT + 1)["cam"]
    inside = concentrations(mass[:, OBJECT:], share[:, OBJECT:], sampling)[0]
    yield {"quantity": "concentration", **inside.columns(), "unit": "times uniform"}


def classify(
    network: Network, seen: Input, experiment: Experiment, paths: RunPaths, name: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whether the class is right (N,), activated area of the feature maps (N,), and the map of that class (N, h, w)."""
    head, parts = linear_head(network, name), []
    table = images_of(read_index(paths.index, "test"), seen, experiment.compute, paths)
    for batch in batches(network, table, experiment, name, f"localize {name}"):
        features, predicted = batch.features, batch.scores.argmax(1)  # (B, C, h, w), (B,)
        cells = features.shape[2:].numel()
        require_grid(cells)
        require_finite(features, name)
        area = activated_cells(features)[THETAS.index(THETA)].double().mean(1) / cells  # (B,)
        found = (predicted == batch.labels, area, cam(features, head.weight[predicted], "described"))
        parts.append([values.cpu().numpy() for values in found])  # (B,), (B,), (B, h, w)
    right, areas, maps = (np.concatenate(values) for values in zip(*parts, strict=True))
    return right, areas, maps
