"""Large kernels with a stride: torch's values and gradients, at every stride, padding and size."""

import copy

import pytest
import torch
from timm.layers import Conv2dSame
from torch import nn

from camagain.models import create, enlarge_kernels, replace_large_kernels
from camagain.models.large_kernel import strided
from camagain.models.large_kernel.strided import STRIDED


@pytest.mark.parametrize("layer_type", STRIDED)
@pytest.mark.parametrize("stride", [(2, 2), (3, 1), (1, 4)])
@pytest.mark.parametrize("padding", [(7, 7), (0, 3), (20, 9)])
@pytest.mark.parametrize("sizes", [(23, 26), (31, 40)])
def test_values_and_gradients_are_those_of_torch(layer_type: type, stride, padding, sizes):
    torch.manual_seed(0)
    plain = layer_type(3, 3, (15, 19), stride, padding, groups=3).double()
    fast = replace_large_kernels(nn.Sequential(copy.deepcopy(plain)))
    assert type(fast[0]) is STRIDED[layer_type]
    images = torch.randn(2, 3, *sizes, dtype=torch.float64, requires_grad=True)
    expected, found = plain(images), fast(images)
    upstream = torch.randn_like(expected)
    wanted = [images, *plain.parameters()], [images, *fast.parameters()]
    gradients = torch.autograd.grad(expected, wanted[0], upstream), torch.autograd.grad(found, wanted[1], upstream)
    for ours, theirs in zip((found, *gradients[1]), (expected, *gradients[0]), strict=True):
        assert ours.shape == theirs.shape
        assert (ours - theirs).abs().max() <= 1e-12 * theirs.abs().max()


def test_the_slow_route_is_taken_for_gradients_alone(monkeypatch):
    calls, convolution = [], strided.strided_conv2d
    monkeypatch.setattr(
        strided, "strided_conv2d", lambda *given, **named: calls.append(given) or convolution(*given, **named)
    )
    layer = replace_large_kernels(nn.Sequential(nn.Conv2d(2, 2, 31, 2, 15, groups=2)))
    images = torch.randn(1, 2, 20, 20)
    with torch.no_grad():
        expected = layer(images)
    layer.requires_grad_(False)
    assert torch.equal(layer(images), expected) and not calls
    layer.requires_grad_(True)
    torch.testing.assert_close(layer(images), expected)
    layer.requires_grad_(False)
    torch.testing.assert_close(layer(images.requires_grad_()), expected)
    assert len(calls) == 2


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(2, 2, 13, 2, groups=2),
        nn.Conv2d(2, 2, (31, 5), 2, groups=2),
        nn.Conv2d(2, 4, 31, 2, groups=2),
        nn.Conv2d(2, 2, 31, 2, dilation=2, groups=2),
        nn.Conv2d(2, 2, 31, 2, padding=15, padding_mode="reflect", groups=2),
    ],
)
def test_other_layers_are_left_alone(layer: nn.Conv2d):
    assert type(replace_large_kernels(nn.Sequential(layer))[0]) is nn.Conv2d


def test_an_enlarged_network_computes_and_learns_the_same_either_way():
    torch.manual_seed(1)
    plain = create("tf_efficientnet_lite0", 3).eval().double()
    for layer in plain.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.bias)  # else cells lie on the bend of ReLU6, where rounding decides the gradient
    enlarge_kernels(plain, 15)
    fast = replace_large_kernels(copy.deepcopy(plain))
    replaced = [layer for layer in fast.modules() if type(layer) in STRIDED.values()]
    assert len(replaced) == 4 and all(isinstance(layer, Conv2dSame) for layer in replaced)
    assert fast.state_dict().keys() == plain.state_dict().keys()
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    for network in (plain, fast):
        network(images).square().sum().backward()
    for name, parameter in plain.named_parameters():
        gradient = fast.get_parameter(name).grad
        assert (gradient - parameter.grad).abs().max() <= 1e-9 * parameter.grad.abs().max(), name
    enlarge_kernels(fast, 17)  # after being replaced, too
    with torch.no_grad():
        torch.testing.assert_close(fast(images), plain(images))
