"""Activated area and GAP value of a model with random weights, along its training, and after it."""

import copy
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from camagain.analysis.initialization.quantities import QUANTITIES, estimate_statistics, noise_like, quantities
from camagain.analysis.kit.applies import require_grid
from camagain.analysis.kit.run import Findings
from camagain.artifacts import RunPaths, sha256
from camagain.compute import prepare
from camagain.config import Experiment
from camagain.datasets.index import read_index, spread_evenly
from camagain.errors import NotApplicable, UserError
from camagain.localization.forward import features_of, images_of, one_by_one, ready, require_finite
from camagain.models.checkpoint import ModelCard, load_network, load_weights, snapshot_path
from camagain.models.weights import starting_network
from camagain.models.zoo import Network, create
from camagain.progress import track
from camagain.statistics.bootstrap import Sampling
from camagain.statistics.estimates import means

COLUMNS = ("state", "weights_seed", "epoch", "input", "measure", "theta", "value", "low", "high", "unit", "images")

BATCH = 16
"""Images per forward pass; BatchNorm of random networks takes its statistics from so many at a time."""


@dataclass(frozen=True)
class Weights:
    """One set of weights that is measured, and the key of its rows."""

    state: str  # "random", "created", "start", "along" or "finetuned"
    seed: int  # of the initialisation where random, else of the training
    epoch: int | None  # epochs of training behind it; None for random weights that no training began with


def analyze(experiment: Experiment, model: str, paths: RunPaths) -> Findings:
    """Quantities of the last feature maps of one model for every set of weights, on test images and on noise.

    Test images are spread evenly over the split; the noise has their mean and deviation. Values are means over channels
    and images, with a bootstrap interval over images; random networks have one row for each seed. Random weights that
    the training began with are its epoch 0 and not measured again. NotApplicable for a feature grid of a single cell.

    Random weights are measured under both treatments of BatchNorm: `random` with the statistics of the measured input,
    `created` with the 0 and 1 that the network was created with. Without BatchNorm both are the same. `created` has no
    rows where maps without normalisation overflow.
    """
    settings, device = experiment.analysis.initialization, prepare(experiment.compute)
    trained, card = load_network(paths.model(model))
    index = spread_evenly(read_index(paths.index, "test"), settings.images)
    images = torch.cat(list(one_by_one(images_of(index, card.input, experiment.compute, paths))))  # (N, 3, S, S)
    inputs = {"images": images, "noise": noise_like(images, experiment.seed)}
    scoring = experiment.evaluation
    sampling = Sampling(scoring.bootstrap, scoring.confidence, experiment.seed)

    todo = plan(experiment, model, card, paths)
    rows, overflows, estimated, grid = [], 0, False, (0, 0)
    for weights in track(todo, len(todo), f"{model}, weights", "networks"):
        network = trained if weights.state == "finetuned" else network_with(weights, experiment, model, card, paths)
        is_random = weights.state == "random"
        ready(network, experiment.compute, device, merging=not is_random)
        created = ready(copy.deepcopy(network), experiment.compute, device) if is_random else None
        for kind, pixels in inputs.items():
            batches = list(pixels.tensor_split(-(-len(pixels) // BATCH)))  # of nearly equal size
            measured = network
            if is_random:
                estimated = estimate_statistics(network, batches, model)
                measured = ready(copy.deepcopy(network), experiment.compute, device)
            values, grid = over_images(measured, batches, f"{model}, {weights.state}")
            found = [(weights, values)]
            if created is not None:
                try:
                    own = over_images(created, batches, f"{model}, as created")[0] if estimated else values
                    found.append((Weights("created", weights.seed, None), own))
                except NotApplicable:
                    overflows += 1
            for key, values in found:
                for (measure, theta, unit), mean in zip(QUANTITIES, means(values, sampling), strict=True):
                    place = (key.state, key.seed, key.epoch, kind, measure, theta)
                    rows.append((*place, mean.value, mean.low, mean.high, unit, len(pixels)))
    epochs = {weights.epoch for weights in todo}
    about = {
        "images": len(index),
        "grid": list(grid),
        "epochs": card.training.epochs,
        "epochs_without_weights": [epoch for epoch in card.training.snapshot_epochs if epoch not in epochs],
        "batchnorm_of_random_networks": "statistics of the measured input" if estimated else "none",
        "overflows_as_created": overflows,
    }
    return Findings(pd.DataFrame(rows, columns=list(COLUMNS)).astype({"epoch": "Int64", "theta": float}), about)


def plan(experiment: Experiment, model: str, card: ModelCard, paths: RunPaths) -> list[Weights]:
    """Every set of weights to measure: random ones of every seed, the start, those kept along training, the end."""
    folder, epochs, seed = paths.model(model), card.training.epochs, experiment.training_seed
    from_random = experiment.model(model).weights == "random"
    found = [
        Weights("random", other, 0 if from_random and other == seed else None)
        for other in range(seed, seed + experiment.analysis.initialization.seeds)
    ]
    if not from_random:
        found.append(Weights("start", seed, 0))
    kept = [epoch for epoch in card.training.snapshot_epochs if snapshot_path(folder, epoch).exists()]
    if epochs in kept:
        check_kept(paths, model, card)
    found += [Weights("along", seed, epoch) for epoch in kept if 0 < epoch < epochs]
    return found + ([Weights("finetuned", seed, epochs)] if epochs else [])


def check_kept(paths: RunPaths, model: str, card: ModelCard) -> None:
    """UserError unless the last weights kept along training are those that the training ended with."""
    last = snapshot_path(paths.model(model), card.training.epochs)
    if sha256(last) != card.sha256:
        raise UserError(
            f"{last}: not the weights that {paths.model(model) / 'model.json'} speaks of, so the folder is of another "
            "training. Run `camagain finetune` again."
        )


def network_with(weights: Weights, experiment: Experiment, model: str, card: ModelCard, paths: RunPaths) -> Network:
    """The network with these weights; random ones are drawn as a training of that seed draws them."""
    entry, kept = experiment.model(model), None
    if weights.state == "random":
        entry = entry.model_copy(update={"weights": "random"})
    else:
        kept = snapshot_path(paths.model(model), weights.epoch or 0)
    if kept is None or (weights.state == "start" and not kept.exists()):
        downloads = experiment.compute.downloads
        return starting_network(entry, len(card.classes), weights.seed, downloads=downloads)[0]
    options: dict = dict(card.options)
    network = create(card.architecture, len(card.classes), **options)
    load_weights(kept, network)
    return network


@torch.inference_mode()
def over_images(network: Network, batches: Iterable[torch.Tensor], name: str) -> tuple[np.ndarray, tuple[int, int]]:
    """The quantities of every image (N, M), and the feature grid (h, w); NotApplicable where maps are not finite."""
    parts = []
    for batch in batches:
        features = features_of(network, batch, name)  # (B, C, h, w)
        grid = (features.shape[2], features.shape[3])
        require_grid(grid[0] * grid[1])
        require_finite(features, name)
        parts.append(quantities(features))
    return np.concatenate(parts), grid
