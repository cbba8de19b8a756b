"""One image: the same map and box that a run finds, a picture of them, and mistakes in words."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from torch import nn

from camagain.config import Evaluation, Input, Localization
from camagain.datasets.index import image_path, read_index
from camagain.errors import UserError
from camagain.own.localize import localize, upright
from camagain.own.network import own_network


@pytest.fixture(scope="module")
def own():
    module = nn.Sequential(nn.Conv2d(3, 8, 5, 2, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    return own_network(module, input=Input(size=32))


@pytest.mark.parametrize("method", ["cam", "pc1"])
def test_maps_and_boxes_are_those_of_a_run(tiny_run, method: str):
    experiment, paths = tiny_run
    model, index = "small-resnet", read_index(paths.index, "test")
    own = own_network(paths.model(model))
    stored = np.load(paths.maps(model))
    place = {image_id: i for i, image_id in enumerate(stored["image_id"])}
    threshold = pd.read_json(paths.metrics(model, method), typ="series")["figures"]["max_box_acc"]["threshold"]
    boxes = pd.read_parquet(paths.images(model, method)).set_index("image_id")
    settings: Localization = experiment.localization
    for row in index.iloc[:6].itertuples():
        file = image_path(paths.index, row.path)
        found = localize(own, file, method=method, settings=settings, evaluation=experiment.evaluation)
        np.testing.assert_allclose(found.map, stored[method][place[row.image_id]], atol=1e-5)
        expected = boxes.loc[row.image_id]
        assert found.label == expected["predicted"] and found.class_name == own.classes[found.label]
        assert found.box(threshold) == pytest.approx(expected[["x0", "y0", "x1", "y1"]].tolist(), abs=2)


def test_the_class_is_the_likeliest_or_the_one_asked_for(own):
    image = Image.effect_noise((50, 40), 90)
    found = localize(own, image)
    others = [localize(own, image, label) for label in range(4)]
    assert sum(other.probability for other in others) == pytest.approx(1, abs=1e-5)
    assert found.probability == max(other.probability for other in others)
    assert np.array_equal(found.map, others[found.label].map)
    with pytest.raises(UserError, match="found 4, expected a class of 'Sequential', 0 to 3"):
        localize(own, image, 4)


def test_a_box_lies_in_the_image_and_a_picture_shows_it(own):
    found = localize(own, Image.effect_noise((120, 60), 90), 1, evaluation=Evaluation(size=64))
    x0, y0, x1, y1 = found.box(0.3)
    assert 0 <= x0 < x1 <= 120 and 0 <= y0 < y1 <= 60
    page = np.asarray(found.picture(0.3)).astype(int)
    assert page.shape == (450, 900, 3)
    yellow = (abs(page - [255, 212, 0]).sum(2) < 60).nonzero()
    scale = 900 / 120
    assert yellow[1].min() == pytest.approx(x0 * scale, abs=4) and yellow[0].max() == pytest.approx(y1 * scale, abs=6)
    assert not (abs(np.asarray(found.picture(None)).astype(int) - [255, 212, 0]).sum(2) < 60).any()
    with_true = np.asarray(found.picture(None, (10, 10, 50, 40))).astype(int)
    assert (with_true.sum(2) > 740)[70:300, 70:380].any()


def test_photographs_are_turned_upright(tmp_path: Path):
    image = Image.new("RGB", (40, 20), "red")
    exif = image.getexif()
    exif[0x0112] = 6  # turned by a quarter
    image.save(tmp_path / "phone.jpg", exif=exif)
    assert upright(tmp_path / "phone.jpg").size == (20, 40)


def test_mistakes_are_named(own, tmp_path: Path):
    with pytest.raises(UserError, match=r"gone\.jpg: no such image file"):
        localize(own, tmp_path / "gone.jpg")
    (tmp_path / "text.jpg").write_text("no image")
    with pytest.raises(UserError, match=r"text\.jpg: cannot be read as an image"):
        localize(own, tmp_path / "text.jpg")
    with pytest.raises(UserError, match=r"found 'kam', expected one of cam, .*Did you mean 'cam'"):
        localize(own, Image.new("RGB", (9, 9)), method="kam")


def test_no_evidence_is_a_map_of_zeros_and_the_whole_of_nothing(own):
    found = localize(own, Image.effect_noise((50, 40), 90), settings=Localization(variant="published"))
    assert np.isfinite(found.map).all()
