"""The effective receptive field: how much each pixel contributes to the centre of a network's last feature maps.

Luo et al. (NeurIPS 2016) defined it; this is the procedure by which RepLKNet (Ding et al., CVPR 2022) and after it
SLaK compare large kernels: a map of contributions, averaged over images (`contribution_map`), and the side of the
square that holds a given share of it (`area_ratios`).
"""

import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from camagain.analysis.receptive_field import Span, receptive_field
from camagain.errors import UserError
from camagain.models.zoo import Network, feature_maps

THRESHOLDS = (0.2, 0.3, 0.5, 0.99)
"""Shares of the contribution for which the RepLKNet and SLaK papers print areas."""

TOLERANCE = 1e-4
"""Largest relative difference of the centre cell with and without a crop; rounding stays near 1e-6."""

TIE = 1e-9
"""Shares closer than this to a threshold are computed again exactly; cumulative sums are wrong by less than 1e-11."""


def contribution_map(
    model: Network, images: torch.Tensor | Iterable[torch.Tensor], name: str = "network", crop: bool = True
) -> np.ndarray:
    """How much each pixel contributes to the centre of the last feature maps, images (N, 3, H, W) -> (H, W) float64.

    For one image x with the last feature maps F (C, h, w) of `camagain.models.zoo.feature_maps`: s = sum over channels
    of ReLU(F[:, h // 2, w // 2]), contribution = ReLU(ds/dx) summed over RGB; returned is its mean over images, >= 0.
    `images` may also be an iterable of (1, 3, H, W), so that not all are in memory. The map's absolute scale matters to
    `area_ratios`: normalise images as the network was trained. Maps of a single cell are allowed: it is the centre.

    Networks are run in eval mode, one image at a time, and left as they were. Only the part of the image that the
    centre can depend on is computed, where `receptive_field` knows it and a trial on noise agrees; `crop=False`
    computes all of it. Give a network with large kernels to `camagain.models.replace_large_kernels` first.

    Images whose contributions are not all finite are skipped with a RuntimeWarning. Raises UserError when that is all
    of them, when there are none, when they differ in size, and for a network without feature maps of such images.

    Source: erf/visualize_erf.py of DingXiaoH/RepLKNet-pytorch. Deviations: infinite maps are skipped, too, not only
    those with NaN, and sums over RGB and images are in float64, not float32.
    """
    if not hasattr(model, "forward_features"):
        raise UserError(f"'{name}': a {type(model).__name__} has no `forward_features`; choose one of timm's networks.")
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
            score = centre(features(model, pixels, name), part).relu().sum()
            (gradient,) = torch.autograd.grad(score, pixels)
            contribution = gradient.relu().double().sum((0, 1)).cpu().numpy()  # (H', W') of the part
            if np.isfinite(contribution).all():
                used += 1
                total[rows.start : rows.stop, columns.start : columns.stop] += contribution
    if total is None:
        raise UserError("no images to measure the effective receptive field on; expected at least one.")
    if not used:
        raise UserError(f"'{name}': its gradients are not finite in any of {count} images. Check weights and images.")
    if used < count:
        warnings.warn(
            f"'{name}': skipped {count - used} of {count} images with gradients that are not finite.", RuntimeWarning, 2
        )
    return total / used


