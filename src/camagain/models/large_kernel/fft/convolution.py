"""Depthwise convolution by compiled fast Fourier transforms, differentiable, on as many threads as torch has."""

from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from camagain.models.large_kernel.fft.machine import Processor, compiled
from camagain.models.large_kernel.fft.plans import LONGEST
from camagain.models.large_kernel.fft.team import share_out
from camagain.models.large_kernel.fourier import centre

FEWEST_LANES = 8
LINE_BYTES = 64
"""Of the processor's cache: two threads that write into one line would wait for each other."""


def has_fft(images: torch.Tensor, weight: torch.Tensor) -> bool:
    """Whether there is code for these images (N, C, H, W) and kernels (C, 1, K, J) on this processor."""
    if images.device.type != "cpu" or not images.dtype == weight.dtype == torch.float32:
        return False
    H, W = images.shape[2:]
    K, J = centre(weight, H, W).shape[2:]
    return max(H + K // 2, W + J // 2) <= LONGEST and Processor.here() is not None


def fft_conv2d(images: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Depthwise convolution of odd kernels with stride 1 and "same" zero padding, as torch.nn.functional.conv2d has it.

    (N, C, H, W), (C, 1, K, J) -> (N, C, H, W), float32 in any memory format; differentiable once in both. Exact up to
    rounding: differences are below 1e-6 of the largest value among two neighbouring images (the first and second, the
    third and fourth ...), which are transformed as one complex image. Digits depend neither on the number of threads
    nor on the processor; an image's last digits depend on the other image of its pair.
    """
    _, C, H, W = images.shape
    maps = images.permute(0, 2, 3, 1)  # (N, H, W, C)
    taps = centre(weight, H, W)[:, 0].permute(1, 2, 0)  # (K, J, C)
    if C < FEWEST_LANES:
        maps, taps = (pad(values, (0, FEWEST_LANES - C)) for values in (maps, taps))
    result = FastConvolution.apply(maps.contiguous(), taps.contiguous())[..., :C].permute(0, 3, 1, 2)  # (N, C, H, W)
    channels_last = images.is_contiguous(memory_format=torch.channels_last)
    return result.contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)


class FastConvolution(torch.autograd.Function):
    """y is x correlated with w, dx is dy convolved with w, dw is x correlated with dy."""

    @staticmethod
    def forward(
        ctx: Any, maps: torch.Tensor, taps: torch.Tensor
    ) -> torch.Tensor:  # (N, H, W, C), (K, J, C) -> (N, H, W, C)
        ctx.save_for_backward(maps, taps)
        result = torch.empty_like(maps)
        run("values", maps, taps, result)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple:  # (N, H, W, C) -> (N, H, W, C), (K, J, C)
        maps, taps = ctx.saved_tensors
        gradient = gradient.contiguous()
        maps_gradient = torch.empty_like(maps)
        if not ctx.needs_input_grad[1]:
            run("gradient-of-maps", gradient, taps, maps_gradient)
            return maps_gradient, None
        taps_gradient = torch.zeros_like(taps)
        run("gradients", maps, taps, maps_gradient, gradient, taps_gradient)
        return maps_gradient, taps_gradient


def run(kind: str, maps: torch.Tensor, taps: torch.Tensor, result: torch.Tensor, *others: torch.Tensor) -> None:
    """Fills the result (and the gradient of the taps), blocks of channels shared out among torch's threads."""
    (N, H, W, C), (K, J, _) = maps.shape, taps.shape
    if not maps.numel():
        return
    processor = Processor.here()
    assert processor is not None
    lanes = min(processor.lanes, C // FEWEST_LANES * FEWEST_LANES)
    function = compiled(kind, H, W, K, J, lanes)
    gradient, taps_gradient = others or (None, None)
    tensors = (maps, taps, gradient, result, taps_gradient)
    blocks = -(-C // lanes)
    threads = min(torch.get_num_threads(), blocks)
    bounds = [blocks * thread // threads for thread in range(threads + 1)]
    size = -(-function.room // LINE_BYTES) * LINE_BYTES
    room = torch.empty(threads * size + LINE_BYTES, dtype=torch.uint8)

    def work(share: int) -> None:
        """It holds the tensors: their memory outlives an interrupted call until the last share has ended."""
        places = [0 if each is None else each.data_ptr() for each in tensors]
        first = -(-room.data_ptr() // LINE_BYTES) * LINE_BYTES
        function.call(*places, first + share * size, N, C, bounds[share], bounds[share + 1])

    share_out(work, threads)
