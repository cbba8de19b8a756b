"""From feature maps to one number per channel: the plain mean, and the thresholded mean of Bae et al. (ECCV 2020).

A network learns with the latter when it is created with the option `thresholded_pooling`. It still has a linear
classifier and class activation maps, but their mean is no longer the class score.
"""

from camagain import _timm  # isort: skip  # noqa: F401  # before timm

from collections.abc import Callable
from functools import partial

import torch
from timm.layers import SelectAdaptivePool2d
from torch import nn

from camagain.errors import UserError

Pool = Callable[[torch.Tensor], torch.Tensor]
"""Feature maps (B, C, h, w) -> pooled features (B, C)."""

THETA = 0.1
"""The threshold that Bae et al. train with, share of a channel's maximum."""


def average(features: torch.Tensor) -> torch.Tensor:
    """Global average pooling (GAP): the mean over all cells, (B, C, h, w) -> (B, C)."""
    return features.mean((2, 3))


def thresholded_average(features: torch.Tensor, theta: float = THETA) -> torch.Tensor:
    """Thresholded average pooling (TAP): the mean of the cells above theta times their channel's maximum.

    (B, C, h, w) -> (B, C), each 0 or positive. GAP divides the sum over the same few cells by h * w instead, so that a
    channel of small area needs a large class weight. A cell equal to the threshold is left out. A channel whose maximum
    is not positive has no such cell and is pooled to 0: of signed feature maps only the positive part is seen. Both
    follow from the authors' code, where f > theta * max f holds for no cell of such a channel; theta is in [0, 1).
    """
    peak = features.amax((2, 3), keepdim=True)  # (B, C, 1, 1)
    kept = features > theta * peak  # (B, C, h, w), nowhere where the peak is not positive
    return (features * kept).sum((2, 3)) / kept.sum((2, 3)).clamp_min(1)


class ThresholdedAveragePool(nn.Module):
    """Thresholded average pooling as a layer: (B, C, h, w) -> (B, C), or (B, C, 1, 1) without `flatten`."""

    def __init__(self, theta: float = THETA, flatten: bool = True) -> None:
        super().__init__()
        self.theta, self.flatten = theta, flatten

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        pooled = thresholded_average(features, self.theta)  # (B, C)
        return pooled if self.flatten else pooled[:, :, None, None]


def pool_thresholded(network: nn.Module, theta: float, name: str) -> None:
    """Replaces the average pooling in a network's head by ThresholdedAveragePool, in place; weights stay as they are.

    UserError for a theta outside [0, 1), and for a head without such a layer as timm's heads have.
    """
    if isinstance(theta, bool) or not isinstance(theta, int | float) or not 0 <= theta < 1:
        raise UserError(
            f"'{name}': thresholded_pooling is {theta!r}; expected a number from 0 to below 1, such as 0.1."
        )
    for owner in (network, getattr(network, "head", None)):
        pool = getattr(owner, "global_pool", None)
        if isinstance(pool, SelectAdaptivePool2d) and isinstance(pool.pool, nn.AdaptiveAvgPool2d):
            flatten = not isinstance(pool.flatten, nn.Identity)
            owner.global_pool = ThresholdedAveragePool(theta, flatten)  # type: ignore[union-attr]
            return
    raise UserError(
        f"'{name}': its head has no layer of average pooling that thresholded_pooling could replace. Leave the option "
        "out, or choose another architecture."
    )


def pool_of(network: nn.Module) -> Pool:
    """How a network pools its feature maps: thresholded where it was created so, else by the plain mean."""
    layers = (layer for layer in network.modules() if isinstance(layer, ThresholdedAveragePool))
    layer = next(layers, None)
    return average if layer is None else partial(thresholded_average, theta=layer.theta)
