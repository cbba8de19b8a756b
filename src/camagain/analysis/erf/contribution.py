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
    """Contribution maps and the images behind them."""

    values: np.ndarray  # (H, W) float64, of ReLU(gradient)
    absolute: np.ndarray  # (H, W) float64, of |gradient|
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

    >>> layers = nn.Sequential(nn.Conv2d(3, 4, 5, padding=2), nn.ReLU())
    >>> values = contribution_map(layers, torch.rand(2, 3, 32, 32))
    >>> values.shape, int((values > 0).sum()) <= 5 * 5
    ((32, 32), True)
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
    total = Total()
    with measuring(model):
        for image in single_images(images, model):
            if total.is_first(image):
                part = centre_part(model, image, name) if crop else whole_of(image)
                rows, columns = part
            pixels = differentiable(cut(image, part))
            gradient = gradient_of(centre(features_of_size(model, pixels, name), part), pixels)
            total.add(gradient, rows.start, columns.start)
    return total.mean(name)


def measure_everywhere(
    model: Network, images: Iterable[torch.Tensor], name: str = "network", grid: int = 3
) -> Contribution:
    """The contribution to the average cell: images (1, 3, H, W) -> maps (2 H, 2 W) around a cell at (H, W).

    Each image contributes to one cell, in turn those in the middles of grid x grid equal parts of the feature maps;
    its map is moved so that the middle of the cell's pixels lies at (H, W). So the field of a cell at the border counts
    as it is, cut off there. As many maps are averaged as by `measure`. Errors are those of `measure`.
    """
    total = Total(reach=2)
    with measuring(model):
        for image in single_images(images, model):
            total.is_first(image)
            pixels = differentiable(image)
            maps = features_of_size(model, pixels, name)
            place = divmod(total.count % grid**2, grid)
            cell = [int((k + 0.5) / grid * cells) for k, cells in zip(place, maps.shape[2:], strict=True)]
            at = [
                int((k + 0.5) / cells * side)
                for k, cells, side in zip(cell, maps.shape[2:], image.shape[2:], strict=True)
            ]
            gradient = gradient_of(maps[:, :, cell[0], cell[1]], pixels)
            total.add(gradient, image.shape[2] - at[0], image.shape[3] - at[1])
    return total.mean(name)


def differentiable(image: torch.Tensor) -> torch.Tensor:
    """A copy of an image that gradients are taken of."""
    return image.clone(memory_format=torch.channels_last).requires_grad_()


def gradient_of(cell: torch.Tensor, pixels: torch.Tensor) -> torch.Tensor:
    """The gradient of the sum over channels of ReLU of one cell (1, C), by the pixels (1, 3, H', W') that it saw."""
    return torch.autograd.grad(cell.relu().sum(), pixels)[0]


class Total:
    """Sums of the contributions of images whose gradients are finite, on a map `reach` times as high and wide."""

    def __init__(self, reach: int = 1) -> None:
        self.reach = reach
        self.size: tuple[int, int] | None = None  # of an image
        self.count = self.used = 0
        self.positive = self.absolute = np.zeros((0, 0))

    def is_first(self, image: torch.Tensor) -> bool:
        """Whether an image is the first of all; UserError for one of another size than the first."""
        found = (image.shape[2], image.shape[3])
        if self.size is None:
            self.size = found
            self.positive, self.absolute = (np.zeros((self.reach * found[0], self.reach * found[1])) for _ in range(2))
            return True
        if found != self.size:
            before = f"{self.size[0]} x {self.size[1]}"
            raise UserError(
                f"image {self.count} has {found[0]} x {found[1]} pixels, those before {before}; resize them."
            )
        return False

    def add(self, gradient: torch.Tensor, top: int, left: int) -> None:
        """Adds the gradient (1, 3, H', W') of one image, whose first pixel lies at a place of the map."""
        self.count += 1
        positive, absolute = (
            values.cpu().double().sum((0, 1)).numpy() for values in (gradient.relu(), gradient.abs())
        )  # (H', W') each
        if np.isfinite(absolute).all():
            self.used += 1
            height, width = absolute.shape
            self.positive[top : top + height, left : left + width] += positive
            self.absolute[top : top + height, left : left + width] += absolute

    def mean(self, name: str) -> Contribution:
        """The mean over images. Raises UserError without images, NotApplicable where none has finite gradients."""
        if not self.count:
            raise UserError("no images to measure the effective receptive field on; expected at least one.")
        if not self.used:
            raise NotApplicable(
                f"'{name}': its gradients are not finite in any of {self.count} images. Check weights and images."
            )
        return Contribution(self.positive / self.used, self.absolute / self.used, self.used, self.count - self.used)


def centre_part(model: Network, image: torch.Tensor, name: str) -> tuple[Span, Span]:
    """The rows and columns of an image that give its centre cell the same value as the whole image.

    The theory is tried once on noise. If it fails, as for a network that treats other sizes differently, the answer is
    the whole image.
    """
    height, width = image.shape[2:]
    whole = whole_of(image)
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


def whole_of(image: torch.Tensor) -> tuple[Span, Span]:
    """All rows and columns of an image."""
    height, width = image.shape[2:]
    return Span(0, height, height), Span(0, width, width)


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
