"""Kernels enlarged without changing the function, and cut to their centre."""

from collections.abc import Callable

import pytest
import torch
from timm.layers import Conv2dSame
from timm.layers.std_conv import StdConv2d
from torch import nn

from camagain.errors import UserError
from camagain.models import create, merge, replace_large_kernels
from camagain.models.kernels import covered_kernels, enlarge_kernels, shrink_kernels
from camagain.models.large_kernel import LargeKernelConv2d

NETWORKS = ["convnext_narrow", "convnext_atto", "tf_efficientnet_lite0", "replknet_narrow", "slak_narrow"]


def trained(name: str) -> nn.Module:
    """In eval mode, with every weight and statistic away from where it starts."""
    torch.manual_seed(11)
    network = create(name, 4).eval()
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.modules.batchnorm._BatchNorm):
                layer.weight.uniform_(0.5, 1.5)
                layer.bias.normal_(0, 0.1)
        for key, parameter in network.named_parameters():
            if key.endswith("gamma"):
                parameter.fill_(0.5)
    return network


def scores(network: nn.Module, height: int = 64, width: int = 50) -> torch.Tensor:
    with torch.no_grad():
        return network(torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(1)))


def depthwise_layers(network: nn.Module) -> dict[str, nn.Conv2d]:
    layers = {key: layer for key, layer in network.named_modules() if isinstance(layer, nn.Conv2d)}
    return {key: layer for key, layer in layers.items() if layer.groups > 1 and max(layer.kernel_size) > 1}


def assert_same(after: torch.Tensor, before: torch.Tensor) -> None:
    assert (after - before).abs().max() <= 1e-5 * before.abs().max()


# --- enlarging ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("K", [9, 15, 29])
@pytest.mark.parametrize("name", NETWORKS)
def test_enlarged_kernels_compute_the_same(name: str, K: int):
    network = trained(name)
    before, old = scores(network), {key: layer.kernel_size for key, layer in depthwise_layers(network).items()}
    report = enlarge_kernels(network, K)
    assert_same(scores(network), before)
    expected = {key for key, (height, width) in old.items() if height == width < K}
    assert set(report.changed) == expected != set()
    for key, layer in depthwise_layers(network).items():
        assert layer.kernel_size == ((K, K) if key in expected else old[key])
        assert tuple(layer.weight.shape[2:]) == layer.kernel_size
    assert report.left_out == {
        key: f"kernel {height} x {width} is not an odd square"
        for key, (height, width) in old.items()
        if height != width and max(height, width) < K
    }
    assert enlarge_kernels(network, K).changed == ()


def test_kernels_inside_a_larger_one_can_be_kept_and_the_network_still_merges():
    network = trained("replknet_narrow")
    before, layers = scores(network), depthwise_layers(network)
    small = {key for key, layer in layers.items() if layer.kernel_size == (5, 5)}
    covered = covered_kernels(network, 33)
    assert set(covered) == small != set()
    assert set(covered.values()) == {f"lies inside the {K} x {K} kernel beside it" for K in (31, 29, 27, 13)}
    assert covered_kernels(network, 5) == {}, "there is nothing to enlarge"
    report = enlarge_kernels(network, 33, keep=covered)
    assert set(report.changed) == set(layers) - small
    assert all(depthwise_layers(network)[key].kernel_size == (5, 5) for key in small)
    assert_same(scores(merge(network)), before)


