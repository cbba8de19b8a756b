"""Figures as files: a PNG taller than a page has fewer dots, so that it stays small."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from PIL import Image

from camagain.drawing.style import save_figure


@pytest.mark.parametrize(("height", "dots"), [(4.0, 200), (10.0, 200), (15.0, 130)])
def test_a_tall_png_has_fewer_dots(tmp_path, height: float, dots: int):
    figure = plt.figure(figsize=(6.0, height))
    figure.add_axes((0, 0, 1, 1)).set_axis_off()
    figure.patches.append(plt.Rectangle((0, 0), 1, 1, transform=figure.transFigure))
    save_figure(figure, pd.DataFrame({"a": [1]}), tmp_path, "bars")
    with Image.open(tmp_path / "bars.png") as image:
        assert image.height == pytest.approx(dots * height, rel=0.02)
