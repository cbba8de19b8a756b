"""An image with a score map over it and boxes on it."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from PIL import Image

TRUE_COLOR, PREDICTED_COLOR = "#FFFFFF", "#FFD400"
COLORMAP = "inferno"
OVERLAY = 0.55
"""Opacity of the score map over the greyed image."""


def square(image: Image.Image, side: int = 224) -> Image.Image:
    """An image warped to the square that the network saw, large enough to print."""
    return image.resize((side, side), Image.Resampling.BICUBIC)


def overlay(image: Image.Image, scores: np.ndarray) -> np.ndarray:
    """A score map (h, w) in [0, 1], smoothed to the image's size, over the image in grey; uint8 (H, W, 3)."""
    smooth = Image.fromarray(scores.astype(np.float32)).resize(image.size, Image.Resampling.BILINEAR)
    heat = plt.get_cmap(COLORMAP)(np.clip(np.asarray(smooth), 0, 1))[..., :3]  # (H, W, 3)
    grey = np.asarray(image.convert("L"), dtype=float)[..., None] / 255  # (H, W, 1)
    return ((OVERLAY * heat + (1 - OVERLAY) * grey) * 255).astype(np.uint8)


def show(axes: Axes, pixels: np.ndarray) -> None:
    """An image without ticks or frame."""
    axes.imshow(pixels, interpolation="bilinear")
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)


def note(axes: Axes, text: str) -> None:
    """A few words at the lower edge of an image."""
    box = {"facecolor": "black", "alpha": 0.6, "linewidth": 0, "pad": 1}
    axes.text(
        0.5, 0.02, text, transform=axes.transAxes, ha="center", va="bottom", fontsize=5.5, color="white", bbox=box
    )


def draw_box(axes: Axes, box: np.ndarray, color: str) -> None:
    """A box x0, y0, x1, y1 with a dark rim, visible on light and dark ground."""
    x0, y0, x1, y1 = box
    for line_color, line_width in (("black", 2.2), (color, 1.2)):
        axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=line_color, linewidth=line_width))
