"""Beside the published code itself: the same weights, the same scores. Needs clones that this repository does not have.

Set CAMAGAIN_PEERS to a folder with clones named RepLKNet-pytorch, SLaK and CAM-Back-Again, and optionally mmpretrain.
Their operators for CUDA, and what mmpretrain takes from mmcv, are replaced here by plain PyTorch.
"""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

from camagain.models import convert_state_dict, create, merge

import timm  # isort: skip  # after camagain.models, which makes it importable next to a CPU-only torch

PEERS = os.environ.get("CAMAGAIN_PEERS")
pytestmark = pytest.mark.skipif(not PEERS, reason="needs CAMAGAIN_PEERS, a folder with clones of the published code")

SHALLOW = (1, 1, 2, 1)
REPLKNET = {
    "replknet_31b": {"channels": [128, 256, 512, 1024], "large_kernel_sizes": [31, 29, 27, 13], "small_kernel": 5},
    "replknet_31l": {"channels": [192, 384, 768, 1536], "large_kernel_sizes": [31, 29, 27, 13], "small_kernel": 5},
    "replknet_xl": {
        "channels": [256, 512, 1024, 2048],
        "large_kernel_sizes": [27, 27, 27, 13],
        "small_kernel": None,
        "dw_ratio": 1.5,
    },
}
SLAK = {
    "slak_tiny": ([96, 192, 384, 768], [51, 49, 47, 13, 5]),
    "slak_tiny.k31_in1k_120ep": ([96, 192, 384, 768], [31, 29, 27, 13, 5]),
    "slak_tiny.k61_in1k_120ep": ([96, 192, 384, 768], [61, 59, 57, 13, 5]),
    "slak_base": ([128, 256, 512, 1024], [51, 49, 47, 13, 5]),
}


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ModuleType]]:
    """(path in the peers' folder, replacements of modules it imports) -> the module in that file."""

    def load(path: str, **replacements: ModuleType) -> ModuleType:
        file = Path(str(PEERS)) / path
        if not file.is_file():
            pytest.skip(f"CAMAGAIN_PEERS has no {path}")
        for name, module in replacements.items():
            monkeypatch.setitem(sys.modules, name.replace("__", "."), module)
        name = module_name(path)
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    yield load


def module_name(path: str) -> str:
    """The name of a peer's file as a module, under which relative imports in mmpretrain find their replacements."""
    return path.removeprefix("mmpretrain/").removesuffix(".py").replace("/", ".").replace("-", "_")


def stub(**contents: object) -> ModuleType:
    module = ModuleType("stub")
    module.__dict__.update(contents, __path__=[])
    return module


