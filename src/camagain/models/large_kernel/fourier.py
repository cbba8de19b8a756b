"""Depthwise convolution with a large kernel, in the frequency domain, where every transform is a matrix product.

A depthwise kernel of K x K costs K^2 multiplications per cell, and stock PyTorch computes gradients of one with K > 13
at a small fraction of the processor's speed. By the convolution theorem the cost per cell does not depend on K. An FFT
saves most on long axes; feature maps have 7 to 100 cells a side, where multiplying by a plain matrix of sines and
cosines keeps up with `torch.fft`: it runs at the full speed of the matrix product, reads no padding, computes no cell
that is thrown away, and has no favourite lengths. It works on every device and in every precision;
`camagain.models.large_kernel.fft` is faster where there is machine code for it.

Letters: N images, C channels, H x W cells, K x J kernel taps, F frequencies along H (all), G along W (half of them: the
spectrum of real numbers is symmetric). Channels are innermost everywhere, so each transform is a product of one small
matrix with long contiguous rows. Complex numbers are two real planes, written as an axis of 2.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch.autograd.function import once_differentiable

CHUNK_BYTES = 4 * 2**20
"""Bytes of spectra that are worked on at a time on a CPU: about a core's share of the cache."""

CHUNK_BYTES_ON_GPU = 512 * 2**20
"""On a GPU: enough to keep all of it busy."""

Pair = tuple[torch.Tensor, torch.Tensor]
"""The matrices of a 2-D transform: one for the axis of W or J, one for the axis of H or K."""


