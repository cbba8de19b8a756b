"""Parts of a score map: evidence of channels for and against a class, and further principal components.

Axes: B images, C channels, h x w cells of the feature grid, Q components, M = COMPONENTS_COUNTED.
"""

import torch

from camagain.localization.maps import check_shapes
from camagain.localization.methods.pc1 import described_sign, principal_axes, scale_channels

COMPONENTS_KEPT = 3
"""Components that are stored as maps."""

COMPONENTS_COUNTED = 30
"""Components whose explained variance is stored: as many as the authors' script fits."""


def evidence_by_sign(features: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Evidence from channels of positive and of negative weight, (B, C, h, w), (B, C) -> (B, h, w) and (B, h, w).

    The first is the sum of w f over channels with w > 0, the second that of |w| f over channels with w < 0: first minus
    second is the evidence that a class activation map is made of. Neither is cut off or scaled; both can be negative
    where features are.
    """
    check_shapes(features, weights)
    positive = torch.einsum("bchw,bc->bhw", features, weights.clamp_min(0))  # (B, h, w)
    negative = torch.einsum("bchw,bc->bhw", features, (-weights).clamp_min(0))  # (B, h, w)
    return positive, negative


def components(features: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The first principal components of PC1's matrix, and the share of variance that each explains.

    (B, C, h, w), (B, C) -> axes (B, Q, h, w) of unit length, each with the sign of the described PC1, and shares of the
    variance (B, M) in descending order, which sum to at most 1. Q = 3 and M = 30; where there are fewer, zeros follow.
    """
    check_shapes(features, weights)
    axes, variance = principal_axes(scale_channels(features * weights[:, :, None, None]))  # (B, R, P), (B, R)
    share = variance / variance.sum(1, keepdim=True).clamp_min(torch.finfo(variance.dtype).tiny)
    maps = padded(axes, COMPONENTS_KEPT).unflatten(2, features.shape[2:])  # (B, Q, h, w)
    signs = torch.stack([described_sign(component) for component in maps.unbind(1)], 1)  # (B, Q)
    return maps * signs[:, :, None, None], padded(share, COMPONENTS_COUNTED)


def padded(values: torch.Tensor, count: int) -> torch.Tensor:
    """The first `count` entries along axis 1, zeros behind where there are fewer."""
    kept = values[:, :count]
    missing = kept.new_zeros(len(kept), count - kept.shape[1], *kept.shape[2:])
    return torch.cat([kept, missing], 1)
