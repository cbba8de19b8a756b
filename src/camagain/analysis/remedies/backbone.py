"""A trained network as a source of feature maps: its classifier is replaced, the rest stays as it is.

Axes: B images, N images of a split, C channels, h x w cells, K classes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from camagain.analysis.remedies.linear_fit import LinearFit
from camagain.artifacts import RunPaths
from camagain.compute import prepare
from camagain.config import Experiment
from camagain.datasets.index import read_index
from camagain.localization.forward import batches, images_of, ready, require_finite
from camagain.localization.parts import evidence_by_sign
from camagain.localization.taps import after_norm
from camagain.models.checkpoint import ModelCard, load_network
from camagain.models.decomposition import final_norm, pooled
from camagain.models.pooling import Pool
from camagain.models.zoo import Network


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
        ready(network, experiment.compute, device)
        return cls(model, network, card, final_norm(network, model), experiment, paths)

    def batches(self, split: str) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Feature maps (B, C, h, w) and labels (B,) of a split, not augmented, in the order of the index.

        Images are run as the localization pass runs them, in its precision. NotApplicable for maps that are not finite.
        """
        name = f"{self.model}, {split} images"
        table = images_of(read_index(self.paths.index, split), self.card.input, self.experiment.compute, self.paths)
        for batch in batches(self.network, table, self.experiment, name, name):
            require_finite(batch.features, name)
            yield batch.features, batch.labels

    def pooled(self, split: str, pools: Mapping[str, Pool]) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """The pooled features of a split under each pooling, name -> (N, C) on the CPU, and labels (N,)."""
        parts: dict[str, list[torch.Tensor]] = {name: [] for name in pools}
        labels = []
        for features, label in self.batches(split):
            labels.append(label.cpu())
            for name, pool in pools.items():
                parts[name].append(pooled(self.norm, features, pool).cpu())  # (B, C)
        return {name: torch.cat(batches) for name, batches in parts.items()}, torch.cat(labels)

    def evidence(self, split: str, heads: Mapping[str, tuple[Pool, LinearFit]]) -> dict[str, "Evidence"]:
        """The predictions of each classifier, behind its pooling, and the parts of its maps, in one pass over a split.

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
    """Maps of the evidence for and against the predicted class of each image, and whether that class is right."""

    positive: np.ndarray  # (N, h, w) float32, from channels of positive weight
    negative: np.ndarray  # (N, h, w) float32, from channels of negative weight
    correct: np.ndarray  # (N,) bool

    def maps(self, clamp_negative_weights: bool) -> np.ndarray:
        """Class activation maps as `described`, not yet scaled: (N, h, w) float32 >= 0.

        With negative weight clamping (NWC, Bae et al., ECCV 2020) negative class weights count as 0 in the map, though
        not in the prediction, as in the authors' code.
        """
        return np.maximum(self.positive if clamp_negative_weights else self.positive - self.negative, 0)
