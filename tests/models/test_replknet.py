"""RepLKNet's own structure: kernels, strides and the place of its final BatchNorm."""

import pytest
import torch
from torch import nn

from camagain.errors import UserError
from camagain.models import create
from camagain.models.families.replknet import RepLKNet, conv_bn

SMALL = {"widths": (6, 8, 10, 12), "depths": (1, 2, 1, 1)}


def depthwise(network: nn.Module) -> list[int]:
    """Sizes of the depthwise kernels inside the stages' blocks, in the order of computation."""
    layers = [module for key, module in network.named_modules() if "large_kernel" in key]
    return [layer.kernel_size[0] for layer in layers if isinstance(layer, nn.Conv2d)]


def test_31b_has_31_29_27_13_beside_5():
    assert depthwise(create("replknet_31b", 2, **SMALL)) == [31, 5, 29, 5, 29, 5, 27, 5, 13, 5]


def test_xl_has_27_27_27_13_alone_in_wider_blocks():
    network = create("replknet_xl", 2, **SMALL)
    assert depthwise(network) == [27, 27, 27, 27, 13]
    assert network.stages[0].blocks[0].replk.large_kernel.large.conv.weight.shape == (9, 1, 27, 27)


def test_the_maps_are_taken_before_the_final_batchnorm():
    network = create("replknet_31b", 2, **SMALL).eval()
    network.norm.running_mean.fill_(3.0)
    maps = network.forward_features(torch.randn(1, 3, 64, 64))
    pooled = network.forward_head(maps, pre_logits=True)
    torch.testing.assert_close(pooled, (maps.mean((2, 3)) - 3) / (1 + 1e-5) ** 0.5)


def test_without_the_final_norm_a_class_score_is_the_mean_of_its_map():
    network = create("replknet_31b", 2, final_norm=False, **SMALL).eval()
    images = torch.randn(2, 3, 64, 64)
    head = network.get_classifier()
    scores = torch.einsum("bchw,kc->bkhw", network.forward_features(images), head.weight).mean((2, 3)) + head.bias
    torch.testing.assert_close(network(images), scores)


def test_a_narrow_variant_can_stay_at_stride_8_with_another_stem():
    def stem(inputs: int, width: int) -> nn.Module:
        return conv_bn(inputs, width, 3, stride=2, relu=True)

    network = RepLKNet(**SMALL, kernels=(9, 7, 5, 3), small_kernel=3, strides=(2, 2, 1), stem=stem, stem_stride=2)
    assert network.forward_features(torch.randn(1, 3, 48, 64)).shape == (1, 12, 6, 8)
    assert [info["reduction"] for info in network.feature_info] == [2, 4, 8, 8]


def test_lists_of_different_length_are_refused():
    with pytest.raises(UserError, match=r"depths \[2, 2\].*one value per stage.*strides \[2, 2, 2\]"):
        create("replknet_31b", 2, depths=(2, 2))


def test_even_kernels_are_refused():
    with pytest.raises(UserError, match=r"kernels \[30, 29, 27, 13\].*must be odd"):
        create("replknet_31b", 2, kernels=(30, 29, 27, 13))
    with pytest.raises(UserError, match="small_kernel 4 must be odd"):
        create("replknet_31b", 2, small_kernel=4, widths=(6, 8, 10, 12))


def test_an_unknown_option_is_named():
    with pytest.raises(UserError, match=r"does not take the options \['kernel'\]"):
        create("replknet_31b", 2, kernel=31)
