"""What the narrow networks share, one for each family: for small images, with a 12 x 12 feature grid at 96 px.

That is the grid of the paper's networks at 384 px. The paper's end at stride 32, which leaves only 3 x 3 cells of a
96 px image. The narrow ones stay at stride 8 by dropping the last two strides, as networks for class activation maps
have done since Zhou et al. (2016).
"""

from typing import Any, TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def narrow_cfg(first_conv: str, classifier: str) -> dict[str, Any]:
    """What timm is told of a narrow network: its input, and the names of its first and last layer."""
    return {
        "num_classes": 1000,
        "input_size": (3, 96, 96),
        "pool_size": (12, 12),
        "crop_pct": 1.0,
        "mean": (0.5, 0.5, 0.5),
        "std": (0.5, 0.5, 0.5),
        "first_conv": first_conv,
        "classifier": classifier,
    }


def pooling_stem(inputs: int, width: int) -> nn.Sequential:
    """ResNet's stem, (B, 3, H, W) -> (B, C, H/4, W/4): its max-pooling keeps small spots of colour."""
    return nn.Sequential(
        nn.Conv2d(inputs, width, kernel_size=7, stride=2, padding=3, bias=False),  # (B, C, H/2, W/2)
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2, padding=1),  # (B, C, H/4, W/4)
    )


def start_weights(network: nn.Module) -> None:
    """Draws weights, in place, as He et al. (2015), and moves depthwise kernels near the identity.

    The first nonlinearity then sees single cells and not averages over a large neighbourhood of them.
    """
    for layer in network.modules():
        if not isinstance(layer, nn.Conv2d):
            continue
        if layer.groups == 1:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        else:
            height, width = layer.kernel_size
            with torch.no_grad():
                layer.weight[:, 0, height // 2, width // 2] += 1


def undilate(network: Network) -> Network:
    """Sets every dilated convolution of odd size back to its plain kernel, in place, keeping the output size.

    timm dilates the kernels behind a dropped stride, to keep pretrained weights meaningful. The narrow networks have
    none, a 7 x 7 kernel dilated by 4 is wider than their whole 12 x 12 grid, and CPUs run dilated depthwise kernels
    half as fast.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.dilation != (1, 1) and all(side % 2 for side in layer.kernel_size):
            layer.dilation = (1, 1)
            layer.padding = (layer.kernel_size[0] // 2, layer.kernel_size[1] // 2)
    return network
