"""The figure that people look at: images with their score maps, the true box and the predicted box."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from PIL import Image

from camagain.datasets.index import image_path, read_index
from camagain.drawing.results import MAP_NAMES, RunResults
from camagain.drawing.style import PAGE_INCHES

TRUE_COLOR = "#FFFFFF"
PREDICTED_COLOR = "#FFD400"
COLORMAP = "inferno"
OVERLAY = 0.55
"""Opacity of the score map over the greyed image."""


def heatmap_figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """Rows of test images from the worst to the best localized, columns of models, for the first method.

    Images are chosen at equal steps of their rank by mean IoU over the models, so that failures show as often as they
    happen. Boxes are those at the threshold that is best on the test split.
    """
    method = results.experiment.localization.methods[0]
    index = read_index(results.paths.index, "test").set_index("image_id")
    per_model = {model: results.images(model, method).set_index("image_id") for model in results.models}
    mean_iou = pd.DataFrame({model: table["iou"] for model, table in per_model.items()}).mean(axis=1)
    count = min(results.experiment.figures.heatmap_images, len(mean_iou))
    ranked = mean_iou.sort_values(kind="stable").index
    chosen = [ranked[round(share * (len(ranked) - 1))] for share in np.linspace(0.04, 0.96, count)]

    columns = 1 + len(results.models)
    width = PAGE_INCHES / count
    figure, grid = plt.subplots(
        columns, count, figsize=(PAGE_INCHES, width * columns * 1.14), squeeze=False, layout="constrained"
    )
    rows = []
    for column, image_id in enumerate(chosen):
        record = index.loc[image_id]
        with Image.open(image_path(results.paths.index, record["path"])) as file:
            image = square(file.convert("RGB"))
        scale = np.array([image.width / record["width"], image.height / record["height"]] * 2)
        top = grid[0, column]
        show(top, np.asarray(image))
        for box in record["boxes"]:
            draw_box(top, box * scale, TRUE_COLOR)
        for row, model in enumerate(results.models, start=1):
            found = per_model[model].loc[image_id]
            axes = grid[row, column]
            show(axes, overlay(image, score_map(results, model, method, image_id)))
            for box in record["boxes"]:
                draw_box(axes, box * scale, TRUE_COLOR)
            draw_box(axes, found[["x0", "y0", "x1", "y1"]].to_numpy(dtype=float) * scale, PREDICTED_COLOR)
            axes.set_title(f"IoU {found['iou']:.2f}", pad=2, fontsize=6.5)
            if not found["class_correct"]:
                note(axes, "wrong class")
            rows.append({"image_id": image_id, "model": model, "method": method, **found.to_dict()})
    for row, name in enumerate(["image", *results.models]):
        grid[row, 0].set_ylabel(name.replace("_", "\n"), fontsize=7)
    legend = [
        Line2D([], [], color=TRUE_COLOR, linewidth=1.5, label="true box"),
        Line2D([], [], color=PREDICTED_COLOR, linewidth=1.5, label=f"box from {MAP_NAMES[method]}, at the best τ"),
    ]
    figure.legend(
        handles=legend, loc="outside lower center", ncols=2, labelcolor="white", frameon=True, facecolor="#303030"
    )
    return figure, pd.DataFrame(rows)


def square(image: Image.Image, side: int = 224) -> Image.Image:
    """An image warped to the square that the network saw, large enough to print."""
    return image.resize((side, side), Image.Resampling.BICUBIC)


def score_map(results: RunResults, model: str, method: str, image_id: str) -> np.ndarray:
    """One stored score map (h, w)."""
    with np.load(results.paths.localization(model) / "maps.npz") as arrays:
        return arrays[method][np.flatnonzero(arrays["image_id"] == image_id)[0]]


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
