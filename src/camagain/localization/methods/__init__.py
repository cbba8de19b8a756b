"""All score maps of a batch of images, by the name under which they are stored. Each module beside makes some.

| name | map |
|---|---|
| `<method>` | one of the experiment's methods, in its variant and from its tap |
| `<method>.<variant>` | the other variant, published or described, of a method that has variants |
| `<method>.<tap>` | the other tap, before-norm or after-norm, where a norm stands between maps and classifier |
| `<method>.<variant>.<tap>` | both |

The last three serve one table, `evaluation-choices`. They are made here because there is only one pass over the images.
Axes: B images, K classes, C channels, h x w cells.
"""

from collections.abc import Callable, Mapping
from itertools import product
from typing import get_args

import torch

from camagain.config import Localization
from camagain.config.methods import declared, method_module, uses_true_class
from camagain.localization.maps import Variant
from camagain.registry import implementation

Maps = Callable[[torch.Tensor, torch.Tensor, Variant], torch.Tensor]


def function_of(method: str) -> Maps:
    """The function that makes a native method's maps."""
    module = implementation("camagain.localization.methods", method_module(method))
    made: Maps = getattr(module, declared(method).function)
    return made


def score_maps(
    settings: Localization,
    taps: Mapping[str, torch.Tensor],
    class_weight: torch.Tensor,
    predicted: torch.Tensor,
    true: torch.Tensor,
) -> dict[str, torch.Tensor]:
    """The maps of native methods that the experiment asks for, and their alternatives: name -> (B, h, w).

    `taps`: feature maps (B, C, h, w) by tap, the other tap only where it differs. `class_weight`: (K, C). `predicted`
    and `true`: (B,).
    """
    made: dict[str, torch.Tensor] = {}
    for method in settings.methods:
        if not declared(method).native:
            continue
        make, weights = function_of(method), class_weight[true if uses_true_class(method) else predicted]  # (B, C)
        variants = get_args(Variant) if declared(method).variants else (settings.variant,)
        for variant, (tap, features) in product(variants, taps.items()):
            name: str = method
            name += f".{variant}" if variant != settings.variant else ""
            name += f".{tap}" if tap != settings.tap else ""
            made[name] = make(features, weights, variant)
    return made
