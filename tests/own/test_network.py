"""Anybody's network: by name, from a file, from a run, as a module; what it sees, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from camagain.config import Input
from camagain.datasets.images import warp
from camagain.errors import UserError
from camagain.models import create
from camagain.models.zoo import class_scores, feature_maps
from camagain.own.network import IMAGENET, own_network, seen_by

SMALL = Input(size=32)


def layers(*between: nn.Module, classes: int = 4) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 8, 5, 2, 2),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        *between,
        nn.Linear(8, classes),
    )


class Functional(nn.Module):
    """Pools without a layer of its own, as many people write it; its classifier is named first."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(6, 3)
        self.body = nn.Sequential(nn.Conv2d(3, 6, 3, 2), nn.GELU(), nn.Conv2d(6, 6, 3, 2))
        self.other = nn.Linear(6, 3)  # never runs

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.out(self.body(images).mean(dim=(2, 3)))


@pytest.mark.parametrize("module", [layers(), layers(nn.Dropout(0.5)), Functional()])
def test_a_module_without_timms_methods_gets_them(module: nn.Module):
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    before = {key: value.clone() for key, value in module.state_dict().items()}
    own = own_network(module, input=SMALL)
    features = feature_maps(own.network, images)
    assert features.ndim == 4 and features.shape[2] > 1
    expected = module.eval()(images)
    torch.testing.assert_close(class_scores(own.network, features), expected)
    torch.testing.assert_close(own.network(images), expected)
    assert all(torch.equal(before[key], value) for key, value in module.state_dict().items())
    assert all(parameter.requires_grad for parameter in module.parameters()), "the user's own module was changed"


@pytest.mark.parametrize(
    ("module", "says"),
    [
        (nn.Sequential(nn.Conv2d(3, 4, 3)), "found no linear layer"),
        (layers(nn.LayerNorm(8)), "is not its last linear layer"),
        (nn.Sequential(layers(), nn.Softmax(1)), "is not its last linear layer"),
        (nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)), "is not its last linear layer"),
    ],
)
def test_a_module_without_a_class_activation_map_is_refused(module: nn.Module, says: str):
    with pytest.raises(UserError, match=says):
        own_network(module, input=SMALL)


def test_what_it_sees_is_what_timm_says():
    network = timm.create_model("resnet10t", num_classes=3)
    config = timm.data.resolve_model_data_config(network)
    seen = own_network(network).input
    assert (seen.size, seen.mean, seen.std, seen.interpolation) == (
        config["input_size"][1], tuple(config["mean"]), tuple(config["std"]), config["interpolation"],
    )  # fmt: skip
    assert own_network(layers()).input == IMAGENET
    assert own_network(network, input=SMALL).input == SMALL


@pytest.mark.parametrize("name", ["resnet10t", "convnext_atto", "resnet18.tv_in1k"])
def test_a_square_image_without_crop_is_seen_as_timm_transforms_it(name: str):
    network = timm.create_model(name)
    config = {**timm.data.resolve_model_data_config(network), "crop_pct": 1.0}
    image = Image.effect_noise((300, 300), 90).convert("RGB")
    theirs = timm.data.create_transform(**config, is_training=False)(image)
    ours = warp(image, seen_by(network))
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-5)


@pytest.mark.parametrize("ending", ["safetensors", "pth"])
def test_a_file_of_weights_says_how_many_classes_there_are(ending: str, tmp_path: Path):
    network, path = create("convnext_narrow", 7), tmp_path / f"mine.{ending}"
    if ending == "pth":
        torch.save({"model": network.state_dict()}, path)
    else:
        save_file(network.state_dict(), path)
    own = own_network("convnext_narrow", path)
    images = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(own.network(images), network.eval()(images), rtol=1e-4, atol=1e-5)
    with pytest.raises(UserError, match=rf"{path.name}: .*resnet_narrow"):
        own_network("resnet_narrow", path)


def test_mistakes_are_named(tmp_path: Path):
    with pytest.raises(UserError, match="Did you mean 'resnet_narrow'"):
        own_network("resnet_narow")
    with pytest.raises(UserError, match="timm has no weights for it; name a file"):
        own_network("resnet_narrow")
    with pytest.raises(UserError, match="no such file of weights"):
        own_network("resnet_narrow", tmp_path / "gone.pth")
    with pytest.raises(UserError, match="comes with its weights"):
        own_network(layers(), tmp_path / "x.pth")
    with pytest.raises(UserError, match=r"1 channels of 28 x 28"):
        own_network(timm.create_model("resnet10t", in_chans=1, pretrained_cfg_overlay={"input_size": (1, 28, 28)}))
