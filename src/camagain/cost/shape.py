"""Numbers of a network that time, memory and disk depend on, found without computing anything.

Those of the networks whose training steps were measured are stored (shapes.csv, written by `make docs`): every estimate
wants them, and each takes a second to find.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

CLASSES = 200
"""Of the classifier, as CUB-200-2011 has them."""


@dataclass(frozen=True)
class Shape:
    """Parameters of a network with CUB's 200 classes, its last feature maps, and what a forward pass takes."""

    parameters: int
    channels: int
    cells: int  # of the grid of one image
    activations: int  # numbers that the layers before the classifier write for one image
    norm: bool  # whether a norm may stand between these maps and the classifier: maps are then made at two taps
    operations: int  # multiplications and additions for one image, as torch counts them


def shape_of(architecture: str, size: int) -> Shape:
    """The shape of a network at an input size, in pixels; UserError for a name that no network has."""
    return stored().get((architecture, size)) or found(architecture, size)


@cache
def stored() -> dict[tuple[str, int], Shape]:
    """The shapes that are known already, by architecture and input size."""
    rows = pd.read_csv(Path(__file__).with_name("shapes.csv")).itertuples(index=False)
    return {(architecture, size): Shape(*numbers) for architecture, size, *numbers in rows}


@cache
def found(architecture: str, size: int) -> Shape:
    """The shape of a network as its layers say."""
    import torch
    from torch import nn
    from torch.utils.flop_counter import FlopCounterMode

    from camagain.models import create

    written = 0

    def count(layer: nn.Module, arguments: object, output: object) -> None:
        nonlocal written
        written += output.numel() if isinstance(output, torch.Tensor) else 0

    with torch.device("meta"), torch.no_grad():  # no memory, no random numbers
        network = create(architecture, CLASSES).eval()
        layers = [module for module in network.modules() if next(module.children(), None) is None]
        hooks = [layer.register_forward_hook(count) for layer in layers]
        with FlopCounterMode(display=False) as counter:
            features = network.forward_features(torch.empty(1, 3, size, size))
            for hook in hooks:
                hook.remove()
            network.forward_head(features)
    norms = (getattr(network, "norm", None), getattr(getattr(network, "head", None), "norm", None))
    return Shape(
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        channels=features.shape[1],
        cells=features[0, 0].numel(),
        activations=written,
        norm=any(norm is not None and not isinstance(norm, nn.Identity) for norm in norms),
        operations=counter.get_total_flops(),
    )
