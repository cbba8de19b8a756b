"""Depthwise convolution with a large kernel: ours against torch's own in both memory formats, and against an FFT.

On one thread CPU time is measured, which a busy machine lengthens least.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from scipy.fft import next_fast_len
from torch.nn.functional import conv2d, pad

from benchmarks.harness import alternate, ratio_rows
from camagain.models.large_kernel.fourier import centre, fourier_conv2d
from camagain.models.large_kernel.layer import route
from camagain.models.large_kernel.spectral import spectral_conv2d

IMAGES, ROUNDS = 8, 3
GRIDS = ((64, 96), (128, 56), (256, 28), (512, 14))
"""Channels and cells a side."""

Convolution = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def rows(peer: Path | None) -> Iterator[dict]:
    """Square kernels of 7, 13 and 31, and SLaK's sum of strips, on four grids: forward, and forward with backward."""
    del peer  # the peers call torch's nn.Conv2d on a CPU
    for channels, side in GRIDS:
        for sizes in (((7, 7),), ((13, 13),), ((31, 31),), ((51, 5), (5, 51))):
            for training in (False, True):
                yield from measure(channels, side, sizes, training)


def measure(channels: int, side: int, sizes: tuple, training: bool) -> list[dict]:
    """The ratios of one case; several kernel sizes are branches whose results are added."""
    torch.manual_seed(0)
    plain = torch.randn(IMAGES, channels, side, side)
    last = plain.to(memory_format=torch.channels_last)
    kernels = [torch.randn(channels, 1, *size) for size in sizes]
    methods: dict[str, tuple[Convolution, torch.Tensor]] = {
        "camagain": (ours, last),
        "nn.Conv2d, NCHW": (direct, plain),
        "nn.Conv2d, channels-last": (direct, last),
        "torch.fft": (by_fft, plain),
        "camagain by matrices": (fourier_conv2d, last),  # what `spectral_conv2d` takes on other devices
    }
    if training and max(max(size) for size in sizes) > 13:
        del methods["nn.Conv2d, channels-last"]  # its weight gradient takes the same slow path as in NCHW
    for method, images in methods.values():
        step(method, images[:1], kernels, training)  # what each finds out or compiles once for a shape
    calls = {name: partial(step, method, images, kernels, training) for name, (method, images) in methods.items()}
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    seconds = alternate(calls, ROUNDS, clock, warm=True)
    case = f"{'forward+backward' if training else 'forward'} {IMAGES}x{channels}x{side}x{side} kernel " + "+".join(
        f"{height}x{width}" for height, width in sizes
    )
    return ratio_rows("large_kernel", case, seconds, "camagain")


def step(method: Convolution, images: torch.Tensor, kernels: list[torch.Tensor], training: bool) -> None:
    """One forward pass, or one with gradients for images and kernels."""
    if not training:
        with torch.inference_mode():
            sum(method(images, kernel) for kernel in kernels)
        return
    images = images.detach().requires_grad_()
    kernels = [kernel.detach().requires_grad_() for kernel in kernels]
    result = sum(method(images, kernel) for kernel in kernels)
    torch.autograd.grad(result, [images, *kernels], torch.ones_like(result))


def ours(images: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """What `LargeKernelConv2d` computes, by the route it takes."""
    return (spectral_conv2d if route(images, kernel) == "spectral" else direct)(images, kernel)


def direct(images: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """torch's own convolution."""
    return conv2d(images, kernel, padding=(kernel.shape[2] // 2, kernel.shape[3] // 2), groups=len(kernel))


def by_fft(images: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """The convolution theorem with torch's FFT at the shortest fast lengths."""
    height, width = images.shape[-2:]
    kernel = centre(kernel, height, width)[:, 0]
    rows, columns = kernel.shape[-2] // 2, kernel.shape[-1] // 2
    size = (next_fast_len(height + rows, real=True), next_fast_len(width + columns, real=True))
    kernel = pad(kernel, (0, size[1] - kernel.shape[-1], 0, size[0] - kernel.shape[-2])).roll((-rows, -columns), (1, 2))
    product = torch.fft.rfft2(images, s=size) * torch.fft.rfft2(kernel).conj()
    return torch.fft.irfft2(product, s=size)[..., :height, :width]
