"""The sketch with coloured parts: every part lies on the bird, and its pixels have its colour."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import Normalize

from camagain.drawing.bird_parts import PIXELS, PLACES, draw_parts, nearest, silhouette
from camagain.drawing.bird_sketch import GRID


@pytest.mark.parametrize("name", PLACES)
def test_every_part_lies_on_the_bird_and_owns_its_place(name: str):
    x, y = PLACES[name]
    row, column = int(y * PIXELS), int(x * PIXELS)
    around = silhouette()[row - PIXELS : row + PIXELS, column - PIXELS : column + PIXELS]
    assert around.any(), "nothing of the bird lies within a cell"
    others = [other for other in PLACES if other != name]
    assert nearest([*others, name])[row, column] == len(others)


def test_parts_have_the_colours_of_their_values():
    figure, axes = plt.subplots()
    colors, norm = plt.get_cmap("viridis"), Normalize(0, 1)
    draw_parts(axes, {"eye": 0.0, "wing": 1.0, "tail": float("nan"), "engine": 0.5}, colors, norm)
    pixels = axes.images[0].get_array()
    assert pixels.shape == (GRID * PIXELS, GRID * PIXELS, 4)
    for name, color in (("eye", colors(0.0)), ("wing", colors(1.0)), ("tail", colors(1.0))):
        x, y = PLACES[name]
        assert tuple(pixels[int(y * PIXELS), int(x * PIXELS)]) == pytest.approx(color)
    assert not pixels[0, 0].any(), "beside the bird nothing is drawn"
    draw_parts(axes, {}, colors, norm)
    assert np.ptp(axes.images[-1].get_array()[silhouette()], axis=0).max() == 0, "without numbers it is grey"
    plt.close(figure)
