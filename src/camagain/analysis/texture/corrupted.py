"""What a network says of corrupted images: one forward pass of each gives its class and its class activation maps.

Axes: N images, K corruptions of each, C channels, h x w cells of the feature grid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, Dataset

from camagain.analysis.texture.corruptions import Corruption
from camagain.config import Input, Localization
from camagain.datasets.images import ImageTable, warp
from camagain.datasets.pixels import normalised, square
from camagain.errors import NotApplicable
from camagain.localization.maps import cam
from camagain.localization.taps import after_norm, final_norm
from camagain.models.zoo import LinearHead, Network, class_scores, feature_maps
from camagain.progress import track


class CorruptedTable(Dataset):
    """Images of an index, each with all its corruptions: images (K, 3, S, S), label, clipped shares (K,)."""

    def __init__(self, index: pd.DataFrame, index_path: Path, settings: Input, kinds: Sequence[Corruption], seed: int):
        self.images = ImageTable(index, index_path, lambda image: warp(image, settings))
        self.image_ids = [str(image_id) for image_id in index["image_id"]]
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
    """What a network said of every image under every corruption."""

    label: np.ndarray  # (N,) int64
    predicted: np.ndarray  # (N, K) int64
    true_maps: np.ndarray  # (N, K, h, w) float32 in [0, 1], class activation maps of the true class
    predicted_maps: np.ndarray  # (N, K, h, w), of the predicted class
    clipped: np.ndarray  # (K,) share of the values that left [0, 1] and were clipped


@torch.no_grad()
def respond(
    network: Network, head: LinearHead, table: CorruptedTable, settings: Localization, name: str, workers: int = 0
) -> Responses:
    """Runs a network in eval mode, where it is, over every corruption of every image.

    Maps are taken at the experiment's tap and made as `described`: zeros where a class has no positive evidence.
    NotApplicable for a network without class activation maps, or without a cell or with class scores that are not
    finite for such images.
    """
    device, kinds = head.weight.device, len(table.kinds)
    half = torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bfloat16")
    norm = final_norm(network, name) if settings.tap == "after-norm" else None
    loader = DataLoader(table, max(1, settings.batch_size // kinds), num_workers=workers)
    parts: dict[str, list[torch.Tensor]] = {}
    for images, labels, clipped in track(loader, len(loader), f"texture {name}", "batches"):
        flat = images.flatten(0, 1).to(device, memory_format=torch.channels_last)  # (B*K, 3, S, S)
        true = labels.to(device).repeat_interleave(kinds)  # (B*K,)
        with half:
            features = maps_of(network, flat, name).float()  # (B*K, C, h, w)
        scores = class_scores(network, features)  # (B*K, classes)
        if not scores.isfinite().all():
            raise NotApplicable(f"'{name}': class scores of corrupted images are not finite. Train it again.")
        predicted = scores.argmax(1)  # (B*K,)
        tapped = after_norm(norm, features)
        made = {
            "predicted": predicted,
            "true_maps": cam(tapped, head.weight[true], "described"),  # (B*K, h, w)
            "predicted_maps": cam(tapped, head.weight[predicted], "described"),
        }
        for key, values in made.items():
            parts.setdefault(key, []).append(values.unflatten(0, (-1, kinds)).cpu())  # (B, K, ...)
        parts.setdefault("label", []).append(labels)
        parts.setdefault("clipped", []).append(clipped)
    joined = {key: torch.cat(values).numpy() for key, values in parts.items()}
    return Responses(**joined | {"clipped": joined["clipped"].mean(0)})


def maps_of(network: Network, images: torch.Tensor, name: str) -> torch.Tensor:
    """The last feature maps; NotApplicable where the images are too small for the network."""
    side = images.shape[-1]
    try:
        features = feature_maps(network, images, name)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise NotApplicable(f"'{name}' computes no feature maps of {side} x {side} pixels: {reason}") from error
    if not features.numel():
        raise NotApplicable(f"'{name}' has no cell left of {side} x {side} pixels; they are fewer than its stride.")
    return features
