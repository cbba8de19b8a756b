"""A way to make score maps for tests: the mean over channels. Added as `localization/methods/mean_map.py`."""

import torch

from camagain.config.methods import ScoreMap
from camagain.localization.maps import Variant, check_shapes

DECLARES = ScoreMap(name="mean-map", title="Mean map", class_free=True)


def mean_map(features: torch.Tensor, weights: torch.Tensor, variant: Variant) -> torch.Tensor:
    """The positive part of the mean over channels, (B, C, h, w) -> (B, h, w) in [0, 1]."""
    check_shapes(features, weights)
    mean = features.mean(1).relu()  # (B, h, w)
    return mean / mean.amax((1, 2), keepdim=True).clamp_min(torch.finfo(mean.dtype).tiny)
