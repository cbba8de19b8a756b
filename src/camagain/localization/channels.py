"""Per-channel statistics of feature maps, gathered once for every later analysis."""

import torch

THETAS = (0.1, 0.2, 0.5)
"""Shares of a channel's maximum above which a cell counts as activated (0.1 is that of Bae et al. 2020)."""


def gap_values(features: torch.Tensor) -> torch.Tensor:
    """The global average of every channel, (B, C, h, w) -> (B, C)."""
    return features.mean((2, 3))


def activated_cells(features: torch.Tensor, thetas: tuple[float, ...] = THETAS) -> torch.Tensor:
    """How many cells of every channel exceed theta times its maximum, (B, C, h, w) -> (T, B, C) int16.

    The activated area is this count divided by h * w. A channel whose maximum is not positive, as signed feature maps
    of modern networks have some, has none: a share of such a maximum, theta in [0, 1), is no less than any cell. This
    definition is ours; the paper's is not known.
    """
    peak = features.amax((2, 3), keepdim=True)  # (B, C, 1, 1)
    counts = [(features > theta * peak).sum((2, 3)) for theta in thetas]
    return torch.stack(counts).to(torch.int16)  # (T, B, C)
