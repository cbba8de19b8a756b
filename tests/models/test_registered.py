"""What timm expects of a network, of every one that the large-kernel families and the published heads register."""

import functools
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from camagain.models import create
from camagain.models.families import convnext, replknet, slak
from camagain.models.zoo import feature_maps, linear_head

import timm  # isort: skip  # after camagain.models, which makes it importable next to a CPU-only torch
from timm.optim import param_groups_layer_decay  # isort: skip

PUBLISHED = {**replknet.published_cfgs, **slak.published_cfgs, **convnext.published_cfgs}
NAMES = sorted(PUBLISHED)
TAGGED = sorted(f"{name}.{tag}" for name, cfg in PUBLISHED.items() for tag in cfg.cfgs)
WIDTHS = (8, 12, 16, 20)

Make = Callable[..., nn.Module]


@pytest.fixture
def small() -> Make:
    """(name, classes, options) -> that network with narrow stages, its kernels as published."""

    def make(name: str, classes: int = 5, **options) -> nn.Module:
        torch.manual_seed(0)
        widths = {"widths" if name.startswith("replknet") else "dims": WIDTHS}
        factor = {"width_factor": 1.0} if name.startswith("slak") else {}
        return create(name, classes, depths=(1, 1, 2, 1), **widths, **factor, **options)

    return make


@functools.cache
def outline(name: str) -> nn.Module:
    """The full-size network of that name and tag, without memory for its weights."""
    with torch.device("meta"):
        return timm.create_model(name)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_registered_and_gives_maps_and_scores(name: str, small: Make):
    assert name in timm.list_models()
    network = small(name).eval()
    images = torch.randn(2, 3, 64, 96)
    maps = feature_maps(network, images, name)
    assert maps.shape == (2, 20, 2, 3), f"{name}: maps {tuple(maps.shape)}"
    assert network.forward_head(maps).shape == (2, 5)
    assert network.forward_head(maps, pre_logits=True).shape == (2, 20)
    torch.testing.assert_close(network.forward_head(maps), network(images))
    assert linear_head(network, name).weight.shape == (5, 20)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_gets_a_gradient_also_with_checkpointing(name: str, small: Make):
    images = torch.randn(2, 3, 32, 64)
    gradients = []
    for checkpointing in (False, True):
        network = small(name, drop_path_rate=0.0).train()
        network.set_grad_checkpointing(checkpointing)
        network(images).square().sum().backward()
        without = [key for key, parameter in network.named_parameters() if parameter.grad is None]
        assert not without, f"{name}: no gradient reaches {without}"
        gradients.append([parameter.grad for parameter in network.parameters()])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, recomputed, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_features_only_gives_every_stage(name: str, small: Make):
    stages = small(name, features_only=True)
    assert stages.feature_info.channels() == list(WIDTHS)
    assert stages.feature_info.reduction() == [4, 8, 16, 32]
    for maps, info in zip(stages(torch.randn(1, 3, 64, 64)), stages.feature_info, strict=True):
        assert maps.shape[1] == info["num_chs"]
        assert maps.shape[2] * info["reduction"] == 64
    assert len(small(name, features_only=True, out_indices=(1, 3))(torch.randn(1, 3, 64, 64))) == 2


@pytest.mark.parametrize("name", NAMES)
def test_the_classifier_can_be_exchanged_and_taken_off(name: str, small: Make):
    network = small(name).eval()
    images = torch.randn(1, 3, 64, 64)
    network.reset_classifier(3)
    assert network.get_classifier().weight.shape == (3, 20)
    assert network.num_classes == 3
    assert network(images).shape == (1, 3)
    network.reset_classifier(0)
    assert network(images).shape == (1, 20)


@pytest.mark.parametrize("name", NAMES)
def test_other_input_channels(name: str, small: Make):
    assert small(name, in_chans=1)(torch.randn(2, 1, 64, 64)).shape == (2, 5)


@pytest.mark.parametrize("name", NAMES)
def test_stochastic_depth_drops_more_towards_the_end(name: str, small: Make):
    network = small(name, drop_path_rate=0.4)
    rates = [module.drop_prob for module in network.modules() if type(module).__name__ == "DropPath"]
    assert rates == sorted(rates)
    assert rates[-1] == pytest.approx(0.4)


