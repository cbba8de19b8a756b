"""PC1 maps: known components come back, only the sign of a weight counts, and both variants follow their own rule."""

import numpy as np
import pytest
import torch

from camagain.localization import pc1
from camagain.localization.methods.pc1 import described_sign, first_axis, scale_channels


def random_features(channels: int = 48, side: int = 12, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Features of a few patterns and noise (2, C, h, w), and class weights of both signs (2, C)."""
    generator = torch.Generator().manual_seed(seed)
    patterns = torch.randn(2, 4, side, side, generator=generator)
    mixed = torch.einsum("bkhw,ck->bchw", patterns, torch.randn(channels, 4, generator=generator))
    noise = 0.3 * torch.randn(2, channels, side, side, generator=generator)
    return mixed + noise, torch.randn(2, channels, generator=generator)


def by_the_script(features: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The authors' steps one by one for one image, (C, s, s), (C,) -> (s, s), with a full SVD in float64."""
    side = features.shape[1]
    rows = []
    for channel, weight in zip(features.astype(np.float64), weights.astype(np.float64), strict=True):
        weighted = weight * channel
        rows.append(((weighted - weighted.min()) / (weighted.max() - weighted.min())).ravel())
    samples = np.array(rows)
    axis = np.linalg.svd(samples - samples.mean(0), full_matrices=False)[2][0]
    axis = axis * np.sign(axis[np.abs(axis).argmax()])
    found = (axis / axis.max()).reshape(side, side)
    frame = np.where(found > found.mean(), 1, 0)
    frame[1 : side - 2, 1 : side - 2] = 0
    return 1 - found if frame.sum() / (4 * (side - 1)) > 0.5 else found


@pytest.mark.parametrize("channels", [20, 48, 300])
@pytest.mark.parametrize("seed", range(4))
def test_published_is_the_script_step_by_step(channels: int, seed: int):
    features, weights = random_features(channels, seed=seed)
    expected = [by_the_script(*pair) for pair in zip(features.numpy(), weights.numpy(), strict=True)]
    np.testing.assert_allclose(pc1(features, weights, "published").numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("bright_frame_cells, reversed_", [(22, False), (23, True)])
def test_the_published_frame_has_63_cells_of_which_more_than_22_reverse(bright_frame_cells: int, reversed_: bool):
    side = 12
    pattern = torch.zeros(side, side)
    frame = [(r, c) for r in range(side) for c in range(side) if not (1 <= r < side - 2 and 1 <= c < side - 2)]
    assert len(frame) == 63
    for row, column in frame[:bright_frame_cells]:
        pattern[row, column] = 1
    pattern[5, 5] = 1.5  # the largest cell settles the sign of the axis
    strength = torch.linspace(0.1, 0.9, 8)[:, None, None]
    other = torch.zeros(side, side)
    other[6, 6] = 1  # gives every channel the same span, so that scaling leaves the strengths alone
    features = (strength * pattern / 1.5 + (1 - strength) * 0 + other)[None]  # (1, 8, 12, 12)
    found = pc1(features, torch.ones(1, 8), "published")[0]
    assert (found[5, 5] < found[7, 7]).item() is reversed_


@pytest.mark.parametrize("variant", ["published", "described"])
def test_only_the_sign_of_a_weight_and_no_order_of_channels_counts(variant):
    features, weights = random_features()
    found = pc1(features, weights, variant)
    order = torch.randperm(features.shape[1], generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(pc1(features, weights.sign() * 3, variant), found, atol=1e-4, rtol=0)
    torch.testing.assert_close(pc1(features[:, order], weights[:, order], variant), found, atol=1e-4, rtol=0)


def test_described_finds_the_object_and_spans_0_to_1():
    blob = torch.exp(-((torch.arange(12.0)[:, None] - 5) ** 2 + (torch.arange(12.0)[None] - 6) ** 2) / 6)
    strength = torch.linspace(-1, 1, 40)[:, None, None]  # in half of the channels the object is dark
    noise = 0.01 * torch.randn(1, 40, 12, 12, generator=torch.Generator().manual_seed(0))
    found = pc1((strength * blob)[None] + noise, torch.ones(1, 40), "described")[0]
    assert found.min() == 0 and found.max() == 1
    assert np.corrcoef(found.flatten(), blob.flatten())[0, 1] > 0.99


def test_the_described_sign_does_not_depend_on_the_sign_of_the_axis():
    axes = torch.randn(200, 7, 9, generator=torch.Generator().manual_seed(0))
    assert torch.equal(described_sign(axes), -described_sign(-axes))
    assert {-1.0, 1.0} == set(described_sign(axes).tolist())


def test_the_described_sign_counts_cells_of_the_edge_alone_against_the_mean_of_all():
    """Of the 16 outermost cells of 5 x 5, 9 are dark; all inner cells are bright, those beside the edge too."""
    axis = torch.ones(5, 5)
    axis[0], axis[1:, 0] = -1.0, -1.0
    assert described_sign(axis[None]).item() == 1
    above = torch.ones(5, 5)
    above[1:4, 1:4] = 3.0  # every cell is above 0, and those of the edge are below the mean
    assert described_sign(above[None]).item() == 1 and described_sign(-above[None]).item() == -1


def test_where_half_of_the_edge_is_bright_its_mean_decides():
    axis = torch.zeros(4, 4)  # 12 outermost cells, 4 inner ones
    axis[0], axis[1, 0], axis[1, 3] = 1.0, 1.0, 1.0
    axis[3], axis[2, 0], axis[2, 3] = -3.0, -3.0, -3.0
    axis[1:3, 1:3] = 3.0  # the mean of all is 0, that of the edge -1
    assert described_sign(axis[None]).item() == 1 and described_sign(-axis[None]).item() == -1


def test_the_first_axis_is_the_same_from_either_matrix_of_products():
    few, many = torch.randn(1, 10, 30, dtype=torch.float64), torch.randn(1, 60, 30, dtype=torch.float64)
    for samples in (few, many):
        centred = (samples[0] - samples[0].mean(0)).numpy()
        expected = np.linalg.svd(centred, full_matrices=False)[2][0]
        assert abs(first_axis(samples)[0].numpy() @ expected) == pytest.approx(1)


@pytest.mark.parametrize("variant", ["published", "described"])
def test_a_constant_channel_counts_as_zeros(variant):
    """Whatever its value and weight: a dead channel, one of 5 everywhere and one that is weighed by 0 are alike."""
    features, weights = random_features()
    features[0, 3] = 0
    expected = pc1(features, weights, variant)
    assert expected.isfinite().all()
    assert not scale_channels(features)[0, 3].any() and scale_channels(features)[0, 4].max() == 1
    features[0, 3] = 5
    torch.testing.assert_close(pc1(features, weights, variant), expected)
    features[0, 3] = torch.rand(12, 12)
    weights[0, 3] = 0
    torch.testing.assert_close(pc1(features, weights, variant), expected)


def test_wrong_shapes_and_variants_are_refused():
    features, weights = random_features()
    with pytest.raises(ValueError, match="weights have shape"):
        pc1(features, weights[:, :-1])
    with pytest.raises(ValueError, match="variant is 'other'"):
        pc1(features, weights, "other")
