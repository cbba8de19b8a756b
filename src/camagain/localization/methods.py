"""All score maps of a batch of images, by the name under which they are stored.

| name | map |
|---|---|
| `<method>` | one of the experiment's methods, in its variant and from its tap |
| `<method>.<variant>` | the other variant of `cam` or `pc1`: published or described |
| `<method>.<tap>` | the other tap, before-norm or after-norm, where a norm stands between maps and classifier |
| `<method>.<variant>.<tap>` | both |

The others serve one table, that of what each choice costs. They are made here because the pass over the images is made
once. Axes: B images, K classes, C channels, h x w cells.
"""

from collections.abc import Callable, Mapping
from itertools import product
from typing import get_args

import torch

from camagain.config import Localization
from camagain.config.methods import CAM_METHODS, base_of, uses_true_class
from camagain.localization.maps import Variant, cam
from camagain.localization.principal import pc1

Maps = Callable[[torch.Tensor, torch.Tensor, Variant], torch.Tensor]
FUNCTIONS: Mapping[str, Maps] = {"cam": cam, "pc1": pc1}


def score_maps(
    settings: Localization,
    taps: Mapping[str, torch.Tensor],
    class_weight: torch.Tensor,
    predicted: torch.Tensor,
    true: torch.Tensor,
) -> dict[str, torch.Tensor]:
    """CAM and PC1 maps that the experiment asks for, and their alternatives: name -> (B, h, w).

    `taps`: feature maps (B, C, h, w) by tap, the other tap only where it differs. `class_weight`: (K, C). `predicted`
    and `true`: (B,).
    """
    made: dict[str, torch.Tensor] = {}
    for method in settings.methods:
        base = base_of(method)
        if base not in CAM_METHODS:
            continue
        weights = class_weight[true if uses_true_class(method) else predicted]  # (B, C)
        for variant, (tap, features) in product(get_args(Variant), taps.items()):
            name: str = method
            name += f".{variant}" if variant != settings.variant else ""
            name += f".{tap}" if tap != settings.tap else ""
            made[name] = FUNCTIONS[base](features, weights, variant)
    return made
