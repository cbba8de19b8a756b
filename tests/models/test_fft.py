"""The compiled transforms give torch's convolution and gradients, and the same digits on every processor and thread."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d

from camagain.models.large_kernel.fft import fft_conv2d, has_fft, machine
from camagain.models.large_kernel.fft.butterflies import RADICES, Complex, transform
from camagain.models.large_kernel.fft.machine import Processor, compiled, kept
from camagain.models.large_kernel.fft.plans import LONGEST, plan
from camagain.models.large_kernel.fft.program import alike
from camagain.models.large_kernel.spectral import spectral_conv2d

pytestmark = pytest.mark.skipif(Processor.here() is None, reason="this processor has no fused products and sums")


def case(n: int, channels: int, cells: tuple[int, int], taps: tuple[int, int]) -> tuple[torch.Tensor, ...]:
    """Images, kernels, and a gradient of the result."""
    generator = torch.Generator().manual_seed(n + channels)
    shapes = (n, channels, *cells), (channels, 1, *taps), (n, channels, *cells)
    return tuple(torch.randn(shape, generator=generator) for shape in shapes)


def with_gradients(function, images: torch.Tensor, kernels: torch.Tensor, upstream: torch.Tensor) -> list[torch.Tensor]:
    """y, dx and dw."""
    images, kernels = images.detach().requires_grad_(), kernels.detach().requires_grad_()
    result = function(images, kernels)
    return [result.detach(), *torch.autograd.grad(result, (images, kernels), upstream)]


def direct(images: torch.Tensor, kernels: torch.Tensor) -> torch.Tensor:
    padding = (kernels.shape[2] // 2, kernels.shape[3] // 2)
    return conv2d(images, kernels, padding=padding, groups=len(kernels))


@dataclass(frozen=True)
class Number:
    """A number that calculates as a vector of code does."""

    value: float

    def __add__(self, other: "Number") -> "Number":
        return Number(self.value + other.value)

    def __sub__(self, other: "Number") -> "Number":
        return Number(self.value - other.value)

    def __neg__(self) -> "Number":
        return Number(-self.value)

    def __mul__(self, factor: float) -> "Number":
        return Number(self.value * factor)

    def plus(self, a: "Number", factor: float) -> "Number":
        return Number(self.value + a.value * factor)

    def minus(self, a: "Number", factor: float) -> "Number":
        return Number(self.value - a.value * factor)


@pytest.mark.parametrize("points", RADICES)
def test_written_out_transforms_are_fourier_transforms(points: int):
    values = np.random.default_rng(points).normal(size=(points, 2)) @ [1, 1j]
    found = transform([Complex(Number(v.real), Number(v.imag)) for v in values])
    np.testing.assert_allclose([part.re.value + 1j * part.im.value for part in found], np.fft.fft(values), atol=1e-12)


def test_plans_are_long_enough_and_not_much_longer():
    for least in range(1, LONGEST + 1):
        assert least <= plan(least).length <= max(4, 1.25 * least)


@pytest.mark.parametrize(("step", "wanted"), [(5, range(3, 14)), (4, range(2)), (3, range(9)), (7, range(6, 8))])
def test_runs_of_lines_cover_what_is_wanted_once(step: int, wanted: range):
    assert sorted(n + step * m for ns, ms in alike(step, wanted) for n in ns for m in ms) == list(wanted)
    assert [n for ns, _ in alike(step, wanted) for n in ns] == list(range(step))


@pytest.mark.parametrize(
    ("n", "channels", "cells", "taps"),
    [
        (2, 16, (14, 14), (13, 13)),
        (3, 20, (12, 12), (23, 23)),  # an odd batch, channels that fill no register
        (1, 3, (7, 9), (13, 5)),  # fewer channels than a register has
        (5, 9, (6, 6), (27, 27)),  # taps that only meet padding
        (2, 8, (1, 30), (1, 51)),
        (2, 17, (1, 1), (3, 3)),
        (1, 8, (24, 24), (31, 31)),
        (3, 24, (28, 28), (51, 5)),
        (2, 8, (41, 5), (5, 13)),
        (1, 8, (96, 1), (31, 1)),
        (1, 8, (3, LONGEST - 30), (3, 61)),
    ],
)
def test_values_and_gradients_are_exact(n: int, channels: int, cells: tuple[int, int], taps: tuple[int, int]):
    images, kernels, upstream = case(n, channels, cells, taps)
    assert has_fft(images, kernels)
    found = with_gradients(fft_conv2d, images, kernels, upstream)
    expected = with_gradients(direct, images.double(), kernels.double(), upstream.double())
    for our, their in zip(found, expected, strict=True):
        assert (our - their).abs().max() < 1e-6 * their.abs().max()


def test_the_gradient_of_images_alone_is_the_same():
    images, kernels, upstream = case(3, 9, (12, 12), (13, 13))
    _, expected, _ = with_gradients(fft_conv2d, images, kernels, upstream)
    images.requires_grad_()
    (found,) = torch.autograd.grad(fft_conv2d(images, kernels), images, upstream)
    assert torch.equal(found, expected)


def digits(arguments: tuple[torch.Tensor, ...]) -> list[bytes]:
    return [each.contiguous().numpy().tobytes() for each in with_gradients(fft_conv2d, *arguments)]


def test_digits_depend_neither_on_the_processor_nor_on_threads_nor_on_the_layout(monkeypatch):
    arguments = case(3, 40, (12, 12), (13, 13))
    expected = digits(arguments)
    assert digits(arguments) == expected
    assert digits(tuple(each.to(memory_format=torch.channels_last) for each in arguments)) == expected
    every_other = tuple(each.repeat_interleave(2, -1)[..., ::2] for each in arguments)
    assert digits(every_other) == expected
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            assert digits(arguments) == expected
    finally:
        torch.set_num_threads(before)
    here = Processor.here()
    assert here is not None
    others = [Processor(here.name, here.features, lanes) for lanes in (8, 16)]
    if "+avx2" in here.features:
        others.append(Processor("haswell", "+avx2,+fma", 8))
    for other in others:
        compiled.cache_clear()
        monkeypatch.setattr(Processor, "here", lambda other=other: other)
        assert digits(arguments) == expected
    compiled.cache_clear()


def test_an_image_without_a_partner_is_as_if_alone():
    images, kernels, _ = case(3, 8, (12, 12), (13, 13))
    assert torch.equal(fft_conv2d(images, kernels)[2:], fft_conv2d(images[2:], kernels))


def test_no_images_give_no_values_and_no_gradient():
    images, kernels, upstream = case(0, 8, (12, 12), (13, 13))
    values, maps_gradient, taps_gradient = with_gradients(fft_conv2d, images, kernels, upstream)
    assert values.shape == maps_gradient.shape == images.shape
    assert not taps_gradient.any()


def test_matrices_serve_where_there_is_no_code(monkeypatch):
    images, kernels, _ = case(1, 8, (12, 12), (13, 13))
    assert not has_fft(images.double(), kernels.double())
    assert not has_fft(torch.empty(1, 8, 3, LONGEST), torch.empty(8, 1, 3, 5))
    expected = fft_conv2d(images, kernels)
    monkeypatch.setattr(Processor, "here", lambda: None)
    assert not has_fft(images, kernels)
    torch.testing.assert_close(spectral_conv2d(images, kernels), expected, rtol=0, atol=1e-4)


def test_machine_code_is_kept_until_its_sources_change(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "FOLDERS", (tmp_path / "file" / "no-folder", tmp_path / "kept"))
    (tmp_path / "file").touch()  # nothing can be kept below it
    assert kept("name", lambda: b"first") == b"first"
    assert kept("name", lambda: b"second") == b"first"
    (tmp_path / "kept" / "name").write_bytes((tmp_path / "kept" / "name").read_bytes()[:-1])
    assert kept("name", lambda: b"third") == b"third", "a damaged file is made anew"
    monkeypatch.setattr(machine, "sources", lambda: b"others")
    assert kept("name", lambda: b"fourth") == b"fourth"