def fourier_conv2d(images: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Depthwise convolution of odd kernels with stride 1 and "same" zero padding, as torch.nn.functional.conv2d has it.

    (N, C, H, W), (C, 1, K, J) -> (N, C, H, W), float32 or float64 in any memory format; differentiable once in both.
    Exact up to rounding (about 1e-6 of the largest value in float32).
    """
    _, _, H, W = images.shape
    weight = centre(weight, H, W)  # (C, 1, K, J)
    maps = images.permute(0, 2, 3, 1).contiguous()  # (N, H, W, C)
    taps = weight[:, 0].permute(1, 2, 0).contiguous()  # (K, J, C)
    result = FourierConvolution.apply(maps, taps).permute(0, 3, 1, 2)  # (N, C, H, W)
    channels_last = images.is_contiguous(memory_format=torch.channels_last)
    return result if channels_last else result.contiguous()


def centre(weight: torch.Tensor, H: int, W: int) -> torch.Tensor:
    """The part of a kernel that can meet an H x W image: taps further out than H - 1 or W - 1 only ever see padding."""
    rows, columns = max(0, weight.shape[2] // 2 - (H - 1)), max(0, weight.shape[3] // 2 - (W - 1))
    return weight[:, :, rows : weight.shape[2] - rows, columns : weight.shape[3] - columns]


class FourierConvolution(torch.autograd.Function):
    """Products of spectra: y is x correlated with w, dx is dy convolved with w, dw is x correlated with dy."""

    @staticmethod
    @torch.amp.custom_fwd(device_type="cuda", cast_inputs=torch.float32)
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float32)
    def forward(
        ctx: Any, maps: torch.Tensor, taps: torch.Tensor
    ) -> torch.Tensor:  # (N, H, W, C), (K, J, C) -> (N, H, W, C)
        (N, H, W, _), (K, J, _) = maps.shape, taps.shape
        basis = Basis.of(H, W, K, J, maps.dtype, maps.device)
        spectrum = transform(taps[None], basis.taps)  # (1, 2, F, G, C)
        kept = maps.new_empty(N, *spectrum.shape[1:]) if ctx.needs_input_grad[1] else None
        result = torch.empty_like(maps)
        for part in chunks(N, spectrum):
            image_spectrum = transform(maps[part], basis.maps)  # (n, 2, F, G, C)
            if kept is not None:
                kept[part] = image_spectrum
            result[part] = transform_back(multiply(image_spectrum, spectrum, conjugate=True), basis.maps_back)
        ctx.basis = basis
        ctx.save_for_backward(kept, spectrum)
        return result

    @staticmethod
    @once_differentiable
    @torch.amp.custom_bwd(device_type="cuda")
    @torch.amp.custom_bwd(device_type="cpu")
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple:  # type: ignore[override]  # (N, H, W, C) -> (N, H, W, C), (K, J, C)
        image_spectra, spectrum = ctx.saved_tensors
        basis, gradient = ctx.basis, gradient.contiguous()
        maps_gradient = torch.empty_like(gradient) if ctx.needs_input_grad[0] else None
        total = torch.zeros_like(spectrum) if ctx.needs_input_grad[1] else None
        for part in chunks(len(gradient), spectrum):
            gradient_spectrum = transform(gradient[part], basis.maps)  # (n, 2, F, G, C)
            if total is not None:
                total += multiply(image_spectra[part], gradient_spectrum, conjugate=True).sum(0, keepdim=True)
            if maps_gradient is not None:
                maps_gradient[part] = transform_back(multiply(gradient_spectrum, spectrum), basis.maps_back)
        return maps_gradient, transform_back(total, basis.taps_back)[0] if total is not None else None


@dataclass(frozen=True)
class Basis:
    """The matrices of sines and cosines for maps of one size and kernels of one size.

    The transforms have length H + K // 2, not H + K - 1: with "same" padding the wrapped-round part of a circular
    convolution falls on cells that are thrown away, and on kernel offsets that do not exist.
    """

    maps: Pair
    taps: Pair
    maps_back: Pair
    taps_back: Pair

    @staticmethod
    @lru_cache(maxsize=64)
    def of(H: int, W: int, K: int, J: int, dtype: torch.dtype, device: torch.device) -> "Basis":
        """The basis of H x W maps and K x J taps; tap number K // 2 is offset 0."""
        rows, columns = H + K // 2, W + J // 2  # lengths of the transforms
        offsets = torch.arange(K) - K // 2, torch.arange(J) - J // 2

        def pair(along_h: torch.Tensor, along_w: torch.Tensor) -> Pair:
            return placed(half_spectrum(along_w, columns)), placed(full_spectrum(along_h, rows))

        def inverse(along_h: torch.Tensor, along_w: torch.Tensor) -> Pair:
            # A frequency and its mirror image add up to twice the real part; 0 and the middle one have no mirror image.
            weights = torch.full((columns // 2 + 1,), 2.0, dtype=torch.float64)
            weights[0] = 1
            if columns % 2 == 0:
                weights[-1] = 1
            scaled = half_spectrum(along_w, columns) * weights.repeat(2)[:, None] / columns  # (2G, W)
            return placed(scaled.T), placed(full_spectrum(along_h, rows).T / rows)

        def placed(matrix: torch.Tensor) -> torch.Tensor:
            return matrix.to(dtype).to(device).contiguous()  # Apple's GPU has no float64

        with torch.inference_mode(False):  # they are kept, and a tensor made in inference mode is of no use in training
            cells = torch.arange(H), torch.arange(W)
            return Basis(pair(*cells), pair(*offsets), inverse(*cells), inverse(*offsets))


def half_spectrum(positions: torch.Tensor, length: int) -> torch.Tensor:
    """The transform of real numbers at integer positions, (W,) -> (2G, W): cosines above negative sines, float64."""
    angles = 2 * math.pi / length * torch.outer(torch.arange(length // 2 + 1), positions).double()  # (G, W)
    return torch.cat([angles.cos(), -angles.sin()])  # (2G, W)


def full_spectrum(positions: torch.Tensor, length: int) -> torch.Tensor:
    """The transform of complex numbers as one real matrix, (H,) -> (2F, 2H), float64.

    Its columns are ordered (H, 2), as `half_spectrum` leaves rows, and its rows (2, F).
    """
    angles = 2 * math.pi / length * torch.outer(torch.arange(length), positions).double()  # (F, H)
    cosines, sines = angles.cos(), angles.sin()
    to_real, to_imaginary = torch.stack([cosines, sines], -1), torch.stack([-sines, cosines], -1)  # (F, H, 2) each
    return torch.stack([to_real, to_imaginary]).reshape(2 * length, -1)  # (2F, 2H)


def transform(values: torch.Tensor, matrices: Pair) -> torch.Tensor:
    """Spectra of real maps or kernels, (n, H, W, C) -> (n, 2, F, G, C)."""
    along_w, along_h = matrices  # (2G, W), (2F, 2H)
    n, H, W, C = values.shape
    G, F = len(along_w) // 2, len(along_h) // 2
    rows = torch.bmm(along_w.expand(n * H, -1, -1), values.reshape(n * H, W, C))  # (nH, 2G, C)
    return torch.bmm(along_h.expand(n, -1, -1), rows.view(n, 2 * H, G * C)).view(n, 2, F, G, C)


def transform_back(spectra: torch.Tensor, matrices: Pair) -> torch.Tensor:
    """The real maps or kernels of spectra, cut to the cells or taps wanted, (n, 2, F, G, C) -> (n, H, W, C)."""
    along_w, along_h = matrices  # (W, 2G), (2H, 2F)
    n, _, F, G, C = spectra.shape
    H, W = len(along_h) // 2, len(along_w)
    rows = torch.bmm(along_h.expand(n, -1, -1), spectra.view(n, 2 * F, G * C))  # (n, 2H, GC)
    return torch.bmm(along_w.expand(n * H, -1, -1), rows.view(n * H, 2 * G, C)).view(n, H, W, C)


def multiply(a: torch.Tensor, b: torch.Tensor, conjugate: bool = False) -> torch.Tensor:
    """Complex product a b, or a conj(b), of (n, 2, F, G, C) and (n or 1, 2, F, G, C)."""
    sign = 1.0 if conjugate else -1.0
    product = torch.empty_like(a)
    torch.mul(a[:, 0], b[:, 0], out=product[:, 0]).addcmul_(a[:, 1], b[:, 1], value=sign)
    torch.mul(a[:, 1], b[:, 0], out=product[:, 1]).addcmul_(a[:, 0], b[:, 1], value=-sign)
    return product


def chunks(images: int, spectrum: torch.Tensor) -> list[slice]:
    """Consecutive images whose spectra together have about that many bytes, at least one at a time."""
    limit = CHUNK_BYTES if spectrum.device.type == "cpu" else CHUNK_BYTES_ON_GPU
    step = max(1, limit // (spectrum.numel() * spectrum.element_size()))
    return [slice(first, first + step) for first in range(0, images, step)]
