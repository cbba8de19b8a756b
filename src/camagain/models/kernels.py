"""Kernel size as the only thing that changes: depthwise kernels of a trained network enlarged or cut, in place.

Networks that differ in kernel size and in the rest of the architecture cannot show which of the two makes maps local.
`enlarge_kernels` gives a network larger kernels that compute the same until trained further; `shrink_kernels` takes the
outer taps away from trained ones. Both are ours, not the paper's.

Parallel branches may stay: cutting commutes with `camagain.models.merge`, and `covered_kernels` names those that gain
nothing from being enlarged. A branch that outgrows the kernel beside it, as SLaK's small one may, no longer fits into
it, so that such a network cannot be merged any more.
"""

from camagain import _timm  # isort: skip  # noqa: F401  # before timm

from collections.abc import Container, Iterator
from dataclasses import dataclass

import torch
from timm.layers import Conv2dSame
from torch import nn
from torch.nn.functional import pad

from camagain.errors import NotApplicable, UserError
from camagain.models.families.replknet import LargeKernel
from camagain.models.large_kernel import LargeKernelConv2d
from camagain.models.large_kernel.strided import STRIDED

PLAIN_CONVOLUTIONS = (nn.Conv2d, LargeKernelConv2d, Conv2dSame, *STRIDED.values())
"""Layers that use their weight as it is; other subclasses of nn.Conv2d normalise, generate or quantise it."""


@dataclass(frozen=True)
class KernelReport:
    """Names of the layers that were changed, and of those that should have been but cannot: name -> why not."""

    changed: tuple[str, ...]
    left_out: dict[str, str]


def enlarge_kernels(model: nn.Module, K: int, keep: Container[str] = ()) -> KernelReport:
    """Pads every smaller depthwise kernel of a network with zeros to K x K, in place: same outputs, more to train.

    Padding of the layer's input grows along, so that the function is the same up to rounding at any input size, stride
    and dilation, timm's asymmetric "same" padding included. Parameters stay the same objects with a new shape (build
    optimisers afterwards) and without gradients. Kernels of K or more stay. Left out, and reported: kernels that are
    not odd squares (SLaK's strips), padding other than zeros, layers that compute their weight. Layers named in `keep`
    stay as they are. Works before and after `replace_large_kernels`; call that again to give layers that have become
    large the fast route.

    A K above 2 n - 1 on maps of n cells is allowed but useless: its outer taps only ever meet padding. Raises UserError
    for a K that is not odd and positive, NotApplicable for a network without depthwise kernels.
    """
    check_odd(K)
    changed, left_out = [], {}
    for name, layer in depthwise(model, "enlarge"):
        height, width = layer.kernel_size
        if max(height, width) >= K or name in keep:
            continue
        reason = why_not(layer)
        if height != width or height % 2 == 0:
            reason = f"kernel {height} x {width} is not an odd square"
        elif layer.padding_mode != "zeros":
            reason = f"padding mode is '{layer.padding_mode}', not 'zeros'"
        elif isinstance(layer, Conv2dSame) and max(layer.stride) > min(layer.dilation) * (height - 1) + 1:
            reason = "its stride skips cells, so that its padding does not grow with its kernel"
        if reason:
            left_out[name] = reason
            continue
        enlarge(layer, K)
        changed.append(name)
    return KernelReport(tuple(changed), left_out)


def shrink_kernels(model: nn.Module, k: int) -> KernelReport:
    """Sets every tap of depthwise kernels outside the central k x k to zero, in place; tensors keep their shapes.

    An axis of k taps or fewer keeps them all: of SLaK's strips, K x 5 and 5 x K, only the long one is cut where k >= 5,
    and of RepLKNet's parallel kernels only the large one. For looking at a trained network: training it further would
    let the taps grow again. Left out, and reported: kernels of even size, which have no centre, and layers that compute
    their weight. Raises UserError for a k that is not odd and positive, NotApplicable for a network without depthwise
    kernels.
    """
    check_odd(k)
    changed, left_out = [], {}
    for name, layer in depthwise(model, "shrink"):
        sides = layer.kernel_size
        if max(sides) <= k:
            continue
        reason = why_not(layer)
        if any(side % 2 == 0 for side in sides):
            reason = f"kernel {sides[0]} x {sides[1]} has no centre"
        if reason:
            left_out[name] = reason
            continue
        rows, columns = (torch.arange(side) for side in sides)
        outside = ((rows - sides[0] // 2).abs() > k // 2)[:, None] | ((columns - sides[1] // 2).abs() > k // 2)
        with torch.no_grad():
            layer.weight.masked_fill_(outside.to(layer.weight.device), 0)  # (C, 1, height, width)
        changed.append(name)
    return KernelReport(tuple(changed), left_out)


def covered_kernels(model: nn.Module, K: int) -> dict[str, str]:
    """Kernels below K x K that lie inside a larger square one beside them, RepLKNet's 5 x 5: name -> in which.

    Enlarging them gains nothing: their sum with the large kernel is one kernel of its size, whatever their own.
    """
    found = {}
    for name, module in model.named_modules():
        if isinstance(module, LargeKernel) and module.small is not None:
            branches = (module.large.get_submodule("conv"), module.small.get_submodule("conv"))
            side, small = (conv.kernel_size[0] for conv in branches if isinstance(conv, nn.Conv2d))
            if small < K:
                found[f"{name}.small.conv"] = f"lies inside the {side} x {side} kernel beside it"
    return found


def depthwise(model: nn.Module, verb: str) -> Iterator[tuple[str, nn.Conv2d]]:
    """Names and layers whose kernels are depthwise and larger than one tap; NotApplicable if there are none."""
    found = [
        (name, layer)
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Conv2d)
        and layer.groups == layer.in_channels == layer.out_channels
        and max(layer.kernel_size) > 1
    ]
    if not found:
        raise NotApplicable(
            f"a {type(model).__name__} has no depthwise kernel to {verb}; choose ConvNeXt, RepLKNet or SLaK."
        )
    return iter(found)


def enlarge(layer: nn.Conv2d, K: int) -> None:
    """Zeros around a layer's square kernel up to K x K, and as much more padding of its input."""
    margin = (K - layer.kernel_size[0]) // 2
    weight = layer.weight
    weight.grad = None  # it has the old shape
    weight.data = pad(weight.data, (margin,) * 4)  # (C, 1, K, K)
    layer.kernel_size = (K, K)
    # "same" and Conv2dSame work their padding out from the kernel, always as many more cells on every side.
    if layer.padding == "same" or isinstance(layer, Conv2dSame):
        return
    before = (0, 0) if isinstance(layer.padding, str) else layer.padding
    layer.padding = (before[0] + layer.dilation[0] * margin, before[1] + layer.dilation[1] * margin)


def why_not(layer: nn.Conv2d) -> str:
    """Why a layer's taps cannot be set; "" if they can."""
    if type(layer) not in PLAIN_CONVOLUTIONS or layer._parameters.get("weight") is None:
        return f"a {type(layer).__name__} computes its weight"
    return ""


def check_odd(side: int) -> None:
    if side < 1 or side % 2 == 0:
        raise UserError(f"kernel size {side} is not odd and positive; only odd kernels have a central tap.")
