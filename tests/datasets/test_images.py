"""Images as tensors, and the table of them."""

import numpy as np
import pytest
import torch
from PIL import Image

from camagain.config import Input
from camagain.datasets.images import ImageTable, read_rgb, warp
from camagain.datasets.index import read_index
from camagain.errors import UserError


def test_warping_covers_the_whole_image_and_normalises():
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, 4:] = 255
    tensor = warp(Image.fromarray(pixels), Input(size=32, mean=(0.5, 0.5, 0.25), std=(0.5, 0.5, 0.25)))
    assert tensor.shape == (3, 32, 32)
    torch.testing.assert_close(tensor[:, 0, 0], torch.tensor([-1.0, -1.0, -1.0]))
    torch.testing.assert_close(tensor[:, 31, 31], torch.tensor([1.0, 1.0, 3.0]))


def test_pixels_stay_where_they_are():
    """An image of the network's size: one pixel of it, in the upper right corner, is bright."""
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[0, 31] = 255, 51, 0  # row 0, column 31
    tensor = warp(Image.fromarray(pixels), Input(size=32, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)))
    torch.testing.assert_close(tensor[:, 0, 31], torch.tensor([1.0, 0.2, 0.0]))
    assert not tensor[:, 31, 0].any()


def test_a_table_gives_tensor_label_and_row_and_decodes_once(tiny_run, monkeypatch):
    experiment, paths = tiny_run
    index = read_index(paths.index, "test")
    table = ImageTable(index, paths.index, lambda image: warp(image, experiment.input))
    first = table[5]
    monkeypatch.setattr("camagain.datasets.images.read_rgb", lambda path: pytest.fail("decoded again"))
    again = table[5]
    assert torch.equal(first[0], again[0])
    assert first[1:] == again[1:] == (index["label"][5], 5)


def test_a_damaged_image_is_named(tmp_path):
    (tmp_path / "bird.jpg").write_text("no picture")
    with pytest.raises(UserError, match=r"bird\.jpg: cannot be read as an image .* Restore the file"):
        read_rgb(tmp_path / "bird.jpg")
