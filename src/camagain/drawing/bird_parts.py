"""The sketched bird with its parts coloured by a number: each pixel has the colour of the nearest part."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize

from camagain.drawing.bird_sketch import GRID, Palette, bird_shapes

PLACES: Mapping[str, tuple[float, float]] = {
    "beak": (10.4, 4.3),
    "forehead": (9.55, 3.3),
    "crown": (8.2, 2.8),
    "eye": (9.0, 4.1),
    "nape": (7.15, 4.1),
    "throat": (9.1, 5.2),
    "head": (8.2, 4.4),
    "back": (5.3, 5.2),
    "breast": (8.1, 6.5),
    "belly": (6.5, 7.9),
    "body": (7.2, 7.0),
    "wing": (4.9, 6.7),
    "wing_patch": (5.8, 6.3),
    "tail": (2.0, 8.2),
    "leg": (6.1, 9.2),
}
"""Where each part lies on the sketch, in cells from the upper left: the names of CUB-200-2011 and of SynthBirds."""

PIXELS = 25
"""Pixels of a cell."""


def draw_parts(axes: Axes, values: Mapping[str, float], colors: Colormap, norm: Normalize) -> None:
    """The bird with the parts that the sketch has; a part that is missing leaves its pixels to its neighbours."""
    known = {name: value for name, value in values.items() if name in PLACES and np.isfinite(value)}
    bird, owner = silhouette(), nearest(list(known))
    pixels = np.zeros((*bird.shape, 4))
    pixels[bird] = colors(norm(np.array(list(known.values()))))[owner[bird]] if known else (0.8, 0.8, 0.8, 1)
    edge = np.zeros_like(bird)
    for axis in (0, 1):
        edge |= owner != np.roll(owner, 1, axis)
    pixels[bird & edge, :3] = 1
    extent = (0, GRID, GRID, 0)
    axes.imshow(pixels, extent=extent, interpolation="antialiased")
    axes.contour(bird, [0.5], colors="0.25", linewidths=0.6, extent=extent, origin="upper")
    axes.plot(*PLACES["eye"], "o", color="0.15", markersize=1.6)
    axes.set(xlim=(0.3, 11.6), ylim=(10.0, 2.2), xticks=[], yticks=[], aspect="equal")
    for spine in axes.spines.values():
        spine.set_visible(False)


def centres() -> np.ndarray:
    """The centres of the picture's pixels, (PIXELS GRID squared, 2) x and y in cells, row by row."""
    across = (np.arange(PIXELS * GRID) + 0.5) / PIXELS
    return np.stack(np.meshgrid(across, across), axis=-1).reshape(-1, 2)


def silhouette() -> np.ndarray:
    """Which pixels of the picture the bird covers, (PIXELS GRID, PIXELS GRID) bool."""
    covered = np.zeros((PIXELS * GRID) ** 2, dtype=bool)
    for shape in bird_shapes(Palette()):
        covered |= shape.get_path().transformed(shape.get_patch_transform()).contains_points(centres())
    return covered.reshape(PIXELS * GRID, PIXELS * GRID)


def nearest(names: list[str]) -> np.ndarray:
    """The number of the part whose place is nearest to each pixel of the picture, (PIXELS GRID, PIXELS GRID)."""
    if not names:
        return np.zeros((PIXELS * GRID, PIXELS * GRID), dtype=int)
    places = np.array([PLACES[name] for name in names])  # (n, 2)
    squares = ((centres()[:, None] - places) ** 2).sum(-1)  # (pixels, n)
    return squares.argmin(1).reshape(PIXELS * GRID, PIXELS * GRID)
