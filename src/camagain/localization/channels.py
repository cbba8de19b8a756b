"""Per-channel statistics of feature maps, gathered once for every later analysis."""

import torch

THETAS = (0.1, 0.2, 0.5)
"""Shares of a channel's maximum above which a cell counts as activated (0.1 is that of Bae et al. 2020)."""


def gap_values(features: torch.Tensor) -> torch.Tensor:
    """The global average of every channel, (B, C, h, w) -> (B, C)."""
    return features.mean((2, 3))


def activated_cells(features: torch.Tensor, thetas: tuple[float, ...] = THETAS) -> torch.Tensor:
    """How many cells of every channel exceed theta times its maximum, (B, C, h, w) -> (T, B, C) int16.

    The activated area is this count divided by h * w. A channel whose maximum is not positive has none: modern networks
    have signed feature maps, and a share of a negative maximum would count the weakest cells. This definition is ours;
    the paper's is not known.
    """
    peak = features.amax((2, 3), keepdim=True)  # (B, C, 1, 1)
    counts = [((features > theta * peak) & (peak > 0)).sum((2, 3)) for theta in thetas]
    return torch.stack(counts).to(torch.int16)  # (T, B, C)
