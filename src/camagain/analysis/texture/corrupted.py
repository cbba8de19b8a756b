"""Classes and class activation maps of corrupted images, from one forward pass of each.

Axes: N images, K corruptions of each, C channels, h x w cells of the feature grid.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset

from camagain.analysis.texture.corruptions import Corruption
from camagain.config import Experiment, Input
from camagain.datasets.images import ImageTable
from camagain.datasets.pixels import normalised, square
from camagain.localization.forward import batches, features_of_size, require_finite
from camagain.localization.methods.cam import cam
from camagain.localization.taps import after_norm
from camagain.models.decomposition import final_norm
from camagain.models.zoo import LinearHead, Network


class CorruptedTable(Dataset):
    """Images, each with all its corruptions: images (K, 3, S, S), label, clipped shares (K,)."""

    def __init__(
        self, images: ImageTable, image_ids: Sequence[str], settings: Input, kinds: Sequence[Corruption], seed: int
    ) -> None:
        self.images, self.image_ids = images, image_ids
        self.settings, self.kinds, self.seed = settings, kinds, seed

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int, torch.Tensor]:
        pixels = square(self.images.image(row), self.settings)  # (S, S, 3) uint8
        made, clipped = [], []
        for kind in self.kinds:
            values = kind.apply(pixels, self.seed, self.image_ids[row])  # (S, S, 3)
            made.append(normalised(values.clip(0, 1), self.settings))
            clipped.append(float(((values < 0) | (values > 1)).mean()))
        return torch.from_numpy(np.stack(made)), self.images.labels[row], torch.tensor(clipped)


@dataclass(frozen=True)
class Responses:
    """Classes and maps of every image under every corruption."""

    label: np.ndarray  # (N,) int64
    predicted: np.ndarray  # (N, K) int64
    true_maps: np.ndarray  # (N, K, h, w) float32 in [0, 1], class activation maps of the true class
    predicted_maps: np.ndarray  # (N, K, h, w), of the predicted class
    clipped: np.ndarray  # (K,) share of the values that left [0, 1] and were clipped


@torch.no_grad()
def respond(network: Network, head: LinearHead, table: CorruptedTable, experiment: Experiment, name: str) -> Responses:
    """Runs a network that is ready over every corruption of every image.

    Maps are taken at the experiment's tap and made as `described`: zeros where a class has no positive evidence.
    NotApplicable for a network without class activation maps, and where such images give it no cell or class scores
    that are not finite.
    """
    features_of_size(network, torch.zeros(1, 3, table.settings.size, table.settings.size), name)
    norm = final_norm(network, name) if experiment.localization.tap == "after-norm" else None
    kinds, parts = len(table.kinds), dict[str, list[torch.Tensor]]()
    for batch in batches(network, table, experiment, name, f"texture {name}", kinds):
        require_finite(batch.scores, name, "class scores of corrupted images")
        predicted, tapped = batch.scores.argmax(1), after_norm(norm, batch.features)  # (B*K,), (B*K, C, h, w)
        made = {
            "label": batch.labels,
            "predicted": predicted,
            "true_maps": cam(tapped, head.weight[batch.labels], "described"),  # (B*K, h, w)
            "predicted_maps": cam(tapped, head.weight[predicted], "described"),
        }
        for key, values in made.items():
            parts.setdefault(key, []).append(values.unflatten(0, (-1, kinds)).cpu())  # (B, K, ...)
        parts.setdefault("clipped", []).append(batch.rest)
    joined = {key: torch.cat(values).numpy() for key, values in parts.items()}
    return Responses(**joined | {"label": joined["label"][:, 0], "clipped": joined["clipped"].mean(0)})
