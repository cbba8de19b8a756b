"""Published checkpoints under our names: the same outputs as the papers' formulas give for a file, and strict names."""

from collections.abc import Callable
from types import ModuleType

import pytest
import torch

from camagain.errors import UserError
from camagain.models import convert_state_dict, create
from camagain.models.convert import LAYOUTS

import timm  # isort: skip  # after camagain.models, which makes it importable next to a CPU-only torch

STAGES = {"depths": (1, 1, 2, 1)}
SMALL = {
    "replknet_31b": {**STAGES, "widths": (5, 6, 8, 9)},
    "replknet_31l": {**STAGES, "widths": (4, 6, 7, 8)},
    "replknet_xl": {**STAGES, "widths": (5, 6, 8, 9), "kernels": (27, 27, 27, 13), "dw_ratio": 1.5},
    "slak_tiny": {**STAGES, "dims": (5, 6, 8, 9)},
    "slak_small": {**STAGES, "dims": (4, 6, 7, 8)},
    "slak_base": {**STAGES, "dims": (5, 6, 8, 9)},
    "convnext_base_cam": {**STAGES, "dims": (5, 6, 8, 9)},
}
"""Every architecture with a published layout, with options that keep its kernels and make it small."""

FULL = {
    "replknet_31b": {},
    "replknet_31l": {"widths": (192, 384, 768, 1536)},
    "replknet_xl": {
        "widths": (256, 512, 1024, 2048),
        "kernels": (27, 27, 27, 13),
        "small_kernel": None,
        "dw_ratio": 1.5,
    },
    "slak_tiny": {},
    "slak_tiny.k31_in1k_120ep": {"kernels": (31, 29, 27, 13)},
    "slak_tiny.k51_in1k_120ep": {},
    "slak_tiny.k61_in1k_120ep": {"kernels": (61, 59, 57, 13)},
    "slak_small": {"depths": (3, 3, 27, 3)},
    "slak_base": {"depths": (3, 3, 27, 3), "dims": (128, 256, 512, 1024)},
    "convnext_base_cam": {},
}
"""Sizes of the published files, written down here a second time."""


def maker(stand_ins: ModuleType, name: str) -> Callable:
    family = "convnext_cam" if name.startswith("convnext") else name.split("_")[0]
    return getattr(stand_ins, family)


@pytest.fixture
def small(stand_ins: ModuleType) -> Callable:
    """name -> a small checkpoint of that network with 7 classes, as its authors wrote it."""

    def make(name: str):
        torch.manual_seed(5)
        sizes = {**SMALL[name], **({"small_kernel": None} if name == "replknet_xl" else {})}
        return maker(stand_ins, name)(**sizes, classes=7)

    return make


def test_every_layout_has_a_test():
    assert set(SMALL) == set(LAYOUTS)


@pytest.mark.parametrize("name", SMALL)
def test_a_converted_network_computes_what_the_paper_says(name: str, small: Callable, stand_ins: ModuleType):
    """In double precision, where the two routes may differ by their order of additions only."""
    file = type(small(name))({key: tensor.double() for key, tensor in small(name).items()})
    network = create(name, 7, **SMALL[name]).double().eval()
    network.load_state_dict(convert_state_dict(name, file, **SMALL[name]), strict=True)
    images = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    forward = getattr(stand_ins, maker(stand_ins, name).__name__ + "_forward")
    with torch.inference_mode():
        maps, scores = forward(file, images)
        for found, expected in ((network.forward_features(images), maps), (network(images), scores)):
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-9 * expected.abs().max().item())


@pytest.mark.parametrize("name", FULL)
def test_full_size_files_fit_tensor_by_tensor(name: str, stand_ins: ModuleType):
    with torch.device("meta"):
        file = maker(stand_ins, name.split(".")[0])(**FULL[name])
    converted = convert_state_dict(name, file)
    assert len(converted) == len(file)


@pytest.mark.parametrize("name", ["replknet_31b", "replknet_31l", "replknet_xl"])
def test_mmpretrains_layout_gives_the_same_tensors(name: str, small: Callable, stand_ins: ModuleType):
    file = small(name)
    ours = convert_state_dict(name, file, **SMALL[name])
    theirs = convert_state_dict(name, stand_ins.mmpretrain(file), **SMALL[name])
    assert ours.keys() == theirs.keys()
    assert all(ours[key] is theirs[key] for key in ours)


@pytest.mark.parametrize("wrap", ["model", "state_dict", "module", "ddp", "model and ddp"])
def test_containers_and_prefixes_are_taken_off(wrap: str, small: Callable):
    file = small("slak_tiny")
    bare = convert_state_dict("slak_tiny", file, **SMALL["slak_tiny"])
    if "ddp" in wrap:
        file = {f"module.{key}": tensor for key, tensor in file.items()}
    if wrap != "ddp":
        file = {"epoch": 3, "model_ema": {"x": torch.zeros(1)}, wrap.split()[0]: file}
    wrapped = convert_state_dict("slak_tiny", file, **SMALL["slak_tiny"])
    assert all(wrapped[key] is bare[key] for key in bare)


