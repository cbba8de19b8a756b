"""Depthwise convolution in the frequency domain, by the transforms that suit the device and the precision."""

from collections.abc import Callable

import torch
from torch import nn

from camagain.models.large_kernel.fft import fft_conv2d, has_fft
from camagain.models.large_kernel.fourier import fourier_conv2d


def spectral_conv2d(images: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Depthwise convolution of odd kernels with stride 1 and "same" zero padding, (N, C, H, W) -> (N, C, H, W).

    On a CPU in float32 by compiled fast Fourier transforms, else by products with matrices; differentiable once.
    """
    return (fft_conv2d if has_fft(images, weight) else fourier_conv2d)(images, weight)


def in_full_precision(
    layer: nn.Conv2d, input: torch.Tensor, convolve: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """A layer's output by a convolution of images and weight in full precision, in the dtype that it would have itself.

    Half precision gains nothing here.
    """
    kind = input.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else input.dtype
    exact = torch.float64 if input.dtype == torch.float64 else torch.float32
    result = convolve(input.to(exact), layer.weight.to(exact)).to(dtype)
    return result if layer.bias is None else result + layer.bias.to(dtype)[:, None, None]
