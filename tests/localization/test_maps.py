"""Class activation maps: by hand, and against the plain loop over channels that the formula says."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from camagain.localization import cam
from camagain.localization.channels import THETAS, activated_cells, gap_values

VARIANTS = ["published", "described"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_two_channels_by_hand(variant: str):
    features = torch.tensor([[[[1.0, 0.0], [2.0, 0.0]], [[0.0, 3.0], [1.0, 0.0]]]])  # (1, 2, 2, 2)
    weights = torch.tensor([[2.0, -1.0]])
    # 2 f0 - f1 = [[2, -3], [3, 0]]; negative cut off; divided by 3
    expected = torch.tensor([[[2 / 3, 0.0], [1.0, 0.0]]])
    torch.testing.assert_close(cam(features, weights, variant), expected)


@pytest.mark.parametrize("variant", VARIANTS)
@given(seed=st.integers(0, 2**16), channels=st.integers(1, 9), side=st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_the_same_as_a_loop_over_channels(variant: str, seed: int, channels: int, side: int):
    rng = np.random.default_rng(seed)
    features, weights = rng.normal(size=(3, channels, side, side)), rng.normal(size=(3, channels))
    maps = cam(torch.tensor(features), torch.tensor(weights), variant).numpy()
    for image in range(3):
        total = np.zeros((side, side))
        for channel in range(channels):
            total += weights[image, channel] * features[image, channel]
        positive = np.maximum(total, 0)
        if positive.max() > 0:
            np.testing.assert_allclose(maps[image], positive / positive.max(), atol=1e-12)


def test_without_positive_evidence_the_variants_part():
    features, weights = torch.ones(1, 2, 3, 3), torch.tensor([[-1.0, -1.0]])
    assert cam(features, weights, "published").isnan().all()
    assert torch.equal(cam(features, weights, "described"), torch.zeros(1, 3, 3))


@pytest.mark.parametrize("scale", [1e-3, 7.0])
def test_a_map_does_not_depend_on_the_scale_of_the_weights(scale: float):
    torch.manual_seed(0)
    features, weights = torch.randn(2, 5, 4, 4), torch.randn(2, 5)
    torch.testing.assert_close(cam(features, weights), cam(features, scale * weights))


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"features have shape \(2, 3, 4\); expected \(B, C, h, w\)"):
        cam(torch.zeros(2, 3, 4), torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"weights have shape \(2, 4\); expected \(2, 3\)"):
        cam(torch.zeros(2, 3, 4, 4), torch.zeros(2, 4))
    with pytest.raises(ValueError, match="variant is 'original'"):
        cam(torch.zeros(2, 3, 4, 4), torch.zeros(2, 3), "original")


def test_channel_statistics_by_hand():
    features = torch.tensor([[[[10.0, 1.5], [4.0, 0.0]], [[-1.0, -2.0], [-3.0, -4.0]], [[5.0, 5.0], [5.0, 5.0]]]])
    torch.testing.assert_close(gap_values(features), torch.tensor([[3.875, -2.5, 5.0]]))
    assert THETAS == (0.1, 0.2, 0.5)
    # channel 0 over 1, 2, 5; channel 1 has no positive value; channel 2 is constant and active everywhere
    assert activated_cells(features).tolist() == [[[3, 0, 4]], [[2, 0, 4]], [[1, 0, 4]]]


def test_a_cell_at_the_threshold_and_a_channel_without_positive_cells_are_not_activated():
    channels = [[10.0, 5.0, 2.0, 1.0], [-1.0, -2.0, -0.1, -30.0], [0.0, 0.0, -1.0, 0.0], [-10.0, 5.0, 2.0, 1.0]]
    counts = activated_cells(torch.tensor(channels).view(1, 4, 2, 2), (0.0, 0.1, 0.2, 0.5))  # (T, 1, 4)
    assert counts[:, 0].tolist() == [[4, 0, 0, 3], [3, 0, 0, 3], [2, 0, 0, 2], [1, 0, 0, 1]]
