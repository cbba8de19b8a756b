"""Narrow networks for small images: one per family, with a 12 x 12 feature grid at 96 px like the paper's at 384 px.

The paper's networks end at stride 32, which leaves 3 x 3 cells of a 96 px image: no map to look at. These stay at
stride 8 by dropping the last two strides, as networks for class activation maps have done since Zhou et al. (2016).
"""

from typing import TypeVar

import torch
from timm.models import build_model_with_cfg, register_model
from timm.models.convnext import ConvNeXt
from timm.models.resnet import BasicBlock, ResNet
from torch import nn

from camagain.models.replknet import RepLKNet
from camagain.models.slak import SLaK
from camagain.models.staged import build

Network = TypeVar("Network", bound=nn.Module)

INPUT = {
    "num_classes": 1000,
    "input_size": (3, 96, 96),
    "pool_size": (12, 12),
    "crop_pct": 1.0,
    "mean": (0.5, 0.5, 0.5),
    "std": (0.5, 0.5, 0.5),
}

default_cfgs = {  # timm looks this name up in the module that registers a model
    "resnet_narrow": {**INPUT, "first_conv": "conv1", "classifier": "fc"},
    "convnext_narrow": {**INPUT, "first_conv": "stem.0", "classifier": "head.fc"},
    "replknet_narrow": {**INPUT, "first_conv": "stem.0", "classifier": "head.fc"},
    "slak_narrow": {**INPUT, "first_conv": "stem.0", "classifier": "head.fc"},
}


@register_model
def resnet_narrow(pretrained: bool = False, **kwargs) -> ResNet:
    """ResNet (He et al. 2016) with its stem, then one basic block per stage, widths 24, 48, 96, 128; stride 8."""
    settings = {
        "block": BasicBlock,
        "layers": (1, 1, 1, 1),
        "channels": (24, 48, 96, 128),
        "output_stride": 8,
        **kwargs,
    }
    return undilate(build_model_with_cfg(ResNet, "resnet_narrow", pretrained, **settings))


class NarrowConvNeXt(ConvNeXt):
    """ConvNeXt's stages, changed where a small network from random weights on a thousand images needs it.

    The original (patch stem, LayerNorm, weights of standard deviation 0.02) stayed near chance in short trials: 24 % of
    8 SynthBirds classes on val after 16 epochs at batch 32 (one seed). This one has 98.8 to 100 % on test after the
    demo's 5 epochs at batch 16 (six seeds). The stem is ResNet's, whose max-pooling keeps small coloured spots;
    BatchNorm stands for LayerNorm, which drops how strong a colour is; weights start as He et al. (2015) draw them, and
    depthwise kernels near the identity, so that the first nonlinearity sees single cells and not averages over 7 x 7 of
    them. As in the authors' fine-tuned ConvNeXt no norm follows the last stage: a class score is exactly the mean of
    its map.
    """

    def __init__(self, dims: tuple[int, ...], **settings) -> None:
        super().__init__(dims=dims, **settings)
        self.stem = pooling_stem(3, dims[0])
        self.head.norm = nn.Identity()
        start_weights(self)


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


@register_model
def convnext_narrow(pretrained: bool = False, **kwargs) -> ConvNeXt:
    """ConvNeXt (Liu et al. 2022) with depths 1-1-2-1 and widths 24, 48, 96, 128; stride 8; see `NarrowConvNeXt`."""
    settings = {
        "depths": (1, 1, 2, 1),
        "dims": (24, 48, 96, 128),
        "output_stride": 8,
        "norm_layer": "batchnorm2d",
        "conv_mlp": True,
        "ls_init_value": 1.0,
        **kwargs,
    }
    network = build_model_with_cfg(
        NarrowConvNeXt,
        "convnext_narrow",
        pretrained,
        feature_cfg={"out_indices": (0, 1, 2, 3), "flatten_sequential": True},
        **settings,
    )
    return undilate(network)


@register_model
def replknet_narrow(pretrained: bool = False, **kwargs) -> RepLKNet:
    """RepLKNet (Ding et al. 2022) with its kernels 31-29-27-13, depths 1-1-2-1, widths 24, 48, 96, 128; stride 8."""
    settings = {
        "widths": (24, 48, 96, 128),
        "depths": (1, 1, 2, 1),
        "strides": (2, 1, 1),
        "stem": pooling_stem,
        "final_norm": False,
        **kwargs,
    }
    network = build(RepLKNet, "replknet_narrow", pretrained, **settings)
    start_weights(network)
    return network


@register_model
def slak_narrow(pretrained: bool = False, **kwargs) -> SLaK:
    """SLaK (Liu et al. 2023) with its kernels 51-49-47-13, depths 1-1-2-1, widths 24, 48, 96, 128; stride 8."""
    settings = {
        "dims": (24, 48, 96, 128),
        "width_factor": 1.0,
        "depths": (1, 1, 2, 1),
        "strides": (2, 1, 1),
        "stem": pooling_stem,
        "norm_layer": nn.BatchNorm2d,
        "layer_scale": 1.0,
        "final_norm": False,
        **kwargs,
    }
    network = build(SLaK, "slak_narrow", pretrained, **settings)
    start_weights(network)
    return network


def undilate(network: Network) -> Network:
    """Sets every dilated convolution of odd size back to its plain kernel, in place, keeping the output size.

    timm dilates the kernels behind a dropped stride, to keep pretrained weights meaningful. There are none here, a
    7 x 7 kernel dilated by 4 is wider than the whole 12 x 12 grid, and CPUs run dilated depthwise kernels half as fast.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.dilation != (1, 1) and all(side % 2 for side in layer.kernel_size):
            layer.dilation = (1, 1)
            layer.padding = (layer.kernel_size[0] // 2, layer.kernel_size[1] // 2)
    return network
