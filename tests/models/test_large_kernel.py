"""The fast large kernels are torch's own convolution in value and gradient, whatever the shape, and change no state."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import conv2d

from camagain.models import replace_large_kernels
from camagain.models.large_kernel import LargeKernelConv2d
from camagain.models.large_kernel.fft.machine import Processor
from camagain.models.large_kernel.fourier import centre, chunks, fourier_conv2d
from camagain.models.large_kernel.layer import route


def depthwise(channels: int, kernel: int | tuple[int, int], **options) -> nn.Conv2d:
    """An ordinary depthwise convolution that keeps the size."""
    sides = (kernel, kernel) if isinstance(kernel, int) else kernel
    settings = {"padding": (sides[0] // 2, sides[1] // 2), "groups": channels, **options}
    return nn.Conv2d(channels, channels, sides, **settings)


def images(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=dtype)


def relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found.detach() - expected.detach()).abs().max() / expected.detach().abs().max())


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 3),
    channels=st.integers(1, 5),
    height=st.integers(1, 20),
    width=st.integers(1, 20),
    half_height=st.integers(0, 25),
    half_width=st.integers(0, 25),
)
def test_values_and_gradients_are_those_of_torch(n, channels, height, width, half_height, half_width):
    generator = torch.Generator().manual_seed(n * 1000 + channels * 100 + height)
    kernel = (2 * half_height + 1, 2 * half_width + 1)
    x = torch.randn(n, channels, height, width, generator=generator, dtype=torch.float64, requires_grad=True)
    w = torch.randn(channels, 1, *kernel, generator=generator, dtype=torch.float64, requires_grad=True)
    upstream = torch.randn(n, channels, height, width, generator=generator, dtype=torch.float64)
    expected = conv2d(x, w, padding=(half_height, half_width), groups=channels)
    found = fourier_conv2d(x, w)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    theirs = torch.autograd.grad(expected, (x, w), upstream)
    ours = torch.autograd.grad(found, (x, w), upstream)
    for our, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(our, their, rtol=0, atol=1e-9)


@pytest.mark.parametrize("kernel", [(13, 13), (31, 5), (5, 31), (31, 31)])
def test_gradcheck_in_float64(kernel: tuple[int, int]):
    layer = replace_large_kernels(depthwise(2, kernel)).double()
    x = images(2, 2, 5, 6, dtype=torch.float64).requires_grad_()
    assert isinstance(layer, LargeKernelConv2d)
    assert torch.autograd.gradcheck(lambda x, w: fourier_conv2d(x, w), (x, layer.weight))


def test_a_second_derivative_is_refused_and_not_wrong():
    x, w = images(1, 1, 5, 5).requires_grad_(), images(1, 1, 13, 13).requires_grad_()
    (gradient,) = torch.autograd.grad(fourier_conv2d(x, w).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match=r"differentiate twice|once_differentiable"):
        gradient.sum().backward()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kernel", [7, 13, 31, (51, 5), (5, 51)])
@pytest.mark.parametrize("shape", [(1, 8, 24, 24), (4, 8, 7, 9), (2, 1, 28, 28)])
def test_a_replaced_layer_is_torchs_in_float32(shape, kernel, training, layout):
    torch.manual_seed(0)
    ours = depthwise(shape[1], kernel)
    theirs = copy.deepcopy(ours)
    replace_large_kernels(ours)
    x = images(*shape).to(memory_format=layout)
    with torch.set_grad_enabled(training):
        found, expected = ours(x), theirs(x)
    assert relative(found, expected) < 3e-6
    assert found.is_contiguous(memory_format=layout), "the memory format follows the input, as with nn.Conv2d"
    if training:
        found.square().sum().backward()
        expected.square().sum().backward()
        assert relative(ours.weight.grad, theirs.weight.grad) < 1e-5
        assert relative(ours.bias.grad, theirs.bias.grad) < 1e-5


def test_more_images_than_one_chunk_holds(monkeypatch):
    x, w = images(7, 3, 9, 9), images(3, 1, 13, 13)
    one_by_one = torch.cat([fourier_conv2d(image[None], w) for image in x])
    torch.testing.assert_close(fourier_conv2d(x, w), one_by_one)
    monkeypatch.setattr("camagain.models.large_kernel.fourier.CHUNK_BYTES", 2 * 2 * 3 * 15 * 8 * 4)  # two images
    assert chunks(7, torch.empty(1, 2, 15, 8, 3)) == [slice(0, 2), slice(2, 4), slice(4, 6), slice(6, 8)]
    torch.testing.assert_close(fourier_conv2d(x, w), one_by_one)


def test_taps_that_only_meet_padding_are_left_out_and_get_no_gradient():
    w = images(2, 1, 31, 31)
    assert centre(w, 4, 6).shape == (2, 1, 7, 11)
    x = images(1, 2, 4, 6)
    w.requires_grad_()
    fourier_conv2d(x, w).sum().backward()
    seen = torch.zeros(31, 31, dtype=torch.bool)
    seen[12:19, 10:21] = True
    assert (w.grad[:, 0, ~seen] == 0).all()
    assert (w.grad[:, 0, seen] != 0).any()


def test_autocast_and_half_precision_keep_their_dtype():
    torch.manual_seed(0)
    ours = depthwise(4, 31)
    theirs = copy.deepcopy(ours)
    replace_large_kernels(ours)
    x = images(2, 4, 16, 16).requires_grad_()
    exact = theirs(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = ours(x)
        assert found.dtype == theirs(x).dtype == torch.bfloat16
        assert relative(found.float(), exact) < 0.01
        found.float().sum().backward()
    assert ours.weight.grad.dtype == torch.float32
    assert ours.to(torch.bfloat16)(x.detach().to(torch.bfloat16)).dtype == torch.bfloat16


def test_the_state_dict_and_the_parameters_stay():
    network = nn.Sequential(depthwise(4, 31), nn.BatchNorm2d(4), depthwise(4, (5, 51), bias=False))
    before = {key: value.clone() for key, value in network.state_dict().items()}
    identities = [id(parameter) for parameter in network.parameters()]
    assert replace_large_kernels(network) is network
    assert list(network.state_dict()) == list(before)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert [id(parameter) for parameter in network.parameters()] == identities
    assert sum(isinstance(layer, LargeKernelConv2d) for layer in network) == 2


class Other(nn.Conv2d):
    """A convolution that computes something of its own."""


@pytest.mark.parametrize(
    "layer",
    [
        depthwise(4, 3),
        depthwise(4, 13, stride=2),
        depthwise(4, 13, dilation=2, padding=12),
        depthwise(4, 13, padding=0),
        depthwise(4, 14),
        depthwise(4, 13, padding_mode="reflect"),
        nn.Conv2d(4, 4, 13, padding=6),
        nn.Conv2d(4, 8, 13, padding=6, groups=4),
        Other(4, 4, 13, padding=6, groups=4),
    ],
    ids=["small", "strided", "dilated", "unpadded", "even", "reflect", "dense", "multiplied", "subclass"],
)
def test_other_convolutions_are_left_alone(layer: nn.Conv2d):
    kind = type(layer)
    replace_large_kernels(nn.Sequential(layer))
    assert type(layer) is kind


def test_padding_by_name_is_the_same_padding():
    layer = replace_large_kernels(nn.Conv2d(4, 4, 13, padding="same", groups=4))
    assert type(layer) is LargeKernelConv2d


def test_the_route_follows_device_shape_and_gradients(monkeypatch):
    x, square, strip, small = images(1, 2, 8, 8), images(2, 1, 31, 31), images(2, 1, 51, 5), images(2, 1, 7, 7)
    for large in (square, strip):
        assert route(x, large) == "spectral"
    assert route(x, small) == "channels-last"
    assert route(x, small.requires_grad_()) == "spectral"
    with torch.no_grad():
        assert route(x, small) == "channels-last"
    assert route(x.to("meta"), square) == "torch"
    monkeypatch.setattr(Processor, "here", lambda: None)  # no compiled transforms
    assert route(x, square) == "spectral"
    assert route(x, small) == "torch"
    assert route(x, strip) == "channels-last"
    assert route(x, strip.requires_grad_()) == "spectral"
    with torch.no_grad():
        assert route(x, strip) == "channels-last"


def test_what_was_made_in_inference_mode_serves_training_too():
    layer = replace_large_kernels(depthwise(2, 19))
    x = images(1, 2, 17, 11)
    with torch.inference_mode():
        layer(x)
    layer(x).sum().backward()
    assert layer.weight.grad is not None
