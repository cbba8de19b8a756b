"""A drop-in for depthwise nn.Conv2d of 5 x 5 and larger: same parameters and values, by the fastest route."""

from typing import TypeVar

import torch
from torch import nn

from camagain.models.large_kernel.fft import has_fft
from camagain.models.large_kernel.spectral import in_full_precision, spectral_conv2d
from camagain.models.large_kernel.strided import STRIDED, is_large_strided

SMALLEST_KERNEL = 5
"""Depthwise kernels are given the choice of a route from this longest side on."""

LARGEST_OF_TORCH = 13
"""oneDNN's fast path for depthwise kernels in torch's default layout ends here."""

FEW_TAPS = {True: 25, False: 80}
"""Kernels of fewer taps are convolved directly, with a weight gradient and without; here compiled FFTs are the peer.

Measured on one core in float32 on maps of 6, 12, 24 and 56 cells: torch's channels-last forward pass took 0.8 to 1.1
times as long as the FFT at 7 x 7, 1.3 at 9 x 9 and 1.6 to 1.8 at 11 x 11; forward and backward it took 0.4 times as
long at 3 x 3, 1.5 at 5 x 5, and 2.3 to 7 at 7 x 7, because torch's weight gradient is slow at every size.
"""

FEW_TAPS_FOR_MATRICES = 300
"""Where there are no compiled FFTs and no weight gradient is wanted, kernels of fewer taps are convolved directly.

That is 13 x 13, and strips of K x 5. On one AVX2 core in float32, torch's channels-last forward pass took 0.7 to 0.9 of
the time of transforms by matrices there, and 1.9 to 3.1 times as long at 31 x 31.
"""

WORK_ON_GPU = {True: 300_000, False: 1_500_000}
"""On a GPU, the taps times cells of a map from which our transforms are faster: with a weight gradient, and without.

Measured on one NVIDIA H200, 16 images (benchmarks/results/gpu.csv). There torch's depthwise kernels work in torch's
default layout; in channels-last, which suits the rest of a network, they take 3 to 30 times as long.
"""

Network = TypeVar("Network", bound=nn.Module)


class LargeKernelConv2d(nn.Conv2d):
    """nn.Conv2d, stride 1, "same" zero padding, one odd kernel per channel, computed by the route of `route`."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, C, H, W), in the dtype that nn.Conv2d would give."""
        way = route(input, self.weight)
        if way == "torch":
            return super().forward(input)
        if way == "channels-last":
            result = super().forward(input.contiguous(memory_format=torch.channels_last))
            return result if is_channels_last(input) else result.contiguous()
        if way == "default-layout":
            result = super().forward(input.contiguous())
            return result.contiguous(memory_format=torch.channels_last) if is_channels_last(input) else result
        return in_full_precision(self, input, spectral_conv2d)


def route(input: torch.Tensor, weight: torch.Tensor) -> str:
    """Fastest of "spectral", "channels-last", "default-layout" and "torch" for these tensors.

    As benchmarks/large_kernel.py measures on a CPU and benchmarks/gpu.py on a CUDA GPU. "torch", its own kernel in the
    layout that the input has, where nothing was measured.
    """
    kind, taps = input.device.type, weight.shape[2] * weight.shape[3]
    if kind not in ("cpu", "cuda") or input.ndim != 4:
        return "torch"
    training = torch.is_grad_enabled() and weight.requires_grad
    if kind == "cpu" and has_fft(input, weight):
        return "spectral" if taps >= FEW_TAPS[training] else "channels-last"
    if max(weight.shape[2:]) < LARGEST_OF_TORCH:
        return "torch"
    if kind == "cuda":
        work = taps * input.shape[2] * input.shape[3]
        return "spectral" if work >= WORK_ON_GPU[training] else "default-layout"
    return "channels-last" if taps < FEW_TAPS_FOR_MATRICES and not training else "spectral"


def replace_large_kernels(model: Network) -> Network:
    """Gives a network's large depthwise nn.Conv2d layers the fast route, in place, and returns the network.

    Parameters, their names and the state_dict stay as they are, hooks too. Left alone: kernels shorter than 5 on both
    sides or of even size, dilations other than 1, paddings other than zeros that keep the size, and subclasses of
    nn.Conv2d, which compute something else. With a stride (`camagain.models.large_kernel.strided`) any padding with
    zeros will do, timm's Conv2dSame too, and kernels are large from 15 on.

    >>> layer = nn.Sequential(nn.Conv2d(8, 8, 31, padding=15, groups=8))
    >>> images = torch.rand(1, 8, 40, 40)
    >>> expected = layer(images)
    >>> replace_large_kernels(layer)[0].__class__.__name__
    'LargeKernelConv2d'
    >>> torch.allclose(layer(images), expected, atol=1e-5)
    True
    """
    for layer in model.modules():
        if type(layer) is nn.Conv2d and is_large(layer):
            layer.__class__ = LargeKernelConv2d  # the same object: nothing that refers to it has to be told
        elif type(layer) in STRIDED and is_large_strided(layer):
            layer.__class__ = STRIDED[type(layer)]
    return model


def is_large(layer: nn.Conv2d) -> bool:
    """Whether a layer is a depthwise convolution that `LargeKernelConv2d` computes."""
    sides = layer.kernel_size
    same = "same" if layer.padding == "same" else tuple(side // 2 for side in sides)
    return (
        max(sides) >= SMALLEST_KERNEL
        and all(side % 2 for side in sides)
        and layer.groups == layer.in_channels == layer.out_channels
        and layer.stride == (1, 1)
        and layer.dilation == (1, 1)
        and layer.padding == same
        and layer.padding_mode == "zeros"
    )


def is_channels_last(tensor: torch.Tensor) -> bool:
    """Whether a tensor's memory is in channels-last order (and not in both, as that of a single channel is)."""
    return tensor.is_contiguous(memory_format=torch.channels_last) and not tensor.is_contiguous()
