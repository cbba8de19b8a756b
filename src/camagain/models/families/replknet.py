"""RepLKNet: Ding et al., "Scaling Up Your Kernels to 31x31" (CVPR 2022, arXiv 2203.06717), in plain PyTorch.

Read it beside the paper's section 4.1 and figure 4. Axes: B images, C channels, H x W cells of a feature map.

Ours, not the paper's: no stochastic depth unless asked for (the authors' builders default to 0.3), and no hand-written
CUDA operator: a large kernel is an ordinary `nn.Conv2d`, which `camagain.models.replace_large_kernels` can exchange.
"""

from camagain import _timm  # isort: skip  # noqa: F401  # before timm

from collections import OrderedDict
from collections.abc import Callable, Sequence

import torch
from timm.layers import ClassifierHead, DropPath
from timm.models import generate_default_cfgs, register_model
from torch import nn

from camagain.errors import UserError
from camagain.families import Family
from camagain.models.narrow import narrow_cfg, pooling_stem, start_weights
from camagain.models.staged import Stage, StagedNetwork, build, check_stages, drop_rates

DECLARES = Family(name="RepLKNet", key="replknet", year=2022, color="#009E73", modern=True)


def conv_bn(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, relu: bool = False) -> nn.Module:
    """Convolution without bias, BatchNorm, ReLU if asked for: (B, inputs, H, W) -> (B, outputs, H/stride, W/stride)."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["conv"] = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
    layers["bn"] = nn.BatchNorm2d(outputs)
    if relu:
        layers["act"] = nn.ReLU()
    return nn.Sequential(layers)


def conv_stem(inputs: int, width: int) -> nn.Module:
    """The paper's stem, which keeps more detail than one strided convolution: (B, 3, H, W) -> (B, C, H/4, W/4)."""
    return nn.Sequential(
        conv_bn(inputs, width, 3, stride=2, relu=True),  # (B, C, H/2, W/2)
        conv_bn(width, width, 3, groups=width, relu=True),
        conv_bn(width, width, 1, relu=True),
        conv_bn(width, width, 3, stride=2, groups=width, relu=True),  # (B, C, H/4, W/4)
    )


class LargeKernel(nn.Module):
    """A depthwise K x K convolution plus a parallel small one, each with its BatchNorm (the paper's guideline 3).

    The small kernel eases training; `camagain.models.merge` adds it to the large one afterwards.
    """

    def __init__(self, width: int, kernel: int, small_kernel: int | None) -> None:
        super().__init__()
        self.large = conv_bn(width, width, kernel, groups=width)
        self.small = conv_bn(width, width, small_kernel, groups=width) if small_kernel else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.large(x) if self.small is None else self.large(x) + self.small(x)


class RepLKBlock(nn.Module):
    """BN, 1x1 with ReLU, large kernel, ReLU, 1x1, residual: where cells see each other. (B, C, H, W) -> same."""

    def __init__(self, width: int, inner: int, kernel: int, small_kernel: int | None, drop_path: float) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width)
        self.expand = conv_bn(width, inner, 1, relu=True)
        self.large_kernel = LargeKernel(inner, kernel, small_kernel)
        self.act = nn.ReLU()
        self.project = conv_bn(inner, width, 1)
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.expand(self.norm(x))  # (B, inner, H, W)
        y = self.act(self.large_kernel(y))
        return x + self.drop_path(self.project(y))  # (B, C, H, W)


class ConvFFN(nn.Module):
    """BN, 1x1, GELU, 1x1, residual: where channels see each other. (B, C, H, W) -> same."""

    def __init__(self, width: int, inner: int, drop_path: float) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width)
        self.expand = conv_bn(width, inner, 1)
        self.act = nn.GELU()
        self.project = conv_bn(inner, width, 1)
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.act(self.expand(self.norm(x)))  # (B, inner, H, W)
        return x + self.drop_path(self.project(y))  # (B, C, H, W)


