"""Dense layers over single pixels (1 x 1 convolutions, linear layers) of few images on one CPU thread, made fast.

torch gives a 1 x 1 convolution of fewer than 16 images to its BLAS when it has one thread, and a linear layer always;
one of 16 images goes to oneDNN. Pixels do not see each other in these layers, so an image of H W pixels may as well
be 16 images of H W / 16, without a copy in channels-last layout. With MKL as BLAS on an AMD processor with AVX-512,
which MKL does not use there, oneDNN takes 0.4 to 0.5 of the time for most layers of ResNet-50 and RepLKNet-31B, forward
and backward. Values differ by rounding alone.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import linear
from torch.overrides import TorchFunctionMode

ONEDNN_IMAGES = 16
"""Images from which on torch gives 1 x 1 convolutions to oneDNN (`use_mkldnn` in ATen/native/Convolution.cpp)."""

BLAS_VALUES = 20480
"""Input values up to which torch stays with BLAS all the same."""


class FastPointwise(TorchFunctionMode):
    """Within this context such layers take the faster route; all other torch functions stay the same."""

    def __torch_function__(self, function: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if function is torch.conv2d:
            return convolved(*args, **kwargs)
        if function is linear:
            return multiplied(*args, **kwargs)
        return function(*args, **kwargs)


def convolved(
    input: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> torch.Tensor:
    """torch.conv2d, (B, C, H, W) -> (B, D, H', W')."""
    pointwise = weight.shape[2:] == (1, 1) and groups == 1 and plain(stride, 1) and plain(padding, 0)
    if not pointwise or input.ndim != 4 or not input.is_contiguous(memory_format=torch.channels_last):
        return torch.conv2d(input, weight, bias, stride, padding, dilation, groups)
    pixels = input.permute(0, 2, 3, 1)  # (B, H, W, C), contiguous
    if not worthwhile(pixels):
        return torch.conv2d(input, weight, bias, stride, padding, dilation, groups)
    return in_parts(pixels, weight, bias).permute(0, 3, 1, 2)  # (B, D, H, W), channels-last


def multiplied(input: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """torch.nn.functional.linear, (..., C) -> (..., D)."""
    if weight.ndim != 2 or not input.is_contiguous() or not worthwhile(input):
        return linear(input, weight, bias)
    return in_parts(input, weight[:, :, None, None], bias)


def in_parts(pixels: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """A 1 x 1 convolution of contiguous pixels as if of 16 images, (..., C) -> (..., D)."""
    parts = pixels.reshape(ONEDNN_IMAGES, -1, 1, pixels.shape[-1]).permute(0, 3, 1, 2)  # (16, C, n, 1), channels-last
    result = torch.conv2d(parts, weight, bias)  # (16, D, n, 1)
    return result.permute(0, 2, 3, 1).reshape(*pixels.shape[:-1], len(weight))


def worthwhile(pixels: torch.Tensor) -> bool:
    """Whether pixels (..., C) gain by the route, and can be parted in 16."""
    return (
        pixels.device.type == "cpu"
        and pixels.dtype == torch.float32
        and torch.get_num_threads() == 1
        and pixels.numel() > BLAS_VALUES
        and pixels.shape[:-1].numel() % ONEDNN_IMAGES == 0
    )


def plain(value: Any, expected: int) -> bool:
    """Whether a setting of a convolution is one number, or that number on both axes."""
    return value == expected or tuple(value if isinstance(value, tuple | list) else ()) == (expected, expected)