@pytest.mark.parametrize("layer_type", [nn.Conv2d, Conv2dSame])
@pytest.mark.parametrize("stride", [1, 2, (3, 1)])
@pytest.mark.parametrize("dilation", [1, (2, 3)])
@pytest.mark.parametrize("padding", [0, 1, (3, 2)])
def test_strides_dilations_and_paddings_of_any_kind_are_kept(layer_type: type, stride, dilation, padding):
    torch.manual_seed(0)
    network = nn.Sequential(layer_type(4, 4, 3, stride, padding, dilation, groups=4))
    for height, width in ((20, 21), (23, 26), (9, 9)):
        images = torch.randn(1, 4, height, width)
        expected = network(images)
        larger = nn.Sequential(layer_type(4, 4, 3, stride, padding, dilation, groups=4))
        larger.load_state_dict(network.state_dict())
        assert enlarge_kernels(larger, 9).changed == ("0",)
        torch.testing.assert_close(larger(images), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_paddings_by_name_are_kept(padding: str):
    network, images = nn.Sequential(nn.Conv2d(4, 4, 5, padding=padding, groups=4)), torch.randn(1, 4, 12, 15)
    expected = network(images)
    enlarge_kernels(network, 11)
    torch.testing.assert_close(network(images), expected, rtol=0, atol=1e-6)


def test_gradients_reach_the_new_taps_of_the_same_parameters():
    network = trained("convnext_narrow")
    parameters = dict(network.named_parameters())
    network(torch.randn(2, 3, 64, 64)).square().sum().backward()
    report = enlarge_kernels(network, 13)
    assert all(parameter is parameters[key] for key, parameter in network.named_parameters())
    assert all(parameters[f"{key}.weight"].grad is None for key in report.changed), "those had the shape of before"
    network.zero_grad()
    network(torch.randn(2, 3, 64, 64)).square().sum().backward()
    for key in report.changed:
        gradient = network.get_parameter(f"{key}.weight").grad
        new = torch.ones(13, 13, dtype=torch.bool)
        new[3:10, 3:10] = False
        assert (gradient[:, 0, new] != 0).float().mean() > 0.5


@pytest.mark.parametrize("name", ["convnext_narrow", "replknet_narrow"])
def test_the_fast_route_may_come_before_or_after(name: str):
    network = trained(name)
    before = scores(network)
    replace_large_kernels(network)
    report = enlarge_kernels(network, 29)
    assert report.changed
    assert_same(scores(network), before)
    replace_large_kernels(network)
    fast = [layer for layer in network.modules() if type(layer) is LargeKernelConv2d]
    assert {layer.kernel_size for layer in fast} >= {(29, 29)}
    assert_same(scores(network), before)


def test_merged_kernels_can_be_enlarged():
    network = merge(trained("replknet_narrow"))
    before = scores(network)
    enlarge_kernels(network, 33)
    assert all(layer.kernel_size == (33, 33) for layer in depthwise_layers(network).values())
    assert_same(scores(network), before)


def test_kernels_wider_than_twice_the_map_are_allowed():
    network = trained("convnext_narrow")
    before = scores(network, 32, 32)
    enlarge_kernels(network, 31)  # on 4 x 4 cells
    assert_same(scores(network, 32, 32), before)


# --- shrinking ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 3, 5, 13])
@pytest.mark.parametrize("name", NETWORKS)
def test_what_remains_is_the_centre_of_each_kernel(name: str, k: int):
    network = trained(name)
    old = {key: layer.weight.detach().clone() for key, layer in depthwise_layers(network).items()}
    others = {
        key: value.clone() for key, value in network.state_dict().items() if key.removesuffix(".weight") not in old
    }
    report = shrink_kernels(network, k)
    assert set(report.changed) == {key for key, weight in old.items() if max(weight.shape[2:]) > k}
    assert report.left_out == {}
    for key, layer in depthwise_layers(network).items():
        height, width = old[key].shape[2:]
        expected = torch.zeros_like(old[key])
        for i in range(height):
            for j in range(width):
                if abs(i - height // 2) <= (k - 1) / 2 and abs(j - width // 2) <= (k - 1) / 2:
                    expected[:, :, i, j] = old[key][:, :, i, j]
        assert torch.equal(layer.weight, expected), key
    assert all(torch.equal(network.state_dict()[key], value) for key, value in others.items())


def test_strips_lose_the_ends_of_their_long_axis_and_parallel_kernels_stay():
    report = shrink_kernels(trained("slak_narrow"), 7)
    assert {key.split(".")[-2] for key in report.changed} == {"tall", "wide"}
    report = shrink_kernels(trained("replknet_narrow"), 5)
    assert {key.split(".")[-2] for key in report.changed} == {"large"}


def test_shrinking_undoes_enlarging_and_a_cut_network_sees_less():
    network = trained("convnext_narrow")
    before = scores(network)
    enlarge_kernels(network, 13)
    with torch.no_grad():
        for layer in depthwise_layers(network).values():
            layer.weight += 0.1
    assert (scores(network) - before).abs().max() > 1e-2 * before.abs().max()
    with torch.no_grad():
        for layer in depthwise_layers(network).values():
            layer.weight -= 0.1
            layer.weight[:, :, 0, 0] = torch.nan
    shrink_kernels(network, 7)
    assert (scores(network) - before).abs().max() <= 1e-4 * before.abs().max()


def test_fast_kernels_shrink_too():
    slow, fast = trained("replknet_narrow"), replace_large_kernels(trained("replknet_narrow"))
    before = scores(slow)
    shrink_kernels(slow, 9)
    shrink_kernels(fast, 9)
    assert_same(scores(fast), scores(slow))
    assert (scores(slow) - before).abs().max() > 1e-3 * before.abs().max()


# --- both -----------------------------------------------------------------------------------------------------------


def test_what_cannot_be_changed_is_left_out_and_named():
    network = nn.ModuleDict(
        {
            "even": nn.Conv2d(4, 4, 4, groups=4),
            "strip": nn.Conv2d(4, 4, (7, 5), groups=4),
            "mirrored": nn.Conv2d(4, 4, 7, padding=3, groups=4, padding_mode="reflect"),
            "standardised": StdConv2d(4, 4, 7, groups=4),
            "skipping": Conv2dSame(4, 4, 3, stride=4, groups=4),
            "grouped": nn.Conv2d(4, 4, 7, groups=2),
            "multiplied": nn.Conv2d(4, 8, 7, groups=4),
            "plain": nn.Conv2d(4, 4, 7, groups=4),
            "point": nn.Conv2d(4, 4, 1, groups=4),
        }
    )
    state = {key: value.clone() for key, value in network.state_dict().items()}
    report = enlarge_kernels(network, 9)
    assert report.changed == ("plain",)
    assert report.left_out == {
        "even": "kernel 4 x 4 is not an odd square",
        "strip": "kernel 7 x 5 is not an odd square",
        "mirrored": "padding mode is 'reflect', not 'zeros'",
        "standardised": "a StdConv2d computes its weight",
        "skipping": "its stride skips cells, so that its padding does not grow with its kernel",
    }
    assert all(torch.equal(v, state[key]) for key, v in network.state_dict().items() if not key.startswith("plain"))
    report = shrink_kernels(network, 3)
    assert report.changed == ("strip", "mirrored", "plain")
    assert report.left_out == {
        "even": "kernel 4 x 4 has no centre",
        "standardised": "a StdConv2d computes its weight",
    }


@pytest.mark.parametrize(("change", "verb"), [(enlarge_kernels, "enlarge"), (shrink_kernels, "shrink")])
def test_mistakes_are_named(change: Callable, verb: str):
    with pytest.raises(UserError, match=f"a ResNet has no depthwise kernel to {verb}"):
        change(create("resnet_narrow", 4), 9)
    for side in (8, 0, -3):
        with pytest.raises(UserError, match=f"kernel size {side} is not odd and positive"):
            change(create("convnext_narrow", 4), side)
