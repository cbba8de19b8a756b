"""Insertion, deletion, average drop, increase and ROAD: by hand, by plain loops, and against the package grad-cam."""

from importlib import import_module

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from scipy.signal import convolve2d
from torch import nn

from camagain.analysis.faithfulness.measure import COLUMNS, Asked, area, table_of
from camagain.analysis.faithfulness.names import MEASURES, REFERENCE
from camagain.analysis.faithfulness.perturbed import blurred, deletion, first, insertion, places, removed
from camagain.analysis.faithfulness.settings import Faithfulness
from camagain.statistics.bootstrap import Sampling


def image(side: int = 12) -> torch.Tensor:
    return torch.randn(3, side, side, generator=torch.Generator().manual_seed(side))


# --- versions of an image -------------------------------------------------------------------------------------------


def test_places_by_hand():
    assert places(np.array([[0.1, 0.9], [0.5, 0.7]]), 0).tolist() == [[3, 0], [2, 1]]


def test_equal_pixels_come_in_random_order_behind_brighter_ones():
    score_map = np.zeros((20, 20))
    score_map[3, 4], score_map[18, 2] = 1, 0.5
    found = [places(score_map, seed) for seed in (0, 0, 1)]
    assert all(place[3, 4] == 0 and place[18, 2] == 1 for place in found)
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])
    assert sorted(found[0].flatten().tolist()) == list(range(400))
    half = first(found[0], 0.5)
    assert half.sum() == 200 and 70 < half[:10].sum() < 130, "not the upper half alone"


def test_deletion_and_insertion_by_hand():
    pixels = torch.arange(1.0, 13).reshape(3, 2, 2)
    place = places(np.array([[0.1, 0.9], [0.5, 0.7]]), 0)
    gone = list(deletion(pixels, place, 2))
    assert torch.equal(gone[0], pixels) and not gone[2].any()
    assert gone[1][0].tolist() == [[1, 0], [3, 0]]


def test_insertion_brings_the_most_important_pixels_to_the_blurred_image():
    pixels, score_map = image(48), np.random.default_rng(0).random((48, 48))
    brought, start = list(insertion(pixels, places(score_map, 0), 4)), blurred(pixels)
    assert len(brought) == 5 and (start != pixels).all()
    assert torch.equal(brought[0], start) and torch.equal(brought[4], pixels)
    here = torch.from_numpy(score_map > np.quantile(score_map, 0.75))
    assert torch.equal(brought[1], torch.where(here, pixels, start))


def test_the_blur_is_petsiuks_at_224_px_and_smaller_on_smaller_images():
    """As in examples of the authors' repository eclique/RISE: gkern(11, 5), zeros outside."""
    pixels = image(224).double()
    taps = np.zeros((11, 11))
    taps[5, 5] = 1
    kernel = gaussian_filter(taps, 5)
    expected = np.stack([convolve2d(channel, kernel, mode="same") for channel in pixels.numpy()])
    np.testing.assert_allclose(blurred(pixels).numpy(), expected, atol=1e-12)
    spot = torch.zeros(3, 96, 96)
    spot[:, 48, 48] = 1
    assert (blurred(spot)[0] > 0).sum() == 5 * 5


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_roads_versions_are_the_packages_up_to_noise(share: float):
    """Its own choice of pixels, by percentiles, on a map without equal values; its imputer without noise."""
    road, choice = (import_module(f"pytorch_grad_cam.metrics.{name}") for name in ("road", "perturbation_confidence"))
    pixels, score_map = image(10), torch.rand(10, 10, generator=torch.Generator().manual_seed(1))
    imputer = road.NoisyLinearImputer(noise=0)
    most, least = removed(pixels, places(score_map.numpy(), 0), (share,), 0)
    expected = choice.RemoveMostRelevantFirst(100 * (1 - share), imputer)(pixels, score_map)
    np.testing.assert_allclose(most, expected, atol=0.06)
    assert (most != pixels).any(0).sum() == round(100 * share)
    expected = choice.RemoveLeastRelevantFirst(100 * (1 - share), imputer)(pixels, score_map)
    np.testing.assert_allclose(least, expected, atol=0.06)
    assert not (most != pixels)[:, score_map < score_map.quantile(0.4)].any()


