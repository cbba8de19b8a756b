"""Depthwise convolution with a large kernel and a stride, taken apart into convolutions without one.

Stock PyTorch computes gradients of a strided depthwise kernel of 31 x 31 at a small fraction of the processor's speed,
as it does without a stride. With the cells of an image sorted by their remainder modulo the stride s,

    y[i] = sum over t of w[t] x[s i + t - b] = sum over p of (sum over m of w_p[m] x_p[i + m])

    t - b = s m + p,  0 <= p < s,      x_p[j] = x[s j + p],      w_p[m] = w[s m + p + b]

a strided convolution is the sum of s ordinary ones of maps and kernels that are s times shorter, on each axis, and
those are the Fourier route's. b cells of zeros stand before the image.
"""

from camagain import _timm  # isort: skip  # noqa: F401  # before timm

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from timm.layers import Conv2dSame
from torch import nn
from torch.nn.functional import pad

from camagain.models.large_kernel.spectral import in_full_precision, spectral_conv2d

LARGEST_OF_TORCH = 13
"""oneDNN's fast path for depthwise kernels ends here.

On one core, float32, batch 8, stride 2, 31 x 31, forward and backward took 0.47, 0.09, 0.04 and 0.03 s on maps of 112,
56, 28 and 14 cells with 96, 144, 240 and 672 channels, and torch's own 2.20, 0.69, 0.44 and 0.56 s; at 13 x 13 torch's
own is faster on the larger three. On one H100 the same with 32 images took 6, 3, 2 and 3 ms, and torch's own 52, 26, 18
and 28 ms; at 15 x 15 it took 5, 2, 3 and 3 ms against 12, 5, 3 and 4, and with 8 images torch's own is faster there.
"""


class StridedLargeKernelConv2d(nn.Conv2d):
    """nn.Conv2d with a stride and one large odd kernel per channel; gradients by the Fourier route."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, C, H', W'), in the dtype that nn.Conv2d would give."""
        if not needs_gradients(input, self.weight):
            return super().forward(in_a_fast_layout(input))
        assert not isinstance(self.padding, str)  # "same" is not for strides
        cells = [
            (side + 2 * margin - taps) // stride + 1
            for side, margin, taps, stride in zip(
                input.shape[2:], self.padding, self.kernel_size, self.stride, strict=True
            )
        ]
        convolve = partial(strided_conv2d, stride=self.stride, before=self.padding, cells=cells)
        return in_full_precision(self, input, convolve)


class StridedSameLargeKernelConv2d(Conv2dSame):
    """The same for timm's Conv2dSame, which pads as TensorFlow does: more below and to the right than opposite."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, C, ceil(H / stride), ceil(W / stride))."""
        if not needs_gradients(input, self.weight):
            return super().forward(in_a_fast_layout(input))
        cells = [-(-side // stride) for side, stride in zip(input.shape[2:], self.stride, strict=True)]
        before = [
            max(0, (count - 1) * stride + taps - side) // 2
            for count, stride, taps, side in zip(cells, self.stride, self.kernel_size, input.shape[2:], strict=True)
        ]
        return in_full_precision(self, input, partial(strided_conv2d, stride=self.stride, before=before, cells=cells))


STRIDED: Mapping[type[nn.Module], type[nn.Module]] = {
    nn.Conv2d: StridedLargeKernelConv2d,
    Conv2dSame: StridedSameLargeKernelConv2d,
}
"""Types of layers, and what stands in for them."""


def is_large_strided(layer: nn.Module) -> bool:
    """Whether a layer of one of these types is a strided depthwise convolution that is faster this way."""
    return (
        isinstance(layer, nn.Conv2d)
        and min(layer.kernel_size) > LARGEST_OF_TORCH
        and layer.groups == layer.in_channels == layer.out_channels
        and max(layer.stride) > 1
        and layer.dilation == (1, 1)
        and layer.padding_mode == "zeros"
        and not isinstance(layer.padding, str)
    )


def needs_gradients(input: torch.Tensor, weight: torch.Tensor) -> bool:
    """Whether the Fourier route is worth it: torch's own forward pass is fast enough, its gradients are not."""
    wanted = torch.is_grad_enabled() and (weight.requires_grad or input.requires_grad)
    return wanted and input.device.type in ("cpu", "cuda") and input.ndim == 4


def in_a_fast_layout(input: torch.Tensor) -> torch.Tensor:
    """The same images; on a GPU not channels-last, in which torch's depthwise kernels are 3 to 10 times slower."""
    return input.contiguous() if input.device.type == "cuda" else input


def strided_conv2d(
    images: torch.Tensor,
    weight: torch.Tensor,
    stride: tuple[int, ...],
    before: Sequence[int],
    cells: Sequence[int],
) -> torch.Tensor:
    """Strided depthwise convolution of zero-padded images, (N, C, H, W), (C, 1, K, J) -> (N, C, *cells).

    `before`: cells of padding above and to the left; behind an image there is as much as `cells` of the output need.
    float32 or float64; differentiable once in both, exact up to rounding.
    """
    N, C = images.shape[:2]
    margins: list[int] = []  # of images and of kernels, last axis first as torch's `pad` wants them
    kernel_margins: list[int] = []
    axes = zip(images.shape[2:], weight.shape[2:], stride, before, cells, strict=True)
    for side, taps, s, b, count in reversed(list(axes)):
        radius = max(-(-b // s), -(-(taps - b) // s) - 1)  # largest |m|
        margins += [0, s * max(count, -(-side // s)) - side]
        kernel_margins += [s * radius - b, s * (radius + 1) - taps + b]
    maps = phases(pad(images, margins), stride)  # (N, C, s s, H / s, W / s)
    kernels = phases(pad(weight, kernel_margins).transpose(0, 1), stride)  # (1, C, s s, 2 radius + 1, 2 radius + 1)
    result = spectral_conv2d(maps.flatten(1, 2), kernels.flatten(1, 2).transpose(0, 1))  # (N, C s s, H / s, W / s)
    return result.view(N, C, -1, *result.shape[2:]).sum(2)[:, :, : cells[0], : cells[1]]


def phases(maps: torch.Tensor, stride: tuple[int, ...]) -> torch.Tensor:
    """Cells sorted by their remainders modulo the stride, (N, C, s H, s W) -> (N, C, s s, H, W)."""
    N, C, H, W = maps.shape
    split = maps.reshape(N, C, H // stride[0], stride[0], W // stride[1], stride[1])
    return split.permute(0, 1, 3, 5, 2, 4).flatten(2, 3)
