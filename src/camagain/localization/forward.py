"""The one forward pass: a network made ready for inference, the images as it sees them, and its last feature maps.

Every measurement of a network uses this computation; callers keep only the results they need. Axes: B images,
C channels, h x w cells of the feature grid, K classes, S pixels a side.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pandas as pd
import torch
from torch.utils.data import DataLoader, Dataset

from camagain.artifacts import RunPaths
from camagain.compute import channels_last
from camagain.config import Compute, Experiment, Input
from camagain.datasets.decoded import decoded_images
from camagain.datasets.images import ImageTable, warp
from camagain.errors import NotApplicable
from camagain.models.large_kernel import replace_large_kernels
from camagain.models.merging import merge
from camagain.models.zoo import Network, class_scores, feature_maps
from camagain.progress import track


def ready(network: Network, compute: Compute, device: torch.device, merging: bool = True) -> Network:
    """Makes a network ready for inference, in place, and returns it: eval mode, parameters without gradients.

    Where the experiment asks for fast large kernels, parallel branches are merged and large kernels take the fast
    route. A merged network can no longer be trained or load weights, so give a copy where the network is needed again;
    `merging=False` keeps the branches where BatchNorm is still to take its statistics.
    """
    network.eval()
    if compute.fast_large_kernels:
        replace_large_kernels(merge(network) if merging else network)
    network.to(device).requires_grad_(False)
    channels_last(network)
    return network


def images_of(index: pd.DataFrame, seen: Input, compute: Compute, paths: RunPaths) -> ImageTable:
    """The images of rows of the run's index as a network sees them, warped and normalised as in `seen`: (3, S, S) each.

    Their pixels come from the file of decoded images where the experiment keeps one (`compute.cache_images`).
    """
    decoded = decoded_images(paths.index) if compute.cache_images else None
    return ImageTable(index, paths.index, partial(warp, settings=seen), decoded)


def one_by_one(table: ImageTable) -> Iterator[torch.Tensor]:
    """The images of a table one after another, each (1, 3, S, S): memory holds one, however many there are."""
    for row in range(len(table)):
        yield table[row][0][None]


def features_of(network: Network, images: torch.Tensor, name: str, precision: str = "float32") -> torch.Tensor:
    """The last feature maps of images, wherever those are: (B, 3, S, S) -> (B, C, h, w) on the network's device.

    With the precision "bfloat16" the network runs under autocast, and its maps are float32 again.
    """
    weight = next(network.parameters(), images)  # what has no weights computes where its images are
    device = weight.device
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        features = feature_maps(network, images.to(device, memory_format=torch.channels_last), name)
    return features.float() if precision == "bfloat16" else features


def features_of_size(network: Network, images: torch.Tensor, name: str) -> torch.Tensor:
    """The same for images that may be too small for the network; NotApplicable where it computes no cell of them."""
    size = f"{images.shape[-2]} x {images.shape[-1]} pixels"
    try:
        features = features_of(network, images, name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        if "memory" in reason:  # torch has no class of its own for it on CPUs
            raise
        raise NotApplicable(f"'{name}' computes no feature maps of {size}: {reason}") from error
    if not features.numel():
        raise NotApplicable(f"'{name}' has no cell left of {size}; they are fewer than its stride.")
    return features


def require_finite(values: torch.Tensor, name: str, what: str = "feature maps") -> None:
    """NotApplicable where values that a network computed hold NaN or infinity."""
    if not values.isfinite().all():
        raise NotApplicable(f"'{name}': its {what} hold NaN or infinity. Train it again.")


@dataclass(frozen=True)
class Batch:
    """A network's results for some images, on its device."""

    features: torch.Tensor  # (B, C, h, w), the last feature maps
    scores: torch.Tensor  # (B, K), class scores before any softmax
    labels: torch.Tensor  # (B,) int64
    rest: torch.Tensor  # what the table gives beside an image and its label, on the CPU


def batches(
    network: Network, table: Dataset, experiment: Experiment, name: str, doing: str, each: int = 1
) -> Iterator[Batch]:
    """Runs a network that is `ready` over a table, in order and in the precision of the localization pass.

    A table gives (image, label, something else) for a row. `each`: how many versions of its image a row gives, then
    (each, 3, S, S); they count as images of their own, those of a row one after another. A batch holds at most
    `localization.batch_size` images, and at least one row.
    """
    settings = experiment.localization
    loader = DataLoader(table, max(1, settings.batch_size // each), num_workers=experiment.compute.workers)
    device = next(network.parameters()).device
    for pixels, labels, rest in track(loader, len(loader), doing, "batches"):
        with torch.no_grad():
            images = pixels if each == 1 else pixels.flatten(0, 1)  # (B, 3, S, S)
            features = features_of(network, images, name, settings.precision)
            scores = class_scores(network, features)
        yield Batch(features, scores, labels.to(device).repeat_interleave(each), rest)
