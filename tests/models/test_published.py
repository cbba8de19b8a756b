"""The authors' heads: probabilities from inside the network, and a class activation map that is exact before them."""

import pytest
import torch

from camagain.models import create
from camagain.models.zoo import feature_maps, linear_head

import timm  # isort: skip  # after camagain.models, which makes it importable next to a CPU-only torch

SMALL = {"dims": (6, 8, 10, 12), "depths": (1, 1, 1, 1)}


@pytest.fixture
def images() -> torch.Tensor:
    torch.manual_seed(1)
    return torch.randn(3, 3, 64, 64)


def test_the_network_returns_probabilities_unless_told_otherwise(images: torch.Tensor):
    network = create("convnext_base_cam", 5, **SMALL).eval()
    torch.nn.init.normal_(network.get_classifier().weight, std=10.0)
    plain = create("convnext_base_cam", 5, softmax=False, **SMALL).eval()
    plain.load_state_dict(network.state_dict())
    probabilities = network(images)
    torch.testing.assert_close(probabilities.sum(1), torch.ones(3))
    torch.testing.assert_close(probabilities, plain(images).softmax(1))
    assert plain(images).abs().max() > 1


def test_the_class_activation_map_is_exact_before_the_softmax(images: torch.Tensor):
    network = create("convnext_base_cam", 5, softmax=False, **SMALL).eval()
    maps, head = feature_maps(network, images), linear_head(network)
    cams = torch.einsum("bchw,kc->bkhw", maps, head.weight)
    torch.testing.assert_close(network(images), cams.mean((2, 3)) + head.bias)


def test_its_maps_are_timms_without_any_norm(images: torch.Tensor):
    network = create("convnext_base_cam", 5, **SMALL).eval()
    theirs = timm.create_model("convnext_base", **SMALL).eval()
    ours = {key: tensor for key, tensor in network.state_dict().items() if not key.startswith("head.")}
    assert theirs.load_state_dict(ours, strict=False).unexpected_keys == []
    torch.testing.assert_close(network.forward_features(images), theirs.stages(theirs.stem(images)))


def test_a_new_classifier_keeps_the_softmax_and_no_classifier_has_none(images: torch.Tensor):
    network = create("convnext_base_cam", 5, **SMALL).eval()
    network.reset_classifier(2)
    torch.testing.assert_close(network(images).sum(1), torch.ones(3))
    network.reset_classifier(0)
    torch.testing.assert_close(network(images), network.forward_features(images).mean((2, 3)))
    with pytest.raises(ValueError, match="always averages"):
        network.reset_classifier(2, global_pool="max")


def test_its_grid_is_12_x_12_at_384_px_and_it_has_200_classes():
    with torch.device("meta"):
        network = timm.create_model("convnext_base_cam")
        assert network.forward_features(torch.empty(1, 3, 384, 384)).shape == (1, 1024, 12, 12)
    assert network.get_classifier().weight.shape == (200, 1024)


def test_the_published_replknet_is_31b_with_200_classes():
    with torch.device("meta"):
        network = timm.create_model("replknet_31b", num_classes=200)
        assert network.forward_features(torch.empty(1, 3, 384, 384)).shape == (1, 1024, 12, 12)
    assert network.get_classifier().weight.shape == (200, 1024)


def test_timms_weights_start_it_without_the_final_norm(tmp_path):
    small = {"depths": (1, 1, 1, 1), "dims": (8, 8, 8, 16)}
    theirs = timm.create_model("convnext_base", num_classes=1000, **small)
    torch.save(theirs.state_dict(), tmp_path / "timm.pth")
    overlay = {"file": str(tmp_path / "timm.pth"), "hf_hub_id": None}
    name = "convnext_base_cam.fb_in22k_ft_in1k_384"
    ours = timm.create_model(
        name, pretrained=True, num_classes=7, softmax=False, pretrained_cfg_overlay=overlay, **small
    )
    images = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(ours.eval().forward_features(images), theirs.eval().forward_features(images))
    assert ours(images).shape == (2, 7)


def test_the_published_network_and_its_start_are_told_apart():
    assert timm.is_model_pretrained("convnext_base_cam.fb_in22k_ft_in1k_384")
    assert timm.create_model("convnext_base_cam").pretrained_cfg["tag"] == "cub_384"