def area_ratios(
    contribution: np.ndarray, thresholds: Sequence[float] = THRESHOLDS
) -> dict[float, tuple[int, float] | None]:
    """The smallest centred square that holds more than each share t of the contribution, (H, W) -> {t: (side, ratio)}.

    With D = log10(A + 1) / max(log10(A + 1)) of the contribution A, it is the smallest odd side 2 i + 1, i from 1, of a
    square centred at (H // 2, W // 2) whose sum of D is strictly more than t times that of the map; ratio = side^2 /
    (H W), in (0, 1]. None where no square of the map holds that much: squares grow while they fit, to i =
    min(H, W) // 2 - 1, which leaves out the first row and column of an even map.

    A share is the quotient of two sums, each rounded once, so that neither the order of summation nor the route decides
    ties. Raises ValueError for a map that is not two-dimensional, has a side below 4 (no square fits), a negative,
    infinite or missing value, or nothing that log10(A + 1) can tell from 0, and for t outside [0, 1).

    Source: erf/analyze_erf.py of DingXiaoH/RepLKNet-pytorch, same sides for square and wide maps. Ours: on tall maps
    its squares reach beyond the map, and its sums are in the dtype of the map.
    """
    values = np.asarray(contribution, dtype=np.float64)
    check_contribution(values)
    outside = [t for t in thresholds if not 0 <= t < 1]
    if outside:
        raise ValueError(f"thresholds {outside} are outside [0, 1)")
    height, width = values.shape
    scaled = np.log10(values + 1)
    scaled /= scaled.max()
    ring = np.maximum.outer(abs(np.arange(height) - height // 2), abs(np.arange(width) - width // 2))  # (H, W)
    shares = np.bincount(ring.ravel(), weights=scaled.ravel()).cumsum()  # of the square with half side i
    shares /= shares[-1]
    largest = min(height, width) // 2 - 1

    def exceeds(i: int, t: float) -> bool:
        if abs(shares[i] - t) > TIE:
            return bool(shares[i] > t)
        square = scaled[height // 2 - i : height // 2 + i + 1, width // 2 - i : width // 2 + i + 1]
        return math.fsum(square.ravel()) / math.fsum(scaled.ravel()) > t

    found: dict[float, tuple[int, float] | None] = {}
    for t in thresholds:
        first = max(1, int(np.searchsorted(shares, t - TIE)))  # shares do not fall: none before it can exceed t
        i = next((i for i in range(first, largest + 1) if exceeds(i, t)), None)
        found[t] = None if i is None else (2 * i + 1, (2 * i + 1) ** 2 / (height * width))
    return found


def check_contribution(values: np.ndarray) -> None:
    """ValueError, by name, for a contribution map that has no area ratios."""
    if values.ndim != 2 or min(values.shape) < 4:
        raise ValueError(f"contribution has shape {values.shape}; expected (H, W) of at least 4 x 4")
    if not np.isfinite(values).all():
        raise ValueError(f"contribution has {np.sum(~np.isfinite(values))} values that are not finite")
    if values.min() < 0:
        raise ValueError(f"contribution is negative ({values.min()}); expected sums of ReLU(gradient)")
    if np.log10(values.max() + 1) == 0:
        raise ValueError(f"contribution is at most {values.max()}, of which log10(A + 1) is 0: nothing to share out")


def centre_part(model: Network, image: torch.Tensor, name: str) -> tuple[Span, Span]:
    """The rows and columns of an image that give its centre cell the same value as the whole image.

    The theory is tried once on noise; the whole image if it fails, as for a network that treats other sizes otherwise.
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
        expected = centre(features(model, noise, name), whole)
        try:
            found = centre(features(model, cut(noise, (rows, columns)), name), (rows, columns))
        except UserError:  # a network for images of one size
            return whole
    exact = (found - expected).abs().max() <= TOLERANCE * expected.abs().max()
    return (rows, columns) if exact else whole


def cut(image: torch.Tensor, part: tuple[Span, Span]) -> torch.Tensor:
    rows, columns = part
    return image[:, :, rows.start : rows.stop, columns.start : columns.stop]


def features(model: Network, image: torch.Tensor, name: str) -> torch.Tensor:
    """The last feature maps, (1, 3, H, W) -> (1, C, h, w); UserError if the network cannot take such an image."""
    try:
        return feature_maps(model, image, name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(f"'{name}' computes no feature maps of {size(image)} pixels: {reason}") from error


def centre(maps: torch.Tensor, part: tuple[Span, Span]) -> torch.Tensor:
    """The channels of the whole image's centre cell in the maps of a part of it: (1, C, h, w) -> (1, C)."""
    row, column = (s // 2 if span.cell is None else span.cell for s, span in zip(maps.shape[2:], part, strict=True))
    return maps[:, :, row, column]


def single_images(images: torch.Tensor | Iterable[torch.Tensor], model: nn.Module) -> Iterator[torch.Tensor]:
    """Images one by one, each (1, 3, H, W), in the network's dtype and where it is."""
    weight = next(model.parameters())
    for image in (images[i : i + 1] for i in range(len(images))) if isinstance(images, torch.Tensor) else images:
        if image.ndim != 4 or image.shape[:2] != (1, 3) or not image.is_floating_point():
            raise ValueError(f"image is {image.dtype} of shape {tuple(image.shape)}; expected floats of (1, 3, H, W)")
        yield image.detach().to(weight)


def size(image: torch.Tensor | np.ndarray) -> str:
    return f"{image.shape[-2]} x {image.shape[-1]}"


@contextmanager
def measuring(model: nn.Module) -> Iterator[None]:
    """The network in eval mode and without gradients of its parameters; afterwards as it was."""
    modes = [(module, module.training) for module in model.modules()]
    wanted = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    try:
        model.eval().requires_grad_(False)
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode
        for parameter, want in wanted:
            parameter.requires_grad_(want)
