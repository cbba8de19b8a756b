"""Networks on corrupted images: one that sees only colours, and those that cannot be measured."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from camagain.analysis.texture.corrupted import CorruptedTable, respond
from camagain.analysis.texture.corruptions import Corruption
from camagain.analysis.texture.patches import put_back
from camagain.config import Compute, Input, Localization
from camagain.datasets.images import ImageTable, warp
from camagain.errors import NotApplicable
from camagain.models.zoo import linear_head

SIDE, IMAGES = 32, 6
KINDS = [Corruption("clean"), Corruption("patches", 4), Corruption("patches", 8), Corruption("grey")]


class Small(nn.Module):
    """Layers, global average pooling and a linear classifier, as timm's networks offer them."""

    def __init__(self, body: nn.Module, channels: int, classes: int = 3) -> None:
        super().__init__()
        self.body, self.fc = body, nn.Linear(channels, classes, bias=False)

    def get_classifier(self) -> nn.Module:
        return self.fc

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        return self.body(images)

    def forward_head(self, features: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        return features.mean((2, 3))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> CorruptedTable:
    """Images in which one colour prevails, which is their class."""
    folder, generator, rows = tmp_path_factory.mktemp("images"), np.random.default_rng(0), []
    for number in range(IMAGES):
        pixels = generator.integers(0, 120, size=(SIDE, SIDE, 3))
        pixels[..., number % 3] += 100
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
        rows.append(
            {"image_id": f"i{number}", "path": f"{number}.png", "label": number % 3, "width": SIDE, "height": SIDE}
        )
    index, seen = pd.DataFrame(rows), Input(size=SIDE)
    images = ImageTable(index, Path(folder) / "index.parquet", partial(warp, settings=seen))
    return CorruptedTable(images, index["image_id"].tolist(), seen, KINDS, seed=0)


def seen(network: nn.Module, table: CorruptedTable, **settings):
    experiment = SimpleNamespace(localization=Localization(**settings), compute=Compute())
    return respond(network.eval(), linear_head(network), table, experiment, "small")


def colours() -> Small:
    """A network that sees the mean colour of the image and nothing else; its maps are the pixels."""
    network = Small(nn.Identity(), channels=3)
    with torch.no_grad():
        network.fc.weight.copy_(torch.eye(3))
    return network


def test_a_network_of_colours_keeps_every_class_and_every_map_when_patches_move(table):
    said = seen(colours(), table)
    assert said.label.tolist() == [0, 1, 2, 0, 1, 2]
    for k in range(3):  # clean, 4 x 4, 8 x 8
        np.testing.assert_array_equal(said.predicted[:, k], said.label)
    for image, image_id in enumerate(table.image_ids):
        for k in (1, 2):
            order = KINDS[k].order(0, image_id)
            assert not np.allclose(said.true_maps[image, k], said.true_maps[image, 0], atol=1e-2)
            np.testing.assert_allclose(put_back(said.true_maps[image, k], order), said.true_maps[image, 0], atol=1e-6)
    assert (said.predicted[:, 3] == said.predicted[0, 3]).all()  # grey: no colour is left to tell them by


def random_network() -> Small:
    torch.manual_seed(0)
    return Small(nn.Sequential(nn.Conv2d(3, 5, 5, stride=4), nn.ReLU()), channels=5)


def test_maps_of_the_predicted_class_differ_where_it_is_wrong(table):
    said = seen(random_network(), table)
    wrong = said.predicted != said.label[:, None]
    assert wrong.any() and not wrong.all()
    np.testing.assert_array_equal((said.predicted_maps != said.true_maps).any((2, 3)), wrong)


def test_batches_do_not_matter(table):
    network = random_network()
    one, many = seen(network, table, batch_size=1), seen(network, table, batch_size=64)
    np.testing.assert_array_equal(one.predicted, many.predicted)
    np.testing.assert_allclose(one.true_maps, many.true_maps, atol=1e-5)
    assert one.true_maps.shape == (IMAGES, len(KINDS), 7, 7) and one.clipped.tolist() == [0, 0, 0, 0]


def test_the_share_of_clipped_values_is_counted(table):
    phases = CorruptedTable.__new__(CorruptedTable)
    phases.__dict__ |= table.__dict__ | {"kinds": [Corruption("phases")]}
    values = KINDS[0].apply(np.asarray(table.images.image(0)), 0, "i0")
    scrambled = Corruption("phases").apply(np.asarray(table.images.image(0)), 0, "i0")
    images, _, clipped = phases[0]
    assert 0 < clipped[0] == pytest.approx(np.mean((scrambled < 0) | (scrambled > 1)))
    assert images.min() >= -1 and images.max() <= 1 and values.min() >= 0


def test_networks_that_cannot_be_measured_say_why(table):
    with pytest.raises(NotApplicable, match="computes no feature maps of 32 x 32 pixels"):
        seen(Small(nn.Conv2d(3, 4, 40), channels=4), table)
    broken = colours()
    with torch.no_grad():
        broken.fc.weight[0, 0] = torch.nan
    with pytest.raises(NotApplicable, match="its class scores of corrupted images hold NaN"):
        seen(broken, table)
    headless = colours()
    headless.fc = nn.Identity()
    with pytest.raises(NotApplicable, match="is not linear in pooled features"):
        seen(headless, table)