def test_equal_pixels_do_not_go_together():
    """The package's percentiles would take all zeros of a map that is cut off at 0, or none of them."""
    score_map = np.zeros((10, 10))
    score_map[4:6, 4:6] = 1
    most, least = removed(image(10), places(score_map, 0), (0.2,), 0)
    assert (most != image(10)).any(0).sum() == (least != image(10)).any(0).sum() == 20


def test_the_noise_is_that_of_the_seed_and_leaves_torchs_generator_alone():
    place = places(np.random.default_rng(0).random((8, 8)), 0)
    before = torch.random.get_rng_state()
    one, same, other = (next(removed(image(8), place, (0.5,), seed)) for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert torch.equal(before, torch.random.get_rng_state())


# --- measures -------------------------------------------------------------------------------------------------------


def test_the_area_by_hand():
    assert area(np.array([0.0, 10, 40])) == pytest.approx((5 + 25) / 2)
    assert area(np.array([7.0, 7, 7, 7])) == 7


class Spot(nn.Module):
    """Two classes: the score of the first is the sum of one pixel over channels, less 10, of the other 0."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []
        self.fc = nn.Linear(3, 2)
        self.fc.weight.data, self.fc.bias.data = torch.tensor([[1.0] * 3, [0.0] * 3]), torch.tensor([-10.0, 0.0])

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append(len(images))
        return images

    def forward_head(self, features: torch.Tensor, pre_logits: bool) -> torch.Tensor:
        return features[:, :, 2, 5]

    def get_classifier(self) -> nn.Module:
        return self.fc


def probability(score: float) -> float:
    return 100 / (1 + np.exp(-score))


def test_a_map_of_what_the_network_needs_by_hand():
    """The class hangs on one pixel: found first, its loss and its return are immediate."""
    pixels = torch.zeros(3, 8, 8)
    pixels[:, 2, 5] = 20 / 3
    right, wrong = np.full((8, 8), 0.5), np.full((8, 8), 0.5)
    right[2, 5], wrong[2, 5] = 1, 0
    network = Spot()
    asked = Asked(network, pixels, 5, "spot")
    assert asked.predicted == 0
    settings = Faithfulness(steps=4, shares=(0.25,))
    full, gone = probability(10), probability(-10)
    blurred_once = probability(20 * float(blurred(pixels)[0, 2, 5] / pixels[0, 2, 5]) - 10)
    found = dict(zip(MEASURES, asked.measured(right, 0, settings, 0), strict=True))
    assert found["insertion"] == pytest.approx((blurred_once / 2 + 3.5 * full) / 4, rel=1e-5)
    assert found["deletion"] == pytest.approx((full / 2 + 3.5 * gone) / 4, rel=1e-5)
    assert found["average_drop"] == 0 and found["increase"] == 0
    assert found["road"] == pytest.approx((full - gone) / 2, abs=0.1), "filled with zeros from around, and noise"
    assert max(network.seen) == 5, "no batch is larger than asked for"
    found = dict(zip(MEASURES, asked.measured(wrong, 0, settings, 0), strict=True))
    assert found["deletion"] == pytest.approx((3.5 * full + gone / 2) / 4, rel=1e-5)
    assert found["average_drop"] == pytest.approx(100 * (full - gone) / full, rel=1e-5)
    assert found["road"] == pytest.approx((gone - full) / 2, abs=0.1)
    other = dict(zip(MEASURES, asked.measured(wrong, 1, settings, 0), strict=True))
    assert other["increase"] == 100 and other["average_drop"] == 0, "the other class gains"


def test_gains_are_paired_and_above_zero_where_the_map_is_better():
    own = np.array([[60.0, 10, 20, 100, 30], [80.0, 30, 40, 0, 10]])
    blind = np.array([[50.0, 20, 50, 0, 0], [70.0, 40, 70, 0, -20]])
    table = table_of({"cam": own, REFERENCE: blind}, Sampling(100, 0.95, 0))
    assert tuple(table.columns) == COLUMNS and (table["images"] == 2).all()
    rows = table[table["method"] == "cam"].set_index("measure")
    assert rows["value"].tolist() == [70, 20, 30, 50, 20]
    assert rows["gain"].tolist() == [10, 10, 30, 50, 30]
    assert rows.loc["insertion", ["gain_low", "gain_high"]].tolist() == [10, 10], "the same in both images"
    assert rows.loc["insertion", "low"] == 60 and rows.loc["insertion", "high"] == 80
    assert not table.loc[table["method"] == REFERENCE, ["gain", "gain_low", "gain_high"]].to_numpy().any()
