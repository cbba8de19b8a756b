"""A trained network as a source of feature maps: its classifier is replaced, the rest stays as it is.

Axes: B images, N images of a split, C channels, h x w cells, K classes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from camagain.analysis.remedies.linear_fit import LinearFit
from camagain.artifacts import RunPaths
from camagain.compute import channels_last, prepare
from camagain.config import Experiment
from camagain.datasets.decoded import decoded_images
from camagain.datasets.images import ImageTable, warp
from camagain.datasets.index import read_index
from camagain.errors import NotApplicable
from camagain.localization.parts import evidence_by_sign
from camagain.localization.taps import after_norm, final_norm, pooled
from camagain.models.checkpoint import ModelCard, load_network
from camagain.models.large_kernel import replace_large_kernels
from camagain.models.pooling import Pool
from camagain.models.zoo import Network, feature_maps
from camagain.progress import track


@dataclass(frozen=True)
class Backbone:
    """A network without its classifier, on its device, and the images that it sees."""

    model: str
    network: Network
    card: ModelCard
    norm: nn.Module | None  # between maps and classifier
    experiment: Experiment
    paths: RunPaths

    @classmethod
    def of(cls, experiment: Experiment, model: str, paths: RunPaths) -> "Backbone":
        """Loads a model of the run; NotApplicable where it has no single linear classifier."""
        device = prepare(experiment.compute)
        network, card = load_network(paths.model(model))
        if experiment.compute.fast_large_kernels:
            replace_large_kernels(network)
        channels_last(network.to(device).requires_grad_(False))
        return cls(model, network, card, final_norm(network, model), experiment, paths)

    def batches(self, split: str) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Feature maps (B, C, h, w) and labels (B,) of a split, not augmented, in the order of the index.

        Images are run as the localization pass runs them, in its precision. NotApplicable for maps that are not finite.
        """
        compute, settings = self.experiment.compute, self.experiment.localization
        index = read_index(self.paths.index, split)
        decoded = decoded_images(self.paths.index) if compute.cache_images else None
        table = ImageTable(index, self.paths.index, lambda image: warp(image, self.card.input), decoded)
        loader = DataLoader(table, settings.batch_size, num_workers=compute.workers)
        device = next(self.network.parameters()).device
        half = torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bfloat16")
        for pixels, labels, _ in track(loader, len(loader), f"{self.model}, {split} images", "batches"):
            with torch.no_grad(), half:
                images = pixels.to(device, memory_format=torch.channels_last)
                features = feature_maps(self.network, images, self.model).float()  # (B, C, h, w)
            if not features.isfinite().all():
                raise NotApplicable(f"'{self.model}': feature maps of the {split} split hold NaN or infinity")
            yield features, labels.to(device)

    def pooled(self, split: str, pools: Mapping[str, Pool]) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """What a classifier would weigh under each pooling, name -> (N, C) on the CPU, and labels (N,)."""
        parts: dict[str, list[torch.Tensor]] = {name: [] for name in pools}
        labels = []
        for features, label in self.batches(split):
            labels.append(label.cpu())
            for name, pool in pools.items():
                parts[name].append(pooled(self.norm, features, pool).cpu())  # (B, C)
        return {name: torch.cat(batches) for name, batches in parts.items()}, torch.cat(labels)

    def evidence(self, split: str, heads: Mapping[str, tuple[Pool, LinearFit]]) -> dict[str, "Evidence"]:
        """What each classifier, behind its pooling, says of a split, and what its maps are made of, in one pass.

        Maps are of the class that the classifier itself predicts, taken at the experiment's tap.
        """
        after = self.experiment.localization.tap == "after-norm"
        parts: dict[str, list[tuple[np.ndarray, ...]]] = {name: [] for name in heads}
        for features, labels in self.batches(split):
            tapped = after_norm(self.norm, features) if after else features  # (B, C, h, w)
            for name, (pool, fit) in heads.items():
                weight, bias = fit.weight.to(features.device), fit.bias.to(features.device)
                predicted = (pooled(self.norm, features, pool) @ weight.T + bias).argmax(1)  # (B,)
                made = (*evidence_by_sign(tapped, weight[predicted]), predicted == labels)
                parts[name].append(tuple(tensor.cpu().numpy() for tensor in made))
        return {name: Evidence(*map(np.concatenate, zip(*batches, strict=True))) for name, batches in parts.items()}


@dataclass(frozen=True)
class Evidence:
    """What speaks for and against the predicted class of each image, and whether that class is right."""

    positive: np.ndarray  # (N, h, w) float32, from channels of positive weight
    negative: np.ndarray  # (N, h, w) float32, from channels of negative weight
    correct: np.ndarray  # (N,) bool

    def maps(self, clamp_negative_weights: bool) -> np.ndarray:
        """Class activation maps as `described`, not yet scaled: (N, h, w) float32 >= 0.

        With negative weight clamping (NWC, Bae et al., ECCV 2020) negative class weights count as 0 in the map, though
        not in the prediction, as in the authors' code.
        """
        return np.maximum(self.positive if clamp_negative_weights else self.positive - self.negative, 0)
