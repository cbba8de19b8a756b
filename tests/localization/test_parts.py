"""What score maps are made of: both signs of weight add up to the map, and components are those of numpy's SVD."""

import numpy as np
import pytest
import torch

from camagain.localization.methods.cam import cam
from camagain.localization.methods.pc1 import described_sign, pc1, principal_axes, span
from camagain.localization.parts import COMPONENTS_COUNTED, COMPONENTS_KEPT, components, evidence_by_sign, padded


def random_features(*shape: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Signed features (B, C, h, w) and class weights of both signs (B, C)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator), torch.randn(*shape[:2], generator=generator)


def by_svd(features: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Principal axes (R, P) and shares of variance (R,) of one image's weighed and scaled channels."""
    rows = (weights[:, None, None] * features).reshape(len(features), -1).astype(np.float64)  # (C, P)
    low, high = rows.min(1, keepdims=True), rows.max(1, keepdims=True)
    samples = (rows - low) / (high - low)
    _, values, axes = np.linalg.svd(samples - samples.mean(0), full_matrices=False)
    return axes, values**2 / (values**2).sum()


def test_both_signs_add_up_to_the_evidence_of_the_class():
    features, weights = random_features(3, 20, 5, 7)
    positive, negative = evidence_by_sign(features, weights)
    evidence = torch.einsum("bchw,bc->bhw", features, weights)
    torch.testing.assert_close(positive - negative, evidence)
    relu = (positive - negative).relu()
    torch.testing.assert_close(relu / relu.amax((1, 2), keepdim=True), cam(features, weights, "described"))


def test_each_sign_by_hand():
    features = torch.tensor([[[[1.0, -2.0]], [[3.0, 1.0]], [[5.0, 5.0]]]])  # (1, 3, 1, 2)
    positive, negative = evidence_by_sign(features, torch.tensor([[2.0, -1.0, 0.0]]))
    assert positive.tolist() == [[[2.0, -4.0]]]
    assert negative.tolist() == [[[3.0, 1.0]]], "the sum of |w| f: large where a channel speaks against the class"


@pytest.mark.parametrize("channels", [20, 35, 90])  # 35 cells: fewer, as many and more channels
def test_components_are_those_of_numpy(channels: int):
    features, weights = random_features(2, channels, 5, 7, seed=channels)
    maps, shares = components(features.double(), weights.double())
    for image in range(2):
        axes, expected = by_svd(features[image].numpy(), weights[image].numpy())
        found = maps[image].flatten(1).numpy()
        np.testing.assert_allclose(np.abs(np.sum(found * axes[:COMPONENTS_KEPT], axis=1)), 1)
        counted = min(COMPONENTS_COUNTED, len(expected))
        np.testing.assert_allclose(shares[image, :counted], expected[:counted], atol=1e-12)


def test_known_components_come_back_in_order_with_their_shares():
    """Four channels that mix three patterns without overlap, 0 and 1 somewhere, so that scaling does nothing."""
    patterns = torch.zeros(3, 6, 6)
    patterns[0, 1:3, 1:3] = patterns[1, 3, 2:5] = patterns[2, 4, 1] = 1  # 4, 3 and 1 cells
    uncorrelated = torch.tensor([[-0.3, 0.0, 0.1], [0.3, 0.0, 0.1], [0.0, -0.2, -0.1], [0.0, 0.2, -0.1]])  # (C, 3)
    features = torch.einsum("ck,khw->chw", 0.5 + uncorrelated, patterns)
    features[:, 5, 5] = 1  # the same in all channels: gives them one span, and no variance
    maps, shares = components(features[None].double(), torch.ones(1, 4).double())
    for found, pattern in zip(maps[0], patterns.double(), strict=True):
        torch.testing.assert_close(found, pattern / pattern.norm())  # positive: the edge stays dark
    variance = np.array([4 * 0.18, 3 * 0.08, 1 * 0.04])  # cells times the squares of their strengths
    np.testing.assert_allclose(shares[0, :3], variance / variance.sum(), rtol=1e-6)
    assert shares[0, 3:].abs().max() < 1e-12


def test_components_have_unit_length_and_a_dark_edge():
    maps, shares = components(*random_features(4, 40, 6, 6))
    torch.testing.assert_close(maps.flatten(2).norm(dim=2), torch.ones(4, COMPONENTS_KEPT))
    edge = torch.ones(6, 6, dtype=torch.bool)
    edge[1:-1, 1:-1] = False
    bright = (maps > maps.mean((2, 3), keepdim=True))[:, :, edge].sum(2)
    assert (bright <= edge.sum() / 2).all()
    assert (shares[:, 1:] <= shares[:, :-1]).all() and (shares.sum(1) <= 1 + 1e-5).all()


def test_every_component_has_its_own_described_sign():
    maps, _ = components(*random_features(30, 20, 4, 5))
    for component in maps.unbind(1):
        assert (described_sign(component) == 1).all()


def test_the_first_component_is_the_described_pc1():
    features, weights = random_features(3, 24, 6, 6)
    maps, _ = components(features, weights)
    torch.testing.assert_close(span(maps[:, 0]), pc1(features, weights, "described"))


def test_the_sign_of_a_component_does_not_depend_on_the_solver(monkeypatch: pytest.MonkeyPatch):
    features, weights = random_features(3, 24, 6, 6)
    expected, _ = components(features, weights)

    def other_solver(samples: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        axes, variance = principal_axes(samples)
        return -axes, variance

    monkeypatch.setattr("camagain.localization.parts.principal_axes", other_solver)
    torch.testing.assert_close(components(features, weights)[0], expected)


def test_where_there_are_fewer_components_zeros_follow():
    features, weights = random_features(2, 2, 4, 4)
    maps, shares = components(features, weights)
    assert maps.shape == (2, COMPONENTS_KEPT, 4, 4) and shares.shape == (2, COMPONENTS_COUNTED)
    assert maps[:, 0].abs().amax() > 0 and not maps[:, 2].any()
    assert not shares[:, 2:].any()
    torch.testing.assert_close(shares[:, 0], torch.ones(2))  # two channels differ in one direction
    assert padded(torch.ones(1, 2), 3).tolist() == [[1, 1, 0]] and padded(torch.ones(1, 4), 3).shape == (1, 3)


def test_channels_that_do_not_differ_explain_nothing():
    features = torch.rand(1, 1, 4, 4).expand(1, 8, 4, 4)
    _, shares = components(features, torch.ones(1, 8))
    assert shares.isfinite().all() and (shares.sum() <= 1 + 1e-5)
    _, none = components(torch.full((1, 8, 4, 4), 2.0), torch.ones(1, 8))
    assert not none.any(), "constant channels have no variance to share out"


def test_wrong_shapes_are_refused():
    features, weights = random_features(2, 8, 4, 4)
    for function in (evidence_by_sign, components):
        with pytest.raises(ValueError, match="weights have shape"):
            function(features, weights[:, :-1])
        with pytest.raises(ValueError, match="features have shape"):
            function(features[0], weights)
