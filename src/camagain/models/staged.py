"""What RepLKNet and SLaK share: a stem, stages of blocks, a head, and everything that timm expects around them."""

from camagain import _timm  # isort: skip  # noqa: F401  # before timm

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from timm.models import build_model_with_cfg, checkpoint_seq
from torch import nn

from camagain.errors import UserError
from camagain.models.convert import filter_for_timm

Network = TypeVar("Network", bound=nn.Module)


class Stage(nn.Module):
    """A transition (none in the first stage) and its blocks: (B, C', H, W) -> (B, C, H/s, W/s)."""

    def __init__(self, downsample: nn.Module | None, blocks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.downsample = downsample or nn.Identity()
        self.blocks = nn.Sequential(*blocks)
        self.grad_checkpointing = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.downsample(x)  # (B, C, H/s, W/s)
        if self.grad_checkpointing and not torch.jit.is_scripting():
            return checkpoint_seq(self.blocks, x)
        return self.blocks(x)


class StagedNetwork(nn.Module):
    """A network of `stem`, `stages` and `head`, with timm's methods; its subclass builds the three.

    `feature_info` has one entry per stage, as timm's `features_only` reads it.
    """

    stem: nn.Module
    stages: nn.Sequential
    head: nn.Module

    def __init__(self, num_classes: int, widths: Sequence[int], stem_stride: int, strides: Sequence[int]) -> None:
        super().__init__()
        self.num_classes, self.num_features, self.head_hidden_size = num_classes, widths[-1], widths[-1]
        self.feature_info: list[dict] = []
        reduction = stem_stride
        for s, (width, stride) in enumerate(zip(widths, (1, *strides), strict=True)):
            reduction *= stride
            self.feature_info.append({"num_chs": width, "reduction": reduction, "module": f"stages.{s}"})

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        """The last feature maps, before any norm and before pooling."""
        return self.stages(self.stem(x))  # (B, C, H/32, W/32)

    def forward_head(self, x: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        """Class scores of feature maps, or what the linear layer takes: (B, C, H, W) -> (B, num_classes) or (B, C)."""
        return self.head(x, pre_logits=pre_logits)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.forward_head(self.forward_features(x))

    @torch.jit.ignore
    def get_classifier(self) -> nn.Module:
        return self.head.fc  # type: ignore[return-value]

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        self.num_classes = num_classes
        self.head.reset(num_classes, global_pool)  # type: ignore[operator]

    @torch.jit.ignore
    def set_grad_checkpointing(self, enable: bool = True) -> None:
        for stage in self.stages:
            stage.grad_checkpointing = enable  # type: ignore[assignment]

    @torch.jit.ignore
    def group_matcher(self, coarse: bool = False) -> dict:
        """Which parameters share a learning rate under layer-wise decay: a stage (coarse), or a block of a stage.

        What no pattern matches goes with the head: the classifier and the final norm.
        """
        fine = [(r"^stages\.(\d+)\.downsample", (0,)), (r"^stages\.(\d+)\.blocks\.(\d+)", None)]
        return {"stem": r"^stem", "blocks": r"^stages\.(\d+)" if coarse else fine}


def drop_rates(last: float, depths: Sequence[int]) -> list[list[float]]:
    """Rates of stochastic depth per stage and block, rising evenly from 0 in the first block to `last`."""
    rates = iter(torch.linspace(0, last, sum(depths), device="cpu").tolist())
    return [[next(rates) for _ in range(depth)] for depth in depths]


def check_stages(strides: Sequence[int], **per_stage: Sequence[int]) -> None:
    """UserError unless every list has one value per stage, and `strides` one per transition between stages."""
    if {len(values) for values in per_stage.values()} != {len(strides) + 1}:
        lists = ", ".join(f"{name} {list(values)}" for name, values in per_stage.items())
        raise UserError(f"{lists}: expected one value per stage, and one fewer in strides {list(strides)}.")


def build(
    network: type[Network], name: str, pretrained: bool, rename: Callable = filter_for_timm, **settings
) -> Network:
    """timm's builder, with feature extraction per stage; `rename` gives the tensors of a downloaded file our names."""
    return build_model_with_cfg(
        network,
        name,
        pretrained,
        pretrained_filter_fn=rename,
        feature_cfg={"out_indices": (0, 1, 2, 3), "flatten_sequential": True},
        **settings,
    )
