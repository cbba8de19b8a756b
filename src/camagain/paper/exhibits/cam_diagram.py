"""How a class activation map is computed, as a diagram: maps, their means, class weights, the same weights on the maps.

Drawn from a sketch and four made-up feature maps; every number in it is computed from them. The map's mean before the
cut at zero is the class score less the bias, as in a network without a norm behind its last maps.
"""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Polygon

from camagain.drawing.bird_sketch import BODY, BRANCH, GREY, GRID, HEAD, WING, blob, draw_bird
from camagain.drawing.results import RunResults
from camagain.drawing.style import PAGE_INCHES

NAME = "cam-diagram"
TITLE = "How a class activation map is computed"
PLACE = 90
KEYS = ("channel",)
CAPTION = (
    "A sketch with made-up feature maps, the same in every run. Above: maps are averaged, weighed and added to the "
    "score of a class. Below: the same weights on the maps themselves give the class activation map."
)
UNJUDGED = "it shows examples, chosen by rank"

HEIGHT = 3.35
"""Inches; positions below are inches from the lower left of the figure."""

COLORMAP = "inferno"
INK, SOFT = "#222222", "#7F7F7F"
WEIGHTS = (1.6, 1.0, 0.5, -0.9)
BIAS = 0.1
SIDE = 0.46
"""Side of a small map."""

ROWS = (2.82, 2.28, 1.74, 1.20)
"""Heights of the centres of the four maps."""


def feature_maps() -> np.ndarray:
    """Four maps (4, GRID, GRID), each of a part: head, wing, body, and the branch behind the bird."""
    hills = [(HEAD, (1.1, 1.0)), (WING, (1.7, 1.0)), (BODY, (2.4, 1.7)), (BRANCH, (4.0, 0.8))]
    return np.stack([blob(*hill) for hill in hills])


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """The diagram, the same for every run, and the numbers in it."""
    maps, weights = feature_maps(), np.array(WEIGHTS)
    means = maps.mean(axis=(1, 2))  # (4,)
    score = float(weights @ means + BIAS)
    cam = np.maximum(np.tensordot(weights, maps, 1), 0)  # (GRID, GRID)
    cam /= cam.max()
    page = plt.figure(figsize=(PAGE_INCHES, HEIGHT))
    canvas = page.add_axes((0, 0, 1, 1))
    canvas.set(xlim=(0, PAGE_INCHES), ylim=(0, HEIGHT))
    canvas.set_axis_off()
    middle = float(np.mean(ROWS))
    draw_bird(place(page, 0.62, middle, 1.0))
    write(canvas, 0.62, middle + 0.6, "image")
    network(canvas, 1.28, middle)
    classification(page, canvas, maps, means, score)
    localization(page, canvas, maps, cam)
    rows = [
        {"channel": k, "class_weight": weights[k - 1], "map_mean": means[k - 1],
         "contribution": weights[k - 1] * means[k - 1]}
        for k in range(1, 5)
    ]  # fmt: skip
    rows += [{"channel": "bias", "contribution": BIAS}, {"channel": "class score", "contribution": score}]
    return page, pd.DataFrame(rows)


def classification(figure: Figure, canvas: Axes, maps: np.ndarray, means: np.ndarray, score: float) -> None:
    """Upper part: every map is averaged, the means are weighed and added."""
    x_map, x_mean, x_score = 2.75, 4.15, 5.75
    y_score = float(np.mean(ROWS))
    write(canvas, x_map, HEIGHT - 0.2, "last feature maps $f_k$")
    write(canvas, x_mean, HEIGHT - 0.2, "means (GAP)")
    for k, y in enumerate(ROWS):
        show(place(figure, x_map, y, SIDE), maps[k])
        write(canvas, x_map - 0.38, y, f"$f_{k + 1}$")
        arrow(canvas, (x_map + 0.27, y), (x_mean - 0.26, y))
        node(canvas, (x_mean, y), f"{means[k]:.2f}", 0.22)
        end = (x_score - 0.31, y_score + 0.1 * (1.5 - k))
        arrow(canvas, (x_mean + 0.23, y), end, color=INK if WEIGHTS[k] > 0 else SOFT)
        share = 0.36
        x, height = x_mean + 0.23 + share * (end[0] - x_mean - 0.23), y + share * (end[1] - y)
        write(canvas, x, height, f"$w_{k + 1}$ = {number(WEIGHTS[k])}", box=True)
    node(canvas, (x_score, y_score), f"{score:.2f}", 0.29)
    write(canvas, x_score, y_score + 0.47, "score of the class")
    write(canvas, x_score, y_score - 0.47, f"$\\sum_k w_k\\,\\overline{{f_k}} + b$,  $b$ = {BIAS:g}")
    arrow(canvas, (1.95, y_score), (x_map - 0.52, y_score))


