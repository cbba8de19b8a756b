"""After the norm a map adds up to the class score; before it, it does not."""

import pytest
import torch
from torch import nn

from camagain.errors import UserError
from camagain.localization.taps import after_norm
from camagain.models.decomposition import final_norm, pooled
from camagain.models.pooling import average, thresholded_average
from camagain.models.zoo import class_scores, create, linear_head

NORMS = {
    "convnext_atto": nn.LayerNorm,
    "resnet_narrow": None,
    "convnext_narrow": None,
    "replknet_narrow": None,
    "slak_narrow": None,
    "tf_efficientnet_lite0": None,
    "replknet_31b": nn.BatchNorm2d,
    "slak_tiny": nn.LayerNorm,
}
SMALL = {
    "replknet_31b": {"widths": (8, 8, 8, 16), "depths": (1, 1, 1, 1), "kernels": (3, 3, 3, 3)},
    "slak_tiny": {"dims": (8, 8, 8, 16), "depths": (1, 1, 1, 1), "kernels": (7, 7, 7, 7)},
}
"""Full-size architectures with as little in them as they take: only the head matters here."""


@pytest.fixture(params=list(NORMS))
def name(request) -> str:
    return request.param


def network_of(name: str) -> nn.Module:
    """With norms as a training leaves them: fresh ones are nearly the identity, and could not be told from none."""
    torch.manual_seed(0)
    network = create(name, 5, **SMALL.get(name, {})).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.LayerNorm):
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return network


@torch.no_grad()
def test_the_norm_is_found_and_the_map_after_it_adds_up_to_the_class_score(name: str):
    network = network_of(name)
    norm = final_norm(network, name)
    assert (NORMS[name] is None) == (norm is None)
    assert norm is None or isinstance(norm, NORMS[name])
    head = linear_head(network, name)
    features = torch.randn(3, head.weight.shape[1], 4, 6)
    scores = class_scores(network, features)
    found = after_norm(norm, features)
    assert found.shape == features.shape
    torch.testing.assert_close(found.mean((2, 3)) @ head.weight.T + head.bias, scores, atol=1e-4, rtol=1e-4)
    before = features.mean((2, 3)) @ head.weight.T + head.bias
    assert torch.allclose(before, scores, atol=1e-3) == (norm is None)


def test_the_mode_of_the_network_is_left_alone():
    network = network_of("convnext_atto").train()
    final_norm(network)
    assert network.training


def test_a_network_whose_head_does_more_is_refused():
    network = network_of("convnext_atto")
    network.head.pre_logits = nn.GELU()
    with pytest.raises(UserError, match=r"'odd': `head.norm` .* and `head.pre_logits` \(GELU\) stand between"):
        final_norm(network, "odd")


@torch.no_grad()
def test_what_the_classifier_weighs_is_pooled_where_the_network_pools(name: str):
    network = network_of(name)
    norm = final_norm(network, name)
    features = torch.randn(3, linear_head(network, name).weight.shape[1], 4, 6)
    own = network.forward_head(features, pre_logits=True).flatten(1)
    torch.testing.assert_close(pooled(norm, features, average), own, atol=1e-5, rtol=1e-4)
    found = pooled(norm, features, thresholded_average)
    maps = norm(features) if isinstance(norm, nn.BatchNorm2d) else features
    thresholded = thresholded_average(maps)
    expected = norm(thresholded[:, :, None, None]).flatten(1) if isinstance(norm, nn.LayerNorm) else thresholded
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("eps", [1e-6, 1e-2])
def test_a_layer_norm_divides_by_its_own_eps_where_channels_hardly_differ(eps: float):
    norm = nn.LayerNorm(6, eps=eps).double()
    nn.init.uniform_(norm.weight, 0.5, 2)
    nn.init.normal_(norm.bias)
    features = 1e-3 * torch.randn(2, 6, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = norm(features.mean((2, 3)))
    torch.testing.assert_close(after_norm(norm, features).mean((2, 3)), expected)
    torch.testing.assert_close(pooled(norm, features, average), expected)
    centre = features.mean((2, 3)) - features.mean((1, 2, 3))[:, None]  # one image at a time, channel by channel
    by_hand = centre / (centre.pow(2).mean(1, keepdim=True) + eps).sqrt() * norm.weight + norm.bias
    torch.testing.assert_close(expected, by_hand)
    deviation = (features.mean((2, 3)).var(1, correction=0) + eps).sqrt()
    one = (features[1, :, 2, 3] - features[1, :, 2, 3].mean()) / deviation[1] * norm.weight + norm.bias
    torch.testing.assert_close(after_norm(norm, features)[1, :, 2, 3], one)  # every cell by its own mean
