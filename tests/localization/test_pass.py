"""The pass over images whose every result is worked out by hand: whose class each map and part belongs to."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from camagain.config.file import parse_experiment
from camagain.localization.extract import TOP, Found, run, zero_where_empty
from camagain.localization.methods.pc1 import pc1
from camagain.localization.parts import components
from camagain.models.zoo import linear_head

CLASSES = 6


class Colours(nn.Module):
    """Its feature maps are the colours of the image, and its class scores a linear function of their means."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor) -> None:
        super().__init__()
        self.fc = nn.Linear(3, CLASSES)
        self.fc.weight.data, self.fc.bias.data = weight, bias

    def get_classifier(self) -> nn.Module:
        return self.fc

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        return x

    def forward_head(self, features: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        return features.mean((2, 3))


@pytest.fixture(scope="module")
def known(tiny_values: dict) -> SimpleNamespace:
    """Five images with their labels, what the network says of them, and the results of the pass over them."""
    generator = np.random.default_rng(5)
    images = generator.normal(0.3, 1, (5, 3, 4, 6)).astype(np.float32)
    images[2, 1] = 0.7  # a constant channel
    weight, bias = generator.normal(size=(CLASSES, 3)).astype(np.float32), np.linspace(-0.2, 0.2, CLASSES)
    scores = images.mean((2, 3)) @ weight.T + bias  # (N, K)
    predicted = scores.argmax(1)
    true = np.where(
        np.arange(5) == 0, predicted, scores.argmin(1)
    )  # one image is classified as labelled, the others not
    table = [
        (torch.from_numpy(image), int(label), row) for row, (image, label) in enumerate(zip(images, true, strict=True))
    ]
    methods = ["cam", "cam-gt", "pc1", "pc1-gt"]
    experiment = parse_experiment(tiny_values | {"localization": {"methods": methods, "batch_size": 2}}, "test")
    network = Colours(torch.from_numpy(weight), torch.from_numpy(bias.astype(np.float32))).eval()
    found = run(network, linear_head(network), table, experiment, "colours")
    return SimpleNamespace(
        images=images,
        weight=weight,
        scores=scores,
        predicted=predicted,
        true=true,
        table=table,
        network=network,
        found=found,
    )


def test_the_images_can_tell_the_predicted_from_the_true_class(known):
    assert (known.predicted != known.true).sum() == 4
    assert ((known.weight[known.predicted] > 0) != (known.weight[known.true] > 0)).any(1)[1:].all()


def test_predictions_are_the_largest_scores_with_their_softmax(known):
    order = np.argsort(-known.scores, axis=1)[:, :TOP]
    np.testing.assert_array_equal(known.found.joined("top5_class"), order)
    softmax = np.exp(known.scores) / np.exp(known.scores).sum(1, keepdims=True)
    np.testing.assert_allclose(known.found.joined("top5_score"), np.take_along_axis(softmax, order, 1), rtol=1e-5)


@pytest.mark.parametrize(("method", "classes"), [("cam", "predicted"), ("cam-gt", "true")])
def test_a_class_activation_map_is_that_of_its_class(known, method: str, classes: str):
    weight = known.weight[getattr(known, classes)]  # (N, C)
    evidence = np.maximum((weight[:, :, None, None] * known.images).sum(1), 0)  # (N, h, w)
    np.testing.assert_allclose(known.found.joined(method), evidence / evidence.max((1, 2), keepdims=True), atol=1e-5)


@pytest.mark.parametrize(("method", "classes"), [("pc1", "predicted"), ("pc1-gt", "true")])
def test_pc1_is_that_of_its_class(known, method: str, classes: str):
    expected = pc1(torch.from_numpy(known.images), torch.from_numpy(known.weight[getattr(known, classes)]))
    np.testing.assert_allclose(known.found.joined(method), expected, atol=1e-4)


def test_parts_are_those_of_the_predicted_class(known):
    """Evidence for and against it, channel by channel, and its principal components."""
    for row, (image, label) in enumerate(zip(known.images, known.predicted, strict=True)):
        channels = list(zip(known.weight[label], image, strict=True))
        positive = sum(w * f for w, f in channels if w > 0)
        negative = sum(-w * f for w, f in channels if w < 0)
        np.testing.assert_allclose(known.found.joined("positive")[row], positive + np.zeros((4, 6)), atol=1e-5)
        np.testing.assert_allclose(known.found.joined("negative")[row], negative + np.zeros((4, 6)), atol=1e-5)
    maps, shares = components(torch.from_numpy(known.images), torch.from_numpy(known.weight[known.predicted]))
    np.testing.assert_allclose(known.found.joined("component")[:, :2], maps[:, :2], atol=1e-4)
    np.testing.assert_allclose(known.found.joined("explained_variance"), shares, atol=1e-5)


def test_channels_are_counted_and_averaged_image_by_image(known):
    np.testing.assert_allclose(known.found.joined("gap"), known.images.mean((2, 3)), atol=1e-6)
    assert known.found.joined("constant_channels").tolist() == [False, False, True, False, False]
    cells = known.found.joined("cells", axis=1)  # (T, N, C)
    peak = known.images.max((2, 3), keepdims=True)
    for i, theta in enumerate((0.1, 0.2, 0.5)):
        np.testing.assert_array_equal(cells[i], (known.images > theta * peak).sum((2, 3)) * (peak[:, :, 0, 0] > 0))


def test_the_bias_belongs_to_the_decomposition_of_a_score(known):
    assert known.found.joined("head_error").shape == (5,)
    assert known.found.joined("head_error").max() < 1e-5


@pytest.mark.parametrize(("method", "classes"), [("grad-cam", "predicted"), ("grad-cam-gt", "true")])
def test_grad_cam_of_a_linear_head_is_the_class_activation_map_of_its_class(
    known, tiny_values, method: str, classes: str
):
    """Selvaraju et al. 2017, section 3.1: behind average pooling and one linear layer the two are proportional."""
    pytest.importorskip("pytorch_grad_cam", reason="needs the optional package grad-cam")
    experiment = parse_experiment(tiny_values | {"localization": {"methods": [method], "batch_size": 5}}, "test")
    found: Found = run(known.network, linear_head(known.network), known.table, experiment, "colours")
    evidence = np.maximum((known.weight[getattr(known, classes)][:, :, None, None] * known.images).sum(1), 0)
    low, high = evidence.min((1, 2), keepdims=True), evidence.max((1, 2), keepdims=True)
    np.testing.assert_allclose(found.joined(method), (evidence - low) / (high - low), atol=1e-4)


def test_maps_without_any_positive_cell_or_with_one_that_is_no_number_become_zeros():
    maps = np.zeros((5, 2, 3), np.float32)
    maps[1, 0, 0], maps[2, 1, 2], maps[3], maps[4, 1, 1] = 0.5, np.nan, -1, np.inf
    maps[2, 0, 0] = 0.5
    assert zero_where_empty(maps) == 4
    assert maps[1].sum() == 0.5 and not maps[[0, 2, 3, 4]].any()
