"""How widely the channels of a network are activated, so that networks of different scale can be compared.

Axes: B images, C channels, h x w cells of the feature grid, M quantities. Our own definitions; how the paper measured
random networks is not known.
"""

from collections.abc import Iterable

import numpy as np
import torch

from camagain.compute import derived_seed
from camagain.localization.channels import THETAS, activated_cells, gap_values
from camagain.localization.forward import features_of
from camagain.models.zoo import Network
from camagain.training.modes import BatchNorm

QUANTITIES: tuple[tuple[str, float | None, str], ...] = (
    ("gap_value", None, "activation"),
    ("gap_over_rms", None, "ratio"),
    *(("activated_area", theta, "percent of cells") for theta in THETAS),
    ("positive_peak", None, "percent of channels"),
)
"""Measure, theta and unit of each column of `quantities`; `activation`: in units of the network's own maps."""


def quantities(features: torch.Tensor) -> np.ndarray:
    """Means over the channels of each image, (B, C, h, w) -> (B, M) float64 in the order of QUANTITIES."""
    features, cells = features.cpu(), features.shape[2] * features.shape[3]  # Apple's GPUs have no float64
    area = activated_cells(features).double().mean(2) * 100 / cells  # (T, B)
    positive = (features.amax((2, 3)) > 0).double().mean(1) * 100  # (B,)
    means = [gap_values(features.double()).mean(1), gap_over_rms(features).mean(1), *area, positive]  # M of (B,)
    return torch.stack(means, 1).numpy()


def gap_over_rms(features: torch.Tensor) -> torch.Tensor:
    """|mean| of each channel divided by its root mean square over cells, (B, C, h, w) -> (B, C) float64 in [0, 1].

    Free of scale and sign: neither a factor on a channel nor its sign, which the class weight can undo, changes it. A
    map that is equally active in a share a of its cells and 0 elsewhere has sqrt(a): a flat map 1, a single cell
    1 / sqrt(h w). A map whose positive and negative parts cancel has 0; a map of zeros has 0 by definition.
    """
    maps, tiny = features.double(), torch.finfo(torch.float64).tiny
    maps = maps / maps.abs().amax((2, 3), keepdim=True).clamp_min(tiny)  # the largest is 1 unless all are 0
    rms = maps.square().mean((2, 3)).sqrt()  # (B, C), then at least 1 / sqrt(h w)
    return maps.mean((2, 3)).abs() / rms.clamp_min(tiny)


@torch.no_grad()
def estimate_statistics(network: Network, batches: Iterable[torch.Tensor], name: str) -> bool:
    """Gives a network, in place, the BatchNorm statistics of these images; returns whether it has such a layer.

    Each layer normalises every batch (B, 3, H, W) by that batch, as in the first step of a training, and keeps the mean
    of their statistics. All else is in eval mode, and so is everything afterwards. A random network is created with
    the statistics 0 and 1: its BatchNorm would do nothing, while LayerNorm normalises from the start.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, BatchNorm) and layer.running_mean is not None]
    network.eval()
    if not layers:
        return False
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the mean over all batches
        layer.train()
    for batch in batches:
        features_of(network, batch, name)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    network.eval()
    return True


def noise_like(images: torch.Tensor, seed: int) -> torch.Tensor:
    """Gaussian noise, every pixel by itself, (N, 3, H, W) -> (N, 3, H, W), with each colour's mean and deviation."""
    generator = torch.Generator().manual_seed(derived_seed(seed, 0x4E4F4953))
    mean, deviation = images.mean((0, 2, 3), keepdim=True), images.std((0, 2, 3), keepdim=True)  # (1, 3, 1, 1)
    return torch.randn(images.shape, generator=generator) * deviation + mean