@pytest.mark.parametrize("name", NAMES)
def test_layer_wise_decay_reaches_every_parameter_once_and_grows_towards_the_head(name: str, small: Make):
    network = small(name)
    groups = param_groups_layer_decay(network, layer_decay=0.5, min_scale=0)
    scales = {id(parameter): group["lr_scale"] for group in groups for parameter in group["params"]}
    assert sum(len(group["params"]) for group in groups) == len(scales) == len(list(network.parameters()))
    by_name = {key: scales[id(parameter)] for key, parameter in network.named_parameters()}
    stem = max(scale for key, scale in by_name.items() if key.startswith("stem."))
    last = [scale for key, scale in by_name.items() if key.startswith("stages.3.blocks.0.")]
    first = [scale for key, scale in by_name.items() if key.startswith("stages.0.blocks.0.")]
    two_blocks = [{scale for key, scale in by_name.items() if key.startswith(f"stages.2.blocks.{b}.")} for b in (0, 1)]
    assert stem < min(first) <= max(first) < min(last)
    assert max(two_blocks[0]) < min(two_blocks[1]), "each block has its own rate"
    assert all(scale == 1 for key, scale in by_name.items() if key.startswith(("head.", "norm.")))


@pytest.mark.parametrize("name", TAGGED)
def test_its_pretrained_cfg_is_true(name: str):
    network = outline(name)
    cfg = network.pretrained_cfg
    modules = dict(network.named_modules())
    assert modules[cfg["first_conv"]].weight.shape[1] == cfg["input_size"][0]
    assert modules[cfg["classifier"]] is network.get_classifier()
    assert network.get_classifier().weight.shape[0] == cfg["num_classes"]
    assert cfg["pool_size"][0] * 32 == cfg["input_size"][1]
    assert cfg["tag"] in name
    if "url" in cfg:
        assert re.search(r"https://\S+-[0-9a-f]{8}\.pth$", cfg["url"]), "timm checks the digest in the file's name"


@pytest.mark.parametrize(
    "name, mean, size, classes",
    [
        ("replknet_31b", 0.485, 384, 1000),
        ("replknet_31b.in22k", 0.485, 224, 21841),
        ("replknet_31l", 0.485, 384, 1000),
        ("replknet_xl", 0.5, 320, 1000),
        ("slak_tiny", 0.485, 224, 1000),
        ("convnext_base_cam", 0.5, 384, 200),
    ],
)
def test_inputs_are_normalised_as_published(name: str, mean: float, size: int, classes: int):
    cfg = timm.get_pretrained_cfg(name)
    assert (cfg.mean[0], cfg.input_size[1], cfg.num_classes) == (mean, size, classes)


def rows(root: Path) -> dict[str, dict[str, str]]:
    """The first table of docs/networks.md: name -> column -> text."""
    tables = (root / "docs" / "networks.md").read_text().split("\n\n")
    lines = next(table for table in tables if table.startswith("|")).splitlines()
    header, _, *body = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {cells[0].strip("`"): dict(zip(header, cells, strict=True)) for cells in body}


def test_the_documented_table_lists_every_network(root: Path):
    assert sorted(rows(root)) == TAGGED


@pytest.mark.parametrize("name", TAGGED)
def test_the_documented_table_is_true(name: str, root: Path):
    row = rows(root)[name]
    network = outline(name)
    cfg = network.pretrained_cfg
    count = sum(parameter.numel() for parameter in network.parameters())
    assert row["parameters"] == f"{count:,}", f"{name} has {count:,} parameters"
    stages = [max(max(m.kernel_size) for m in s.modules() if isinstance(m, nn.Conv2d)) for s in network.stages]
    assert row["kernels"] == "-".join(map(str, stages))
    side = 384 // network.feature_info[-1]["reduction"]
    assert row["grid at 384 px"] == f"{side} x {side} x {network.num_features}"
    assert row["input"] == f"{cfg['input_size'][1]} px, {'half' if cfg['mean'] == (0.5,) * 3 else 'imagenet'}"
