"""SLaK's own structure: strips, widths, kernels by tag, and starting weights."""

import pytest
import torch
from torch import nn

from camagain.errors import UserError
from camagain.models import create
from camagain.models.families.slak import SLaK

SMALL = {"dims": (6, 8, 10, 12), "depths": (1, 1, 1, 1)}


def strips(network: nn.Module) -> list[tuple[int, ...]]:
    """Sizes of the depthwise kernels of the first stage and of the last."""
    blocks = (network.stages[0].blocks[0], network.stages[-1].blocks[0])
    return [layer.kernel_size for block in blocks for layer in block.strips.modules() if isinstance(layer, nn.Conv2d)]


def published(longest: int) -> list[tuple[int, int]]:
    return [(longest, 5), (5, longest), (5, 5), (13, 5), (5, 13), (5, 5)]


@pytest.mark.parametrize(
    "name, options, longest",
    [
        ("slak_tiny", {}, 51),
        ("slak_tiny", {"kernels": 31}, 31),
        ("slak_tiny", {"kernels": 61}, 61),
        ("slak_tiny.k31_in1k_120ep", {}, 31),
        ("slak_tiny.k51_in1k_120ep", {}, 51),
        ("slak_tiny.k61_in1k_120ep", {}, 61),
        ("slak_tiny.in1k_300ep", {}, 51),
        ("slak_tiny.k61_in1k_120ep", {"kernels": [41, 39, 37, 13]}, 41),
        ("slak_base", {}, 51),
    ],
)
def test_kernels_follow_the_option_and_else_the_tag(name: str, options: dict, longest: int):
    assert strips(create(name, 2, **SMALL, **options)) == published(longest)


@pytest.mark.parametrize("name, widths", [("slak_tiny", [124, 249, 499, 998]), ("slak_base", [166, 332, 665, 1331])])
def test_widths_are_1_3_times_those_of_convnext_cut_to_integers(name: str, widths: list[int]):
    with torch.device("meta"):
        assert [info["num_chs"] for info in create(name, 2).feature_info] == widths


def test_the_strips_add_up_to_a_large_cross():
    """One bright cell is seen along a row and a column of the kernel's length, five cells thick."""
    network = create("slak_tiny", 2, **SMALL).eval()
    block = network.stages[0].blocks[0].strips
    for branch in (block.tall, block.wide, block.small):
        branch.conv.weight.data.fill_(1.0)
    image = torch.zeros(1, 7, 61, 61)
    image[:, :, 30, 30] = 1
    seen = (block(image)[0, 0] * (1 + 1e-5) ** 0.5).round()
    cross = torch.zeros(61, 61)
    cross[5:56, 28:33] += 1
    cross[28:33, 5:56] += 1
    cross[28:33, 28:33] += 1
    assert torch.equal(seen, cross)


def test_starting_weights_are_convnexts():
    network = create("slak_tiny", 2, dims=(24, 48, 96, 192))
    block = network.stages[2].blocks[0]
    for layer in (block.strips.tall.conv, block.expand, network.stem[0]):
        assert layer.weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert torch.equal(block.gamma.detach(), torch.full_like(block.gamma, 1e-6))
    assert block.expand.bias.abs().max() == 0


def test_the_norm_of_the_head_comes_after_pooling():
    network = create("slak_tiny", 2, **SMALL).eval()
    maps = torch.randn(3, 15, 2, 2)
    pooled = network.forward_head(maps, pre_logits=True)
    torch.testing.assert_close(pooled, torch.nn.functional.layer_norm(maps.mean((2, 3)), (15,), eps=1e-6))


def test_a_narrow_variant_with_batchnorm_at_stride_8():
    network = SLaK(
        (6, 8, 10, 12),
        (1, 1, 1, 1),
        kernels=(9, 7, 7, 7),
        thickness=3,
        width_factor=1.0,
        strides=(2, 1, 1),
        norm_layer=nn.BatchNorm2d,
        layer_scale=None,
        final_norm=False,
        num_classes=2,
    )
    images = torch.randn(2, 3, 48, 64)
    maps = network.eval().forward_features(images)
    assert maps.shape == (2, 12, 6, 8)
    assert network.stages[0].blocks[0].gamma is None
    assert not any("LayerNorm" in type(module).__name__ for module in network.modules())
    head = network.get_classifier()
    torch.testing.assert_close(network(images), maps.mean((2, 3)) @ head.weight.T + head.bias)


def test_kernels_without_a_preset_are_refused():
    with pytest.raises(UserError, match=r"kernels 41 is none of \[31, 51, 61\]"):
        create("slak_tiny", 2, kernels=41)


@pytest.mark.parametrize("kernels", [(50, 49, 47, 13), (51, 49, 47, 5)])
def test_kernels_that_are_even_or_no_longer_than_thick_are_refused(kernels: tuple[int, ...]):
    with pytest.raises(UserError, match="must be odd and larger than thickness 5"):
        create("slak_tiny", 2, kernels=kernels)
