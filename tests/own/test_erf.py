"""`camagain erf --model`: area ratios and a picture of anybody's network on anybody's images."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from camagain.analysis.erf import area_ratios, contribution_map
from camagain.datasets.images import warp
from camagain.errors import UserError
from camagain.models import create
from camagain.own.erf import erf_of
from camagain.own.network import own_network


def test_the_lines_hold_the_areas_of_the_contribution_map(tmp_path: Path):
    torch.manual_seed(0)
    weights, images = tmp_path / "mine.safetensors", tmp_path / "photos"
    save_file(create("replknet_narrow", 3).state_dict(), weights)
    images.mkdir()
    for i in range(5):
        Image.effect_noise((80, 70), 90).convert("RGB").save(images / f"{i}.png")
    picture = tmp_path / "erf.png"
    said = erf_of("replknet_narrow", weights, images, 2, 64, picture)
    own = own_network("replknet_narrow", weights)
    seen = own.input.model_copy(update={"size": 64})
    pixels = torch.stack([warp(Image.open(images / f"{i}.png"), seen) for i in (1, 3)])  # in the middle of halves
    side, ratio = area_ratios(contribution_map(own.network, pixels))[0.5]
    assert "over 2 images of 64 px" in said
    line = next(line for line in said.splitlines() if line.startswith("50%"))
    assert line.split()[1:3] == [str(side), f"{100 * ratio:.1f}"]
    assert Image.open(picture).size[0] > 300


def test_a_folder_without_images_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="found no image"):
        erf_of("resnet_narrow", None, tmp_path)