@pytest.mark.parametrize("name", SMALL)
def test_our_own_names_pass_unchanged(name: str):
    ours = create(name, 7, **SMALL[name]).state_dict()
    converted = convert_state_dict(name, ours, **SMALL[name])
    assert list(converted) == list(ours)


def test_a_missing_tensor_is_named(small: Callable):
    file = small("replknet_31b")
    del file["stages.2.blocks.3.pw1.bn.running_var"]
    with pytest.raises(UserError, match=r"1 tensors are missing, first 'stages\.2\.blocks\.3\.pw1\.bn\.running_var'"):
        convert_state_dict("replknet_31b", file, **SMALL["replknet_31b"])


def test_a_misspelt_tensor_is_answered_with_the_nearest(small: Callable):
    file = small("slak_tiny")
    file["stages.0.0.large_kernel.LoRa1.conv.weight"] = file.pop("stages.0.0.large_kernel.LoRA1.conv.weight")
    expected = (
        r"not expected, first 'stages\.0\.0\.large_kernel\.LoRa1\.conv\.weight'\. "
        r"Did you mean 'stages\.0\.0\.large_kernel\.LoRA1\.conv\.weight'"
    )
    with pytest.raises(UserError, match=expected):
        convert_state_dict("slak_tiny", file, **SMALL["slak_tiny"])


def test_an_extra_tensor_is_named(small: Callable):
    file = small("convnext_base_cam")
    file["2.weight"] = torch.zeros(1)
    with pytest.raises(UserError, match=r"1 tensors are not expected, first '2\.weight'"):
        convert_state_dict("convnext_base_cam", file, **SMALL["convnext_base_cam"])


def test_another_size_of_the_network_is_named_by_its_first_tensor(small: Callable):
    with pytest.raises(UserError, match=r"'stem\.0\.conv\.weight' has shape \(5, 3, 3, 3\) .* expects \(4, 3, 3, 3\)"):
        convert_state_dict("replknet_31l", small("replknet_31b"), **SMALL["replknet_31l"])


def test_another_kernel_than_the_tag_says_is_named(small: Callable):
    """The kernels of SLaK's 31 and 61 files are guesses; if one is wrong, the error shows the right one."""
    with pytest.raises(UserError, match=r"tall\.conv\.weight' has shape \(6, 1, 51, 5\) .* expects \(6, 1, 61, 5\)"):
        convert_state_dict("slak_tiny.k61_in1k_120ep", small("slak_tiny"), **SMALL["slak_tiny"])


def test_another_family_is_refused(small: Callable):
    with pytest.raises(UserError, match=r"no tensor of this checkpoint belongs to 'convnext_base_cam'"):
        convert_state_dict("convnext_base_cam", small("replknet_31b"))


@pytest.mark.parametrize("file", [{}, {"epoch": 1, "optimizer": {}}])
def test_what_holds_no_tensors_is_refused(file: dict):
    with pytest.raises(UserError, match="not a table of tensors"):
        convert_state_dict("slak_tiny", file)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UserError, match=r"unknown architecture 'slak_tiney'\. Did you mean 'slak_tiny'"):
        convert_state_dict("slak_tiney", {})
    with pytest.raises(UserError, match=r"unknown weights 'slak_tiny\.k41'.* Known are .*k31_in1k_120ep"):
        convert_state_dict("slak_tiny.k41", {})


@pytest.mark.parametrize("classes, channels", [(7, 3), (4, 3), (0, 3), (7, 1)])
def test_timm_loads_a_published_file_and_fits_classes_and_channels(
    classes: int, channels: int, small: Callable, stand_ins: ModuleType, tmp_path
):
    file = small("replknet_31b")
    path = tmp_path / "published.pth"
    torch.save(stand_ins.mmpretrain(file), path)
    overlay = {"file": str(path), "num_classes": 7}
    network = timm.create_model(
        "replknet_31b",
        pretrained=True,
        pretrained_cfg_overlay=overlay,
        num_classes=classes,
        in_chans=channels,
        **SMALL["replknet_31b"],
    )
    state = network.state_dict()
    assert torch.equal(state["stages.3.blocks.0.replk.expand.conv.weight"], file["stages.3.blocks.0.pw1.conv.weight"])
    assert ("head.fc.weight" in state and torch.equal(state["head.fc.weight"], file["head.weight"])) == (classes == 7)
    assert state["stem.0.conv.weight"].shape[1] == channels
