"""Numbers of a network that memory and disk depend on, found without computing anything."""

from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Shape:
    """Parameters of a network with CUB's 200 classes, and its last feature maps."""

    parameters: int
    channels: int
    cells: int  # of the grid of one image
    activations: int  # numbers that the layers of a forward pass write for one image
    norm: bool  # whether a norm may stand between these maps and the classifier: maps are then made at two taps


@cache
def shape_of(architecture: str, size: int) -> Shape:
    """The shape of a network at an input size; UserError for a name that no network has."""
    import torch
    from torch import nn

    from camagain.cost.estimate import CUB
    from camagain.models import create

    written = 0

    def count(layer: nn.Module, arguments: object, output: object) -> None:
        nonlocal written
        written += output.numel() if isinstance(output, torch.Tensor) else 0

    with torch.device("meta"), torch.no_grad():  # no memory, no random numbers
        network = create(architecture, CUB.classes).eval()
        for module in network.modules():
            if next(module.children(), None) is None:
                module.register_forward_hook(count)
        features = network.forward_features(torch.empty(1, 3, size, size))
    norms = (getattr(network, "norm", None), getattr(getattr(network, "head", None), "norm", None))
    return Shape(
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        channels=features.shape[1],
        cells=features[0, 0].numel(),
        activations=written,
        norm=any(norm is not None and not isinstance(norm, nn.Identity) for norm in norms),
    )