def localization(figure: Figure, canvas: Axes, maps: np.ndarray, cam: np.ndarray) -> None:
    """Lower part: the same weights on the maps themselves, added, cut at zero, divided by the maximum."""
    y = 0.44
    canvas.plot([0.15, PAGE_INCHES - 0.15], [0.86, 0.86], color="#CCCCCC", linewidth=0.8)
    write(canvas, 0.15, y, "class activation\nmap", align="left")
    x = 1.22
    for k, weight in enumerate(WEIGHTS):
        sign = "" if k == 0 else ("+ " if weight > 0 else "− ")
        write(canvas, x, y, f"{sign}{abs(weight):.1f} ×")
        show(place(figure, x + 0.5, y, SIDE), maps[k])
        x += 1.0
    write(canvas, x - 0.1, y, "=", size=10)
    write(canvas, x - 0.1, y - 0.24, "ReLU,\n/ max", size=6.5)
    show(place(figure, x + 0.44, y, 0.66), cam)
    arrow(canvas, (x + 0.82, y), (x + 1.02, y))
    over = place(figure, x + 1.4, y, 0.66)
    draw_bird(over, GREY)
    over.imshow(cam, cmap=COLORMAP, alpha=0.55, extent=(0, GRID, GRID, 0), interpolation="bilinear", zorder=5)


def place(figure: Figure, x: float, y: float, side: float) -> Axes:
    """A square axes centred at x, y, all in inches."""
    return figure.add_axes(
        ((x - side / 2) / PAGE_INCHES, (y - side / 2) / HEIGHT, side / PAGE_INCHES, side / HEIGHT), zorder=2
    )


def show(axes: Axes, values: np.ndarray) -> None:
    """A map in [0, 1] as cells."""
    axes.imshow(values, cmap=COLORMAP, vmin=0, vmax=1, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=True, linewidth=0.5, color=INK)


def network(canvas: Axes, x: float, y: float) -> None:
    """The convolutions between image and maps, as a trapezoid."""
    corners = [(x, y - 0.48), (x, y + 0.48), (x + 0.62, y + 0.24), (x + 0.62, y - 0.24)]
    canvas.add_patch(Polygon(corners, facecolor="#EEF1F4", edgecolor=INK, linewidth=0.8))
    write(canvas, x + 0.31, y, "convo-\nlutions")


def node(canvas: Axes, centre: tuple[float, float], label: str, radius: float) -> None:
    canvas.add_patch(Circle(centre, radius, facecolor="white", edgecolor=INK, linewidth=0.8, zorder=3))
    write(canvas, *centre, label)


def arrow(canvas: Axes, start: tuple[float, float], end: tuple[float, float], color: str = INK) -> None:
    look: Mapping[str, object] = {"arrowstyle": "-|>", "linewidth": 0.8, "color": color, "shrinkA": 0, "shrinkB": 0}
    canvas.annotate("", end, start, arrowprops={**look, "mutation_scale": 7})


def write(
    canvas: Axes, x: float, y: float, words: str, align: str = "center", size: float = 7.5, box: bool = False
) -> None:
    behind = {"facecolor": "white", "edgecolor": "none", "pad": 0.8} if box else None
    canvas.text(x, y, words, ha=align, va="center", fontsize=size, color=INK, bbox=behind, zorder=4)


def number(value: float) -> str:
    """A weight with a typographic minus."""
    return f"{value:.1f}".replace("-", "−")
