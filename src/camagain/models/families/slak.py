"""SLaK: Liu et al., "More ConvNets in the 2020s: Scaling up Kernels Beyond 51x51 using Sparsity" (ICLR 2023,
arXiv 2207.03620), in plain PyTorch.

A ConvNeXt (Liu et al. 2022) whose 7 x 7 depthwise kernel became a sum of two long strips, K x N and N x K, and a small
N x N kernel (section 4.1), and whose widths are 1.3 times larger (section 4.2) to make up for weights that training
prunes. Axes: B images, C channels, H x W cells of a feature map.

Ours, not the paper's: no sparse training. The published weights are stored with their pruned entries as zeros, so
inference needs no mask. Every strip is an ordinary `nn.Conv2d`, without the authors' CUDA operator.
"""

from camagain import _timm  # isort: skip  # noqa: F401  # before timm

import re
from collections import OrderedDict
from collections.abc import Callable, Sequence

import torch
from timm.layers import DropPath, LayerNorm2d, NormMlpClassifierHead, trunc_normal_
from timm.models import generate_default_cfgs, register_model
from torch import nn

from camagain.errors import UserError
from camagain.families import Family
from camagain.models.narrow import narrow_cfg, pooling_stem, start_weights
from camagain.models.staged import Stage, StagedNetwork, build, check_stages, drop_rates

DECLARES = Family(name="SLaK", key="slak", year=2023, color="#CC79A7", modern=True)

KERNELS = {51: (51, 49, 47, 13), 31: (31, 29, 27, 13), 61: (61, 59, 57, 13)}
"""Largest kernel -> K of the four stages. Only 51 is published; 31 and 61 are our guesses from the same pattern."""


