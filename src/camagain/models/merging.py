"""Re-parameterisation: parallel depthwise kernels and their BatchNorms as fewer kernels with a bias, exactly.

Convolution is linear and so is BatchNorm with stored statistics, hence

    BN(w * x) = (w g / s) * x + (b - m g / s)        s = sqrt(variance + eps), m mean, g scale, b shift

and a sum of convolutions is one convolution by the sum of their kernels, each padded with zeros around its centre.

- RepLKNet: K x K and 5 x 5 become one K x K kernel.
- SLaK: K x 5, 5 x K and 5 x 5 become K x 5 and 5 x K; the 5 x 5 kernel lies inside either strip. One K x K kernel would
  be exact too, but has K / 10 times as many weights (5 times at K = 51) and almost all of them are zero.
- A branch that was enlarged beyond the others makes the merged kernel as large as itself.
- Any convolution with its BatchNorm right behind it in an nn.Sequential becomes one convolution with a bias.
"""

from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import pad
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval

from camagain.errors import UserError
from camagain.models.families.replknet import LargeKernel
from camagain.models.families.slak import Strips


class MergedStrips(nn.Module):
    """Two strips with a bias: what `merge` leaves of SLaK's three branches. (B, C, H, W) -> same."""

    def __init__(self, tall: nn.Conv2d, wide: nn.Conv2d) -> None:
        super().__init__()
        self.tall, self.wide = tall, wide

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.tall(x) + self.wide(x)


def merge(model: nn.Module) -> nn.Module:
    """Merges every large kernel of `model`, in place, and returns it: the same outputs in eval mode, with less work.

    For inference only: a merged network has no BatchNorm behind its large kernels any more, nor, if it is in eval mode,
    behind other convolutions that share an nn.Sequential with theirs, and its state_dict has other keys. A network
    without any of these, or merged before, stays as it is.

    >>> from camagain.models import create
    >>> network = create("slak_narrow", 5).eval()
    >>> before = len(network.state_dict())
    >>> len(merge(network).state_dict()) < before
    True
    """
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, LargeKernel):
                setattr(module, name, _one_kernel([child.large, *([child.small] if child.small is not None else [])]))
            elif isinstance(child, Strips):
                merged = MergedStrips(_one_kernel([child.tall, child.small]), _one_kernel([child.wide]))
                setattr(module, name, merged.train(child.training))
    for module in model.modules():
        if isinstance(module, nn.Sequential):
            _fold_norms(module)
    return model


def _fold_norms(layers: nn.Sequential) -> None:
    """Folds every BatchNorm in eval mode that directly follows a convolution into it, in place."""
    for (first, conv), (second, bn) in pairwise(list(layers.named_children())):
        if not isinstance(conv, nn.Conv2d) or not isinstance(bn, _BatchNorm):
            continue
        if bn.running_var is not None and not bn.training:
            one = fuse_conv_bn_eval(conv, bn)
            setattr(layers, first, one.requires_grad_(conv.weight.requires_grad))  # else the new bias learns nothing
            setattr(layers, second, nn.Identity().eval())


@torch.no_grad()
def _one_kernel(branches: list[nn.Module]) -> nn.Conv2d:
    """One depthwise convolution with bias that equals the sum of branches (convolution, BatchNorm), largest first."""
    parts = [_parts(branch) for branch in branches]
    largest = parts[0][0]
    height, width = (max(sides) for sides in zip(*(conv.kernel_size for conv, _ in parts), strict=True))
    weight = largest.weight.new_zeros(len(largest.weight), 1, height, width)
    bias = torch.zeros_like(parts[0][1].bias)
    for conv, bn in parts:
        assert bn.running_mean is not None and bn.running_var is not None  # `_parts` has seen to it
        scale = bn.weight / (bn.running_var + bn.eps).sqrt()  # (C,)
        down, right = (height - conv.kernel_size[0]) // 2, (width - conv.kernel_size[1]) // 2
        weight += pad(conv.weight * scale[:, None, None, None], (right, right, down, down))  # (C, 1, height, width)
        bias += bn.bias - bn.running_mean * scale
    one = type(largest)(  # a fast large kernel stays one
        largest.in_channels,
        largest.out_channels,
        (height, width),
        padding=(height // 2, width // 2),
        groups=largest.groups,
        device=weight.device,
        dtype=weight.dtype,
    )
    one.load_state_dict({"weight": weight, "bias": bias})
    return one.train(largest.training)


def _parts(branch: nn.Module) -> tuple[nn.Conv2d, _BatchNorm]:
    """The convolution and the BatchNorm of a branch; UserError if something else has taken their place."""
    conv, bn = branch.get_submodule("conv"), branch.get_submodule("bn")
    if not isinstance(conv, nn.Conv2d) or not isinstance(bn, _BatchNorm) or bn.running_var is None:
        raise UserError(
            f"cannot merge a {type(conv).__name__} with a {type(bn).__name__}; expected a Conv2d and a BatchNorm that "
            "keeps statistics. Merge before replacing layers."
        )
    return conv, bn
