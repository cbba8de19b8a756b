"""A bird of a few shapes for diagrams: drawn here, so that no photograph is needed and nothing is trained."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, Ellipse, Patch, Polygon, Rectangle

GRID = 12
"""Side of the square picture, and of the feature maps of the paper's networks, in cells."""

HEAD, WING, BODY, BRANCH = (8.6, 4.1), (5.3, 6.6), (5.8, 6.5), (6.0, 9.6)
"""Centres of parts, x and y in cells from the upper left."""


@dataclass(frozen=True)
class Palette:
    """Colours of the sketch."""

    sky: str = "#D8E6EC"
    branch: str = "#7A5C42"
    body: str = "#E5A84B"
    wing: str = "#3D5A80"
    crown: str = "#C8452F"
    beak: str = "#4A4A4A"


GREY = Palette("#E2E2E2", "#777777", "#B4B4B4", "#666666", "#808080", "#505050")


def draw_bird(axes: Axes, palette: Palette | None = None) -> None:
    """The sketch in an axes of GRID x GRID cells, without ticks."""
    colors = palette or Palette()
    scene = [
        Rectangle((0, 0), GRID, GRID, color=colors.sky),
        Rectangle((0, BRANCH[1] - 0.35), GRID, 0.7, color=colors.branch),
    ]
    for shape in (*scene, *bird_shapes(colors)):
        axes.add_patch(shape)
    axes.set(xlim=(0, GRID), ylim=(GRID, 0), xticks=[], yticks=[], aspect="equal")
    for spine in axes.spines.values():
        spine.set_visible(False)


def bird_shapes(colors: Palette) -> list[Patch]:
    """The bird alone, back to front."""
    y = BRANCH[1]
    return [
        Polygon([(3.6, 6.6), (0.7, 8.6), (1.5, 9.2), (4.6, 7.9)], color=colors.wing),  # tail
        Rectangle((5.4, 7.9), 0.2, y - 7.9, color=colors.beak),
        Rectangle((6.6, 7.9), 0.2, y - 7.9, color=colors.beak),
        Ellipse(BODY, 6.2, 3.7, angle=-24, color=colors.body),
        Circle(HEAD, 1.45, color=colors.body),
        Polygon([(9.8, 3.6), (11.2, 4.3), (9.8, 4.8)], color=colors.beak),
        Ellipse((8.35, 3.15), 2.3, 1.1, angle=-12, color=colors.crown),
        Circle((9.0, 4.0), 0.22, color="#1A1A1A"),
        Ellipse(WING, 3.9, 1.8, angle=-20, color=colors.wing),
    ]


def blob(centre: tuple[float, float], spread: tuple[float, float]) -> np.ndarray:
    """A Gaussian hill of height 1 on the grid, (GRID, GRID); centre and spread as x, y in cells."""
    cells = np.arange(GRID) + 0.5
    across, down = ((cells - middle) / width for middle, width in zip(centre, spread, strict=True))
    return np.exp(-(across[None] ** 2 + down[:, None] ** 2) / 2)