class RepLKNet(StagedNetwork):
    """Class scores of images, (B, 3, H, W) -> (B, num_classes).

    `widths`, `depths` and `kernels` have one value per stage, `strides` one per transition between stages; `dw_ratio`
    and `ffn_ratio` widen the inside of RepLKBlock and ConvFFN; `small_kernel=None` leaves the parallel kernel out.
    `stem(in_chans, widths[0])` may build another stem, whose stride is then `stem_stride`. `final_norm=False` leaves
    out the BatchNorm before pooling, so that a class score is exactly the mean of its map.
    """

    def __init__(
        self,
        widths: Sequence[int] = (128, 256, 512, 1024),
        depths: Sequence[int] = (2, 2, 18, 2),
        kernels: Sequence[int] = (31, 29, 27, 13),
        small_kernel: int | None = 5,
        dw_ratio: float = 1.0,
        ffn_ratio: float = 4.0,
        strides: Sequence[int] = (2, 2, 2),
        stem: Callable[[int, int], nn.Module] = conv_stem,
        stem_stride: int = 4,
        final_norm: bool = True,
        in_chans: int = 3,
        num_classes: int = 1000,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        check_stages(strides, widths=widths, depths=depths, kernels=kernels)
        if any(kernel % 2 == 0 for kernel in (*kernels, small_kernel or 1)):
            raise UserError(f"kernels {list(kernels)} and small_kernel {small_kernel} must be odd, to keep the grid.")
        super().__init__(num_classes, widths, stem_stride, strides)
        self.stem = stem(in_chans, widths[0])  # (B, widths[0], H/4, W/4)
        stages = []
        for s, drops in enumerate(drop_rates(drop_path_rate, depths)):
            width, downsample = widths[s], None
            if s > 0:
                downsample = nn.Sequential(
                    conv_bn(widths[s - 1], width, 1, relu=True),  # (B, C, H, W)
                    conv_bn(width, width, 3, stride=strides[s - 1], groups=width, relu=True),  # (B, C, H/s, W/s)
                )
            blocks = []
            for drop in drops:
                replk = RepLKBlock(width, int(width * dw_ratio), kernels[s], small_kernel, drop)
                ffn = ConvFFN(width, int(width * ffn_ratio), drop)
                blocks.append(nn.Sequential(OrderedDict(replk=replk, ffn=ffn)))
            stages.append(Stage(downsample, blocks))
        self.stages = nn.Sequential(*stages)
        self.norm = nn.BatchNorm2d(widths[-1]) if final_norm else nn.Identity()
        self.head = ClassifierHead(widths[-1], num_classes, pool_type=global_pool, drop_rate=drop_rate)
        # Weights start as PyTorch draws them: the authors do nothing else.

    def forward_head(self, x: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        """BatchNorm, mean, linear. The norm is here: the paper's authors take the maps of CAM in front of it."""
        return self.head(self.norm(x), pre_logits=pre_logits)  # (B, num_classes), or (B, C) before the linear layer


OPENMMLAB = "https://download.openmmlab.com/mmclassification/v0/replknet/RepLKNet-"
"""Copies, with other key names, of the authors' files, which lie on Google Drive where timm cannot fetch them."""


def _cfg(file: str | None = None, size: int = 224, normalise: str = "imagenet", **other) -> dict:
    mean, std = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)) if normalise == "imagenet" else ((0.5,) * 3, (0.5,) * 3)
    return {
        "url": OPENMMLAB + file if file else None,
        "num_classes": 1000,
        "input_size": (3, size, size),
        "pool_size": (size // 32, size // 32),
        # The authors crop the middle of a larger image below 384 px, and warp the whole image from 384 px on.
        "crop_pct": 1.0 if size >= 384 else 0.875,
        "crop_mode": "squash" if size >= 384 else "center",
        "interpolation": "bicubic",
        "mean": mean,
        "std": std,
        "first_conv": "stem.0.conv",
        "classifier": "head.fc",
        "license": "mit",
        "origin_url": "https://github.com/DingXiaoH/RepLKNet-pytorch",
        "paper_ids": "arXiv:2203.06717",
        **other,
    }


published_cfgs = generate_default_cfgs(
    {
        # The first of a network is its default: for 31B the one that the paper's authors fine-tuned.
        "replknet_31b.in1k_384": _cfg("31B_ImageNet-1K_384_20221024-3d05883f.pth", 384),
        "replknet_31b.in1k_224": _cfg("31B_ImageNet-1K_224_20221024-debd6715.pth"),
        "replknet_31b.in22k_ft_in1k_224": _cfg("31B_ImageNet-22K-to-1K_224_20221024-f68d7698.pth"),
        "replknet_31b.in22k_ft_in1k_384": _cfg("31B_ImageNet-22K-to-1K_384_20221024-ca9f04ca.pth", 384),
        "replknet_31b.in22k": _cfg(num_classes=21841),
        "replknet_31l.in22k_ft_in1k_384": _cfg("31L_ImageNet-22K-to-1K_384_20221024-6f8ee74d.pth", 384),
        "replknet_31l.in22k": _cfg(num_classes=21841),
        "replknet_xl.meg73m_ft_in1k_320": _cfg("XL_MegData73M_ImageNet1K_20221024-664f2980.pth", 320, "half"),
    }
)
default_cfgs = {**published_cfgs, "replknet_narrow": narrow_cfg("stem.0", "head.fc")}


@register_model
def replknet_31b(pretrained: bool = False, **kwargs) -> RepLKNet:
    """RepLKNet-31B, 79.9 M parameters."""
    return build(RepLKNet, "replknet_31b", pretrained, **{"widths": (128, 256, 512, 1024), **kwargs})


@register_model
def replknet_31l(pretrained: bool = False, **kwargs) -> RepLKNet:
    """RepLKNet-31L, 172.7 M parameters."""
    return build(RepLKNet, "replknet_31l", pretrained, **{"widths": (192, 384, 768, 1536), **kwargs})


@register_model
def replknet_xl(pretrained: bool = False, **kwargs) -> RepLKNet:
    """RepLKNet-XL, 335.4 M parameters: wider large-kernel convolutions of 27 x 27, no small kernel beside them."""
    xl = {"widths": (256, 512, 1024, 2048), "kernels": (27, 27, 27, 13), "small_kernel": None, "dw_ratio": 1.5}
    return build(RepLKNet, "replknet_xl", pretrained, **{**xl, **kwargs})


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
