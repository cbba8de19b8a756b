"""Networks by name: what we register behaves as timm's own do, and a wrong name is answered with the nearest."""

import ast
from pathlib import Path

import pytest
import torch

import camagain.models as models
from camagain.errors import UserError
from camagain.models.zoo import class_scores, feature_maps, linear_head

import timm  # isort: skip  # after camagain.models, which makes it importable next to a CPU-only torch

OURS = ["convnext_narrow", "replknet_narrow", "resnet_narrow", "slak_narrow"]


@pytest.mark.parametrize("name", OURS)
def test_every_registered_network_has_a_12_x_12_grid_and_trains(name: str):
    assert name in timm.list_models()
    network = models.create(name, 5)
    images = torch.randn(2, 3, 96, 96)
    features = feature_maps(network, images, name)
    assert features.shape[2:] == (12, 12), f"{name}: feature grid {tuple(features.shape[2:])}"
    network(images).sum().backward()
    without = [key for key, parameter in network.named_parameters() if parameter.grad is None]
    assert not without, f"{name}: no gradient reaches {without}"


@pytest.mark.parametrize("name", OURS)
def test_every_registered_network_has_what_timm_expects(name: str):
    network = models.create(name, 5)
    assert network.pretrained_cfg["input_size"] == (3, 96, 96)
    assert timm.create_model(name, features_only=True)(torch.randn(1, 3, 96, 96))[-1].shape[2:] == (12, 12)
    modules = dict(network.named_modules())
    assert network.pretrained_cfg["first_conv"] in modules
    assert modules[network.pretrained_cfg["classifier"]] is network.get_classifier()


@pytest.mark.parametrize("name", OURS)
def test_no_large_kernel_of_a_narrow_network_is_dilated(name: str):
    convolutions = [layer for layer in models.create(name, 5).modules() if isinstance(layer, torch.nn.Conv2d)]
    assert convolutions
    assert all(layer.dilation == (1, 1) for layer in convolutions if layer.kernel_size[0] > 2)


@pytest.mark.parametrize("name", OURS)
def test_the_class_score_of_a_narrow_network_is_the_mean_of_its_map(name: str):
    network = models.create(name, 5).eval()
    torch.nn.init.normal_(network.get_classifier().weight)
    images = torch.randn(3, 3, 96, 96)
    head = linear_head(network)
    features = feature_maps(network, images)
    torch.testing.assert_close(features.mean((2, 3)) @ head.weight.T + head.bias, network(images), rtol=1e-4, atol=1e-5)


def test_an_unknown_architecture_is_answered_with_the_nearest():
    with pytest.raises(UserError, match=r"unknown architecture 'resnet_narow'\. Did you mean 'resnet_narrow'\?"):
        models.create("resnet_narow", 5)


def test_unknown_weights_of_a_known_architecture_are_answered_with_the_nearest():
    with pytest.raises(
        UserError, match=r"unknown weights 'replknet_31b\.in1k_383'\. Did you mean 'replknet_31b\.in1k_384'\?"
    ):
        models.create("replknet_31b.in1k_383", 5)


def test_class_scores_come_before_a_softmax_in_the_head():
    options = {"depths": [1, 1, 1, 1], "dims": [8, 8, 8, 16]}
    network = models.create("convnext_base_cam", 5, **options).eval()
    images = torch.randn(2, 3, 64, 64)
    scores = class_scores(network, feature_maps(network, images))
    torch.testing.assert_close(scores.softmax(1), network(images))
    assert (scores.sum(1) - 1).abs().min() > 1e-3, "these are probabilities"


def test_an_option_that_an_architecture_lacks_is_named():
    with pytest.raises(UserError, match=r"does not take the options \['kernels'\]"):
        models.create("resnet_narrow", 5, kernels=3)


def test_a_network_without_pretrained_weights_says_so():
    with pytest.raises(UserError, match="no pretrained weights for 'resnet_narrow'"):
        models.create("resnet_narrow", 5, pretrained=True)


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "mixer_s32_224"])
def test_networks_without_feature_maps_are_refused(name: str):
    network = models.create(name, 5).eval()
    with pytest.raises(UserError, match="Choose a convolutional network"):
        feature_maps(network, torch.randn(1, 3, 224, 224), name)


def test_a_classifier_of_several_layers_is_refused():
    network = models.create("resnet_narrow", 5)
    network.fc = torch.nn.Sequential(torch.nn.Linear(128, 9), torch.nn.ReLU(), torch.nn.Linear(9, 5))
    with pytest.raises(UserError, match=r"its classifier \(Sequential\) is not linear"):
        linear_head(network, "mine")


MODELS = Path(models.__file__).parent


@pytest.mark.parametrize("path", sorted(MODELS.rglob("*.py")), ids=lambda path: path.relative_to(MODELS).as_posix())
def test_a_module_that_imports_timm_first_makes_it_importable(path: Path):
    statements = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
    lines = [ast.unparse(node) for node in statements]
    if any(line.startswith(("import timm", "from timm")) for line in lines):
        assert lines[0] == "from camagain import _timm"
