"""Re-parameterisation: the same scores with fewer kernels."""

from collections.abc import Callable
from types import ModuleType

import pytest
import torch
from torch import nn

from camagain.errors import UserError
from camagain.models import convert_state_dict, create, enlarge_kernels, merge
from camagain.models.families.replknet import LargeKernel
from camagain.models.families.slak import Strips
from camagain.models.large_kernel import LargeKernelConv2d, replace_large_kernels

SMALL = {
    "replknet_31b": {"widths": (6, 8, 10, 12), "depths": (1, 2, 1, 1)},
    "replknet_xl": {"widths": (6, 8, 10, 12), "depths": (1, 2, 1, 1)},
    "slak_tiny": {"dims": (6, 8, 10, 12), "depths": (1, 2, 1, 1)},
}
KERNELS = {
    "replknet_31b": [(31, 31), (29, 29), (29, 29), (27, 27), (13, 13)],
    "replknet_xl": [(27, 27)] * 4 + [(13, 13)],
    "slak_tiny": [side for k in (51, 49, 49, 47, 13) for side in ((k, 5), (5, k))],
}


@pytest.fixture
def trained(stand_ins: ModuleType) -> Callable[[str], nn.Module]:
    """name -> a network in eval mode whose BatchNorms have statistics, scale and shift far from those of a new one."""

    def make(name: str) -> nn.Module:
        torch.manual_seed(3)
        more = {"kernels": (27, 27, 27, 13), "small_kernel": None, "dw_ratio": 1.5} if name == "replknet_xl" else {}
        file = getattr(stand_ins, name.split("_")[0])(**SMALL[name], **more, classes=4)
        network = create(name, 4, **SMALL[name])
        network.load_state_dict(convert_state_dict(name, file, **SMALL[name]))
        return network.eval()

    return make


def inner_kernels(network: nn.Module) -> list[tuple[int, ...]]:
    layers = [module for key, module in network.named_modules() if ".large_kernel" in key or ".strips" in key]
    return [layer.kernel_size for layer in layers if isinstance(layer, nn.Conv2d)]


@pytest.mark.parametrize("name", SMALL)
def test_merging_keeps_the_scores_and_removes_kernels_and_norms(name: str, trained: Callable):
    network = trained(name)
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        before = network(images)
        assert merge(network) is network
        after = network(images)
    assert (after - before).abs().max() < 1e-4 * before.abs().max()
    assert inner_kernels(network) == KERNELS[name]
    left = [key for key, module in network.named_modules() if "Norm2d" in type(module).__name__]
    assert not [key for key in left if ".large_kernel" in key or ".strips" in key]


def test_convolutions_take_in_the_norms_behind_them(trained: Callable):
    network = trained("replknet_31b")
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        before = network(images)
        after = merge(network)(images)
    assert (after - before).abs().max() < 1e-4 * before.abs().max()
    left = [key for key, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)]
    assert left and all(key.endswith("norm") for key in left), "only norms before a convolution stay"


def test_norms_that_follow_their_batch_are_not_folded():
    layers = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)).train()
    assert isinstance(merge(layers)[1], nn.BatchNorm2d)


def test_merging_twice_or_where_nothing_is_to_merge_changes_nothing(trained: Callable):
    network = merge(trained("slak_tiny"))
    state = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    again = merge(network).state_dict()
    assert state.keys() == again.keys()
    assert all(torch.equal(state[key], again[key]) for key in state)
    resnet = create("resnet_narrow", 4)
    keys = list(resnet.state_dict())
    assert list(merge(resnet).state_dict()) == keys


def test_merged_networks_are_as_trainable_and_as_precise_as_before(trained: Callable):
    network = merge(trained("replknet_31b").double())
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float64}
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert not any(module.training for module in network.modules())


@pytest.mark.parametrize("name", ["replknet_31b", "slak_tiny"])
def test_fast_kernels_merge_too(name: str, trained: Callable):
    network = trained(name)
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        before = network(images)
        merged = merge(replace_large_kernels(network))(images)
        fast_again = replace_large_kernels(network)(images)
    for after in (merged, fast_again):
        assert (after - before).abs().max() < 1e-4 * before.abs().max()


def test_a_norm_without_statistics_cannot_be_merged(trained: Callable):
    network = trained("replknet_31b")
    network.stages[1].blocks[0].replk.large_kernel.small.bn = nn.GroupNorm(1, 8)
    with pytest.raises(UserError, match="cannot merge a Conv2d with a GroupNorm"):
        merge(network)


def test_a_merged_large_kernel_stays_fast():
    network = replace_large_kernels(create("replknet_narrow", 3).eval())
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        before = network(images)
        merge(network)
        torch.testing.assert_close(network(images), before, rtol=1e-4, atol=1e-4)
    large = [layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d) and layer.kernel_size[0] > 11]
    assert len(large) == 5 and all(type(layer) is LargeKernelConv2d for layer in large)


@pytest.mark.parametrize("name", ["replknet_31b", "slak_tiny"])
def test_a_branch_that_was_enlarged_beyond_the_large_kernel_merges_too(name: str, trained: Callable):
    network = trained(name)
    for layer in enlarge_kernels(network, 33).changed:
        nn.init.normal_(network.get_submodule(layer).weight, std=0.03)
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        before = network(images)
        after = merge(network)(images)
    assert (after - before).abs().max() < 1e-4 * before.abs().max()


BRANCHES = {
    "one kernel": lambda: LargeKernel(4, 9, None),
    "two kernels": lambda: LargeKernel(4, 9, 5),
    "strips": lambda: Strips(4, 9, 3),
    "convolution with a bias": lambda: nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, padding=1), nn.BatchNorm2d(6)),
    "grouped convolution": lambda: nn.Sequential(nn.Conv2d(4, 8, 3, groups=2, dilation=2), nn.BatchNorm2d(8)),
}


@torch.no_grad()
@pytest.mark.parametrize("name", BRANCHES)
def test_channels_that_hardly_vary_are_merged_as_they_are_normalised(name: str):
    """A dead channel has a variance far below eps, which is then all that its BatchNorm divides by."""
    torch.manual_seed(1)
    layer = nn.Sequential(BRANCHES[name]()).double().eval()
    norms = [module for module in layer.modules() if isinstance(module, nn.BatchNorm2d)]
    for place, norm in enumerate(norms):  # a scale, a shift, a mean and an eps of its own for every norm
        norm.eps = 1e-5 * 10**place
        norm.running_var.copy_(torch.logspace(-9, 0, len(norm.running_var)) * (place + 1))
        norm.running_mean.normal_(std=0.01)
        norm.weight.uniform_(0.5, 2)
        norm.bias.normal_()
    images = torch.randn(2, 4, 12, 10, dtype=torch.float64)
    before = layer(images)
    after = merge(layer)(images)
    assert not [module for module in layer.modules() if isinstance(module, nn.BatchNorm2d)]
    torch.testing.assert_close(after, before, rtol=1e-10, atol=1e-10)