def depthwise_bn(width: int, height: int, length: int) -> nn.Module:
    """Depthwise height x length convolution and BatchNorm: (B, C, H, W) -> same."""
    size, padding = (height, length), (height // 2, length // 2)
    conv = nn.Conv2d(width, width, size, padding=padding, groups=width, bias=False)
    return nn.Sequential(OrderedDict(conv=conv, bn=nn.BatchNorm2d(width)))


class Strips(nn.Module):
    """Three kernels in place of a K x K depthwise one: K x N plus N x K plus N x N, each with BatchNorm (figure 2).

    `camagain.models.merge` reduces it to two strips with a bias.
    """

    def __init__(self, width: int, kernel: int, thickness: int) -> None:
        super().__init__()
        self.tall = depthwise_bn(width, kernel, thickness)
        self.wide = depthwise_bn(width, thickness, kernel)
        self.small = depthwise_bn(width, thickness, thickness)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.tall(x) + self.wide(x) + self.small(x)


class Block(nn.Module):
    """Strips, norm, linear x 4, GELU, linear, layer scale, residual: (B, C, H, W) -> same."""

    def __init__(
        self,
        width: int,
        kernel: int,
        thickness: int,
        norm_layer: Callable[[int], nn.Module],
        layer_scale: float | None,
        drop_path: float,
    ) -> None:
        super().__init__()
        self.strips = Strips(width, kernel, thickness)
        self.norm = norm_layer(width)
        self.expand = nn.Linear(width, 4 * width)
        self.act = nn.GELU()
        self.project = nn.Linear(4 * width, width)
        self.gamma = nn.Parameter(torch.full((width,), layer_scale)) if layer_scale else None
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(self.strips(x))
        y = y.permute(0, 2, 3, 1)  # (B, H, W, C): linear layers act on the last axis
        y = self.project(self.act(self.expand(y)))
        if self.gamma is not None:
            y = self.gamma * y
        return x + self.drop_path(y.permute(0, 3, 1, 2))  # (B, C, H, W)


class SLaK(StagedNetwork):
    """Class scores of images, (B, 3, H, W) -> (B, num_classes).

    `dims` (times `width_factor`, cut to integers), `depths` and `kernels` have one value per stage, `strides` one per
    transition; `thickness` is the paper's N. `norm_layer` makes a norm for C channels of (B, C, H, W), used everywhere
    but behind the strips; `layer_scale` is its starting value, None leaves it out. `stem(in_chans, C)` may build
    another stem than square patches, whose stride is then `stem_stride`. `final_norm=False` leaves out the norm between
    pooling and classifier, so that a class score is exactly the mean of its map.
    """

    def __init__(
        self,
        dims: Sequence[int] = (96, 192, 384, 768),
        depths: Sequence[int] = (3, 3, 9, 3),
        kernels: Sequence[int] = KERNELS[51],
        thickness: int = 5,
        width_factor: float = 1.3,
        strides: Sequence[int] = (2, 2, 2),
        norm_layer: Callable[[int], nn.Module] = LayerNorm2d,
        layer_scale: float | None = 1e-6,
        stem: Callable[[int, int], nn.Module] | None = None,
        stem_stride: int = 4,
        final_norm: bool = True,
        in_chans: int = 3,
        num_classes: int = 1000,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        check_stages(strides, dims=dims, depths=depths, kernels=kernels)
        if thickness % 2 == 0 or any(kernel % 2 == 0 or kernel <= thickness for kernel in kernels):
            raise UserError(f"kernels {list(kernels)} must be odd and larger than thickness {thickness}, itself odd.")
        widths = [int(width_factor * dim) for dim in dims]
        super().__init__(num_classes, widths, stem_stride, strides)
        if stem is None:
            patches = nn.Conv2d(in_chans, widths[0], stem_stride, stem_stride)
            self.stem = nn.Sequential(patches, norm_layer(widths[0]))  # (B, widths[0], H/4, W/4)
        else:
            self.stem = stem(in_chans, widths[0])
        stages = []
        for s, drops in enumerate(drop_rates(drop_path_rate, depths)):
            width, downsample = widths[s], None
            if s > 0:
                patches = nn.Conv2d(widths[s - 1], width, strides[s - 1], strides[s - 1])
                downsample = nn.Sequential(norm_layer(widths[s - 1]), patches)  # (B, C, H/s, W/s)
            blocks = [Block(width, kernels[s], thickness, norm_layer, layer_scale, drop) for drop in drops]
            stages.append(Stage(downsample, blocks))
        self.stages = nn.Sequential(*stages)
        final = norm_layer if final_norm else nn.Identity
        self.head = NormMlpClassifierHead(  # mean, norm, linear
            widths[-1], num_classes, pool_type=global_pool, drop_rate=drop_rate, norm_layer=final
        )
        self.apply(self._draw_weights)

    @staticmethod
    def _draw_weights(layer: nn.Module) -> None:
        """Starting weights as in ConvNeXt: standard deviation 0.02 everywhere, however many inputs a kernel has."""
        if isinstance(layer, nn.Conv2d | nn.Linear):
            trunc_normal_(layer.weight, std=0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _cfg(**other) -> dict:
    return {
        "num_classes": 1000,
        "input_size": (3, 224, 224),
        "pool_size": (7, 7),
        "crop_pct": 0.875,
        "interpolation": "bicubic",
        "mean": (0.485, 0.456, 0.406),
        "std": (0.229, 0.224, 0.225),
        "first_conv": "stem.0",
        "classifier": "head.fc",
        "license": "mit",
        "origin_url": "https://github.com/VITA-Group/SLaK",
        "paper_ids": "arXiv:2207.03620",
        **other,
    }


# No addresses: the authors' files lie on Google Drive and SurfDrive, which timm cannot fetch from.
published_cfgs = generate_default_cfgs(
    {
        "slak_tiny.in1k_300ep": _cfg(),
        "slak_tiny.k31_in1k_120ep": _cfg(),
        "slak_tiny.k51_in1k_120ep": _cfg(),
        "slak_tiny.k61_in1k_120ep": _cfg(),
        "slak_small.in1k_300ep": _cfg(),
        "slak_base.in1k_300ep": _cfg(),
    }
)
default_cfgs = {**published_cfgs, "slak_narrow": narrow_cfg("stem.0", "head.fc")}


def _build(name: str, pretrained: bool, kernels: int | Sequence[int] | None, **settings) -> SLaK:
    if kernels is None:  # the tag of the weights names them: `slak_tiny.k31_in1k_120ep`
        tag = settings.get("pretrained_cfg")
        named = re.match(r"k(\d+)_", tag) if isinstance(tag, str) else None
        kernels = int(named[1]) if named else 51
    if isinstance(kernels, int):
        if kernels not in KERNELS:
            raise UserError(f"kernels {kernels} is none of {sorted(KERNELS)}; give a list of one per stage for others.")
        kernels = KERNELS[kernels]
    return build(SLaK, name, pretrained, kernels=kernels, **settings)


@register_model
def slak_tiny(pretrained: bool = False, kernels: int | Sequence[int] | None = None, **kwargs) -> SLaK:
    """SLaK-T; `kernels` is 31, 51 or 61, or one size per stage, and follows from the tag of the weights if left out."""
    settings = {"dims": (96, 192, 384, 768), "depths": (3, 3, 9, 3), **kwargs}
    return _build("slak_tiny", pretrained, kernels, **settings)


@register_model
def slak_small(pretrained: bool = False, kernels: int | Sequence[int] | None = None, **kwargs) -> SLaK:
    """SLaK-S; `kernels` as in `slak_tiny`."""
    settings = {"dims": (96, 192, 384, 768), "depths": (3, 3, 27, 3), **kwargs}
    return _build("slak_small", pretrained, kernels, **settings)


@register_model
def slak_base(pretrained: bool = False, kernels: int | Sequence[int] | None = None, **kwargs) -> SLaK:
    """SLaK-B; `kernels` as in `slak_tiny`."""
    settings = {"dims": (128, 256, 512, 1024), "depths": (3, 3, 27, 3), **kwargs}
    return _build("slak_base", pretrained, kernels, **settings)


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
