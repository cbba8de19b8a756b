"""The effective receptive field: how much each pixel contributes to the centre of a network's last feature maps.

Luo et al. (NeurIPS 2016) defined it. RepLKNet (Ding et al., CVPR 2022) and then SLaK compare large kernels by this
procedure: a map of contributions, averaged over images (`contribution_map`), and the side of the square that holds a
given share of it (`area_ratios`).
"""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from camagain.analysis.erf.area import THRESHOLDS, area_ratios
from camagain.analysis.erf.receptive_field import Span, receptive_field
from camagain.errors import NotApplicable, UserError
from camagain.localization.forward import features_of_size
from camagain.models.pointwise import FastPointwise
from camagain.models.zoo import Network

__all__ = ["THRESHOLDS", "Contribution", "area_ratios", "contribution_map", "measure"]

TOLERANCE = 1e-4
"""Largest relative difference of the centre cell with and without a crop; rounding stays near 1e-6."""


@dataclass(frozen=True)
class Contribution:
    """A contribution map and the images behind it."""

    values: np.ndarray  # (H, W) float64
    images: int  # averaged
    skipped: int  # left out because their gradients are not finite


class MapsOf(nn.Module):
    """A network without a classifier, made of anything that returns feature maps or has `forward_features`."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model  # a module stays registered, with its parameters
        self.forward_features = getattr(model, "forward_features", model)


def contribution_map(
    model: Any, images: torch.Tensor | Iterable[torch.Tensor], name: str = "network", crop: bool = True
) -> np.ndarray:
    """How much each pixel contributes to the centre of the last feature maps, images (N, 3, H, W) -> (H, W) float64.

    `model` is anything with `forward_features`, or any module or callable that returns feature maps (B, C, h, w).
    For one image x with the last feature maps F (C, h, w) of `camagain.models.zoo.feature_maps`: s = sum over channels
    of ReLU(F[:, h // 2, w // 2]), contribution = ReLU(ds/dx) summed over RGB. Returns its mean over images, >= 0.
    `images` may also be an iterable of (1, 3, H, W), so that not all are in memory. The map's absolute scale matters to
    `area_ratios`: normalise images as the network was trained. Maps of a single cell are allowed: it is the centre.

    Networks are run in eval mode, one image at a time, and left as they were. Only the part of the image that the
    centre can depend on is computed, where `receptive_field` knows it and a trial on noise agrees; `crop=False`
    computes all of it. Give a network with large kernels to `camagain.models.replace_large_kernels` first.

    Images whose contributions are not all finite are skipped with a RuntimeWarning. Raises NotApplicable when all are
    skipped or the network has no feature maps of such images, UserError when there are no images or they differ in
    size.

    Source: erf/visualize_erf.py of DingXiaoH/RepLKNet-pytorch. Deviations: infinite maps are skipped, too, not only
    those with NaN, and sums over RGB and images are in float64, not float32.
    """
    network: Any = model if isinstance(model, nn.Module) and hasattr(model, "forward_features") else MapsOf(model)
    found = measure(network, images, name, crop)
    if found.skipped:
        count = found.images + found.skipped
        warnings.warn(
            f"'{name}': skipped {found.skipped} of {count} images with gradients that are not finite.",
            RuntimeWarning,
            2,
        )
    return found.values


def measure(
    model: Network, images: torch.Tensor | Iterable[torch.Tensor], name: str = "network", crop: bool = True
) -> Contribution:
    """`contribution_map` without its warning: the map, and how many images are behind it and were skipped."""
    if not hasattr(model, "forward_features"):
        raise NotApplicable(
            f"'{name}': a {type(model).__name__} has no `forward_features`; choose a network of timm's."
        )
    total: np.ndarray | None = None
    count = used = 0
    with measuring(model):
        for image in single_images(images, model):
            if total is None:
                total = np.zeros(image.shape[2:])  # (H, W)
                height, width = image.shape[2:]
                whole = Span(0, height, height), Span(0, width, width)
                part = centre_part(model, image, name) if crop else whole
                rows, columns = part
            elif image.shape[2:] != total.shape:
                raise UserError(f"image {count} has {size(image)} pixels, those before {size(total)}; resize them.")
            count += 1
            pixels = cut(image, part).clone(memory_format=torch.channels_last).requires_grad_()
            score = centre(features_of_size(model, pixels, name), part).relu().sum()
            (gradient,) = torch.autograd.grad(score, pixels)
            contribution = gradient.relu().cpu().double().sum((0, 1)).numpy()  # (H', W') of the part
            if np.isfinite(contribution).all():
                used += 1
                total[rows.start : rows.stop, columns.start : columns.stop] += contribution
    if total is None:
        raise UserError("no images to measure the effective receptive field on; expected at least one.")
    if not used:
        raise NotApplicable(
            f"'{name}': its gradients are not finite in any of {count} images. Check weights and images."
        )
    return Contribution(total / used, used, count - used)


def centre_part(model: Network, image: torch.Tensor, name: str) -> tuple[Span, Span]:
    """The rows and columns of an image that give its centre cell the same value as the whole image.

    The theory is tried once on noise. If it fails, as for a network that treats other sizes differently, the answer is
    the whole image.
    """
    height, width = image.shape[2:]
    whole = Span(0, height, height), Span(0, width, width)
    field = receptive_field(model, height, width, name)
    rows, columns = field[0].aligned(height), field[1].aligned(width)
    if (rows.stop - rows.start, columns.stop - columns.start) == (height, width):
        return whole
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0)).to(image)
    noise = noise.contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        expected = centre(features_of_size(model, noise, name), whole)
        try:
            found = centre(features_of_size(model, cut(noise, (rows, columns)), name), (rows, columns))
        except UserError:  # a network for images of one size
            return whole
    exact = (found - expected).abs().max() <= TOLERANCE * expected.abs().max()
    return (rows, columns) if exact else whole


def cut(image: torch.Tensor, part: tuple[Span, Span]) -> torch.Tensor:
    rows, columns = part
    return image[:, :, rows.start : rows.stop, columns.start : columns.stop]


def centre(maps: torch.Tensor, part: tuple[Span, Span]) -> torch.Tensor:
    """The channels of the whole image's centre cell in the maps of a part of it: (1, C, h, w) -> (1, C)."""
    row, column = (s // 2 if span.cell is None else span.cell for s, span in zip(maps.shape[2:], part, strict=True))
    return maps[:, :, row, column]


def single_images(images: torch.Tensor | Iterable[torch.Tensor], model: nn.Module) -> Iterator[torch.Tensor]:
    """Images one by one, each (1, 3, H, W), in the network's dtype and where it is."""
    weight = next(model.parameters(), None)
    for image in (images[i : i + 1] for i in range(len(images))) if isinstance(images, torch.Tensor) else images:
        if image.ndim != 4 or image.shape[:2] != (1, 3) or not image.is_floating_point():
            raise ValueError(f"image is {image.dtype} of shape {tuple(image.shape)}; expected floats of (1, 3, H, W)")
        yield image.detach() if weight is None else image.detach().to(weight)


def size(image: torch.Tensor | np.ndarray) -> str:
    return f"{image.shape[-2]} x {image.shape[-1]}"


@contextmanager
def measuring(model: nn.Module) -> Iterator[None]:
    """The network in eval mode and without gradients of its parameters; restored afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    wanted = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    try:
        model.eval().requires_grad_(False)
        with torch.inference_mode(False), torch.enable_grad(), FastPointwise():
            yield
    finally:
        for module, mode in modes:
            module.training = mode
        for parameter, want in wanted:
            parameter.requires_grad_(want)
