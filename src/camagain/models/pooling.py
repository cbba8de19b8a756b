"""From feature maps to one number per channel: the plain mean, and the thresholded mean of Bae et al. (ECCV 2020)."""

from collections.abc import Callable

import torch

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
    kept = (features > theta * peak) & (peak > 0)  # (B, C, h, w)
    return (features * kept).sum((2, 3)) / kept.sum((2, 3)).clamp_min(1)
