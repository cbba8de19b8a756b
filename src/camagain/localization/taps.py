"""Feature maps from behind the norm that stands between the last stage and the classifier (`models.decomposition`)."""

import torch
from torch import nn


def after_norm(norm: nn.Module | None, features: torch.Tensor) -> torch.Tensor:
    """Feature maps whose mean is the classifier's input where it pools by the mean, (B, C, h, w) -> same.

    A BatchNorm is applied to the maps as it is. A LayerNorm that the network applies to the mean over cells is, for one
    image, linear in the maps once the deviation of that mean is known: every cell is centred over channels and divided
    by that one deviation. Ours; the paper's code takes its maps before the norm.
    """
    if norm is None:
        return features
    if not isinstance(norm, nn.LayerNorm):
        return norm(features)
    pooled = features.mean((2, 3))  # (B, C)
    deviation = (pooled.var(1, correction=0) + norm.eps).sqrt()[:, None, None, None]  # (B, 1, 1, 1)
    centred = (features - features.mean(1, keepdim=True)) / deviation  # (B, C, h, w)
    scale = 1 if norm.weight is None else norm.weight[:, None, None]  # (C, 1, 1)
    shift = 0 if norm.bias is None else norm.bias[:, None, None]
    return centred * scale + shift