class Depthwise(nn.Conv2d):
    """What SLaK's CUDA operator computes: depthwise, padded to the same size on both axes."""

    def __init__(self, channels: int, kernel: int | tuple[int, int], bias: bool = False) -> None:
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (height // 2, width // 2)
        super().__init__(channels, channels, (height, width), padding=padding, groups=channels, bias=bias)


def randomise(network: nn.Module) -> nn.Module:
    """Weights that keep activations alive, and BatchNorm statistics far from a new network's."""
    torch.manual_seed(11)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.normal_(layer.weight, std=layer.weight[0].numel() ** -0.5)
        elif getattr(layer, "weight", None) is not None:  # norms, also the peers' own classes
            nn.init.uniform_(layer.weight, 0.5, 1.5)
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            nn.init.normal_(layer.running_mean, std=0.2)
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
        if getattr(layer, "bias", None) is not None:
            nn.init.normal_(layer.bias, std=0.2)
        if getattr(layer, "gamma", None) is not None:
            nn.init.uniform_(layer.gamma, 0.2, 0.6)
    return network.eval()


def assert_same(theirs: nn.Module, name: str, size: int = 64, state: dict | None = None, **options: object) -> None:
    """Scores of ours with converted weights are theirs, before and after merging, to 1e-4 of the largest."""
    images = torch.randn(2, 3, size, size)
    converted = convert_state_dict(name, theirs.state_dict() if state is None else state, **options)
    classes = len(converted["head.fc.weight"])
    ours = create(name, classes, **options).eval()
    ours.load_state_dict(converted, strict=True)
    with torch.inference_mode():
        expected, found, merged = theirs(images), ours(images), merge(ours)(images)
    for scores in (found, merged):
        difference = ((scores - expected).abs().max() / expected.abs().max()).item()
        assert difference < 1e-4, f"{name}: {difference:.1e}"


@pytest.mark.parametrize("name", REPLKNET)
def test_replknet(name: str, peer: Callable):
    module = peer("RepLKNet-pytorch/replknet.py")
    theirs = module.RepLKNet(layers=list(SHALLOW), drop_path_rate=0.3, **REPLKNET[name])
    assert_same(randomise(theirs), name, depths=SHALLOW)


def test_the_whole_replknet_31b(peer: Callable):
    theirs = peer("RepLKNet-pytorch/replknet.py").create_RepLKNet31B(use_checkpoint=False)
    assert_same(randomise(theirs), "replknet_31b")


def test_the_replknet_of_cam_back_again(peer: Callable):
    module = peer("CAM-Back-Again/replknet_func.py")
    theirs = module.build_model({"model_name": "RepLKNet-31B", "class_n": 200, "channels": [128, 256, 512, 1024]})
    assert_same(randomise(theirs), "replknet_31b")


def test_the_convnext_of_cam_back_again(peer: Callable):
    head = peer("CAM-Back-Again/convnext_func.py").Net2Head(200, 1024, 12)
    trunk = timm.create_model("convnext_base", depths=SHALLOW)
    theirs = nn.Sequential(nn.Sequential(*list(trunk.children())[:-2]), head)
    assert_same(randomise(theirs), "convnext_base_cam", size=384, depths=SHALLOW)


@pytest.mark.parametrize("name", SLAK)
def test_slak(name: str, peer: Callable):
    module = peer(
        "SLaK/models/SLaK.py",
        depthwise_conv2d_implicit_gemm=stub(DepthWiseConv2dImplicitGEMM=Depthwise),
        timm__models__registry=stub(register_model=lambda function: function),  # leave timm's registry alone
    )
    dims, kernels = SLAK[name]
    theirs = module.SLaK(depths=SHALLOW, dims=dims, kernel_size=kernels, width_factor=1.3, Decom=True)
    assert_same(randomise(theirs), name, depths=SHALLOW)


@pytest.mark.parametrize("name", REPLKNET)
def test_mmpretrain(name: str, peer: Callable):
    class Module(nn.Module):
        def __init__(self, init_cfg: object = None) -> None:
            super().__init__()

    registry = stub(register_module=lambda: lambda cls: cls)
    module = peer(
        "mmpretrain/mmpretrain/models/backbones/replknet.py",
        mmcv=stub(),
        mmcv__cnn=stub(
            build_activation_layer=lambda cfg: getattr(nn, cfg["type"])(),
            build_norm_layer=lambda cfg, channels: ("bn", nn.BatchNorm2d(channels)),
        ),
        mmcv__cnn__bricks=stub(DropPath=lambda drop_prob: nn.Identity()),  # as it is in eval mode
        mmengine=stub(),
        mmengine__model=stub(BaseModule=Module),
        mmengine__utils=stub(),
        mmengine__utils__dl_utils=stub(),
        mmengine__utils__dl_utils__parrots_wrapper=stub(_BatchNorm=nn.modules.batchnorm._BatchNorm),
        mmpretrain=stub(),
        mmpretrain__registry=stub(MODELS=registry),
        mmpretrain__models=stub(),
        mmpretrain__models__backbones=stub(),
        mmpretrain__models__backbones__base_backbone=stub(BaseBackbone=Module),
    )

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone = module.RepLKNet({"layers": list(SHALLOW), "dw_ratio": 1, **REPLKNET[name]})
            self.head = nn.ModuleDict({"fc": nn.Linear(REPLKNET[name]["channels"][-1], 1000)})

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.head["fc"](self.backbone(images)[-1].mean((2, 3)))

    theirs = randomise(Classifier())
    state = {"meta": {"mmcls_version": "1.0.0"}, "state_dict": theirs.state_dict()}
    assert_same(theirs, name, state=state, depths=SHALLOW)
