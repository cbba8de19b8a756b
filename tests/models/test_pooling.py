"""Thresholded average pooling by its definition, cell by cell, and as a layer of networks."""

import json
from dataclasses import replace

import pytest
import torch

from camagain.config.file import parse_experiment
from camagain.errors import UserError
from camagain.localization.extract import localize
from camagain.models.checkpoint import load_network
from camagain.models.decomposition import final_norm, pooled
from camagain.models.pooling import ThresholdedAveragePool, average, pool_of, thresholded_average
from camagain.models.zoo import class_scores, create, linear_head
from camagain.training.finetune import finetune


def by_loops(features: torch.Tensor, theta: float) -> torch.Tensor:
    """The definition in words: of every channel the values above theta times its largest one, summed, by their number.

    Where none is above, and where those that are above are not positive, 0.
    """
    pooled = torch.zeros(features.shape[:2])
    for image, channels in enumerate(features.tolist()):
        for channel, rows in enumerate(channels):
            values = [value for row in rows for value in row]
            kept = [value for value in values if value > theta * max(values) and value > 0]
            pooled[image, channel] = sum(kept) / len(kept) if kept else 0
    return pooled


def one_channel(*values: float) -> torch.Tensor:
    return torch.tensor(values).view(1, 1, 1, -1)


@pytest.mark.parametrize(
    ("values", "theta", "expected"),
    [
        ((10.0, 4.0, 1.0, 0.0), 0.1, 7.0),  # 1 is not above 0.1 * 10: a tie is left out
        ((10.0, 4.0, 1.5, 0.0), 0.1, 15.5 / 3),
        ((10.0, -8.0, 0.0, 0.0), 0.1, 10.0),  # negative values are never averaged
        ((-1.0, -2.0, -30.0, -4.0), 0.1, 0.0),  # nor those below 0.1 * -1 = -0.1, as all are
        ((0.0, 0.0, 0.0, 0.0), 0.1, 0.0),  # 0 cells, and not 0 / 0
        ((0.0, 0.0, -1.0, -1.0), 0.1, 0.0),
        ((5.0, 5.0, 5.0, 5.0), 0.1, 5.0),  # a constant positive channel is pooled as by the mean
        ((4.0, 2.0, 0.0, 0.0), 0.0, 3.0),
        ((4.0, 2.0, 0.0, 0.0), 0.9, 4.0),
    ],
)
def test_by_hand(values, theta: float, expected: float):
    assert thresholded_average(one_channel(*values), theta).item() == pytest.approx(expected)


@pytest.mark.parametrize("theta", [0.0, 0.1, 0.5])
def test_every_channel_of_every_image_by_itself(theta: float):
    features = torch.randn(3, 5, 4, 6, generator=torch.Generator().manual_seed(0))
    features[0, 0] = -features[0, 0].abs()
    features[1, 2] = 0
    torch.testing.assert_close(thresholded_average(features, theta), by_loops(features, theta))


def test_a_channel_counts_as_much_on_few_cells_as_on_many():
    few, many = torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)
    few[..., :1], many[..., :5] = 2, 2
    assert thresholded_average(few) == thresholded_average(many) == 2
    assert average(many) == 5 * average(few), "the plain mean goes by the area"


SMALL = {
    "replknet_31b": {"widths": (8, 8, 8, 16), "depths": (1, 1, 1, 1), "kernels": (3, 3, 3, 3)},
    "slak_tiny": {"dims": (8, 8, 8, 16), "depths": (1, 1, 1, 1), "kernels": (7, 7, 7, 7)},
}
"""Full-size architectures with as little in them as they take: only the head matters here."""

NARROW = ("resnet_narrow", "convnext_narrow", "replknet_narrow", "slak_narrow")


@pytest.fixture(params=[*NARROW, "convnext_atto", *SMALL, "tf_efficientnet_lite0", "regnety_002"])
def network(request) -> torch.nn.Module:
    """A network of each kind of head, of thresholded pooling, with norms that are far from the identity."""
    torch.manual_seed(0)
    made = create(request.param, 5, thresholded_pooling=0.2, **SMALL.get(request.param, {})).eval()
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d | torch.nn.LayerNorm):
            torch.nn.init.uniform_(module.weight, 0.5, 2)
            torch.nn.init.normal_(module.bias)
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean)
    return made.requires_grad_(False)


def test_a_network_created_so_pools_so_and_changes_in_nothing_else(network):
    head = linear_head(network)
    features = torch.randn(3, head.weight.shape[1], 4, 6, generator=torch.Generator().manual_seed(1))
    scores = class_scores(network, features)
    norm = final_norm(network)
    found = pooled(norm, features, lambda maps: by_loops(maps, 0.2)) @ head.weight.T + head.bias
    torch.testing.assert_close(found, scores, atol=1e-4, rtol=1e-4)
    layer = next(layer for layer in network.modules() if isinstance(layer, ThresholdedAveragePool))
    assert not list(layer.parameters()) and not list(layer.buffers()), "checkpoints fit with either pooling"
    torch.testing.assert_close(pool_of(network)(features), thresholded_average(features, 0.2))


def test_the_plain_mean_stays_where_nothing_is_asked_for():
    plain = create("resnet_narrow", 5)
    features = torch.randn(2, 3, 4, 4)
    assert not any(isinstance(layer, ThresholdedAveragePool) for layer in plain.modules())
    torch.testing.assert_close(pool_of(plain)(features), features.mean((2, 3)))


def test_gradients_reach_the_kept_cells_alone():
    features = one_channel(10.0, 4.0, 1.0, -3.0).requires_grad_()
    thresholded_average(features, 0.1).sum().backward()
    assert features.grad.flatten().tolist() == [0.5, 0.5, 0, 0]


@pytest.mark.parametrize("theta", [1, -0.1, True, "mean"])
def test_thresholds_outside_their_range_are_refused(theta):
    with pytest.raises(UserError, match=r"'resnet_narrow': thresholded_pooling is .*; expected a number from 0"):
        create("resnet_narrow", 5, thresholded_pooling=theta)


def test_a_head_that_pools_in_its_own_way_is_refused():
    with pytest.raises(UserError, match=r"'convnext_base_cam': its head has no layer of average pooling"):
        create("convnext_base_cam", 5, thresholded_pooling=0.1, depths=(1, 1, 1, 1), dims=(8, 8, 8, 8))


def test_a_model_trained_so_is_loaded_and_localized_so(tiny_run, tiny_values, tmp_path):
    options = {"thresholded_pooling": 0.15}
    values = {
        **tiny_values,
        "models": [{"name": "small-convnext", "architecture": "convnext_narrow", "options": options}],
    }
    values["training"] = {**values["training"], "epochs": 1, "warmup_epochs": 0}
    experiment = parse_experiment(values, "tap")
    paths = replace(tiny_run[1], results=tmp_path)
    finetune(experiment, "small-convnext", paths)
    localize(experiment, "small-convnext", paths)
    network, card = load_network(paths.model("small-convnext"))
    assert card.options == options and network.head.global_pool.theta == 0.15
    summary = json.loads((paths.localization("small-convnext") / "summary.json").read_text())
    assert summary["head_error"] > 1e-3, "the mean of its map is not its score"
