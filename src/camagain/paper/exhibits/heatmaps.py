"""Images with their score maps, the true box and the predicted box."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from camagain.artifacts import existing
from camagain.datasets.index import image_path, read_index
from camagain.datasets.opened import open_image
from camagain.drawing.maps import PREDICTED_COLOR, TRUE_COLOR, draw_box, note, overlay, show, square
from camagain.drawing.results import MAP_NAMES, RunResults
from camagain.drawing.style import PAGE_INCHES
from camagain.families import family_of

NAME = "heatmaps"
TITLE = "What the maps look like"
PLACE = 3
KEYS = ("image_id", "model", "method")
CAPTION = (
    "Test images at equal steps from the worst to the best localized, so that failures show as often as they "
    "happen. White: true box. Yellow: predicted box at the threshold that is best on the test split. Bright: high "
    "score. Of more than 15 networks, of each family those with the worst and the best boxes."
)
UNJUDGED = "it shows examples, chosen by rank"
PHOTOGRAPHS = True

MOST = 15
"""Networks of which each has a row; of more the figure would be longer than anybody scrolls."""


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """Columns of test images from the worst to the best localized, rows of models, for the first method.

    Images are chosen at equal steps of their rank by mean IoU over all models, so that failures show as often as they
    happen. Boxes are those at the threshold that is best on the test split.
    """
    method = results.experiment.localization.methods[0]
    index = read_index(results.paths.index, "test").set_index("image_id")
    per_model = {model: results.images(model, method).set_index("image_id") for model in results.models}
    mean_iou = pd.DataFrame({model: table["iou"] for model, table in per_model.items()}).mean(axis=1)
    count = min(results.experiment.figures.heatmap_images, len(mean_iou))
    ranked = mean_iou.sort_values(kind="stable").index
    chosen = [ranked[round(share * (len(ranked) - 1))] for share in np.linspace(0.04, 0.96, count)]

    models = shown(results, method)
    width = PAGE_INCHES / count
    page, grid = plt.subplots(
        1 + len(models),
        count,
        figsize=(PAGE_INCHES, width * (1 + len(models)) * 1.14),
        squeeze=False,
        layout="constrained",
    )
    maps = {model: stored_maps(results, model, method) for model in models}
    rows = []
    for column, image_id in enumerate(chosen):
        record = index.loc[image_id]
        with open_image(image_path(results.paths.index, record["path"])) as file:
            image = square(file.convert("RGB"))
        scale = np.array([image.width / record["width"], image.height / record["height"]] * 2)
        top = grid[0, column]
        show(top, np.asarray(image))
        for box in record["boxes"]:
            draw_box(top, box * scale, TRUE_COLOR)
        for row, model in enumerate(models, start=1):
            found = per_model[model].loc[image_id]
            axes = grid[row, column]
            show(axes, overlay(image, maps[model][image_id]))
            for box in record["boxes"]:
                draw_box(axes, box * scale, TRUE_COLOR)
            draw_box(axes, found[["x0", "y0", "x1", "y1"]].to_numpy(dtype=float) * scale, PREDICTED_COLOR)
            axes.set_title(f"IoU {found['iou']:.2f}", pad=2, fontsize=6.5)
            if not found["class_correct"]:
                note(axes, "wrong class")
            rows.append({"image_id": image_id, "model": model, "method": method, **found.to_dict()})
    for row, name in enumerate(["image", *models]):
        grid[row, 0].set_ylabel(name.replace("_", "\n"), fontsize=7)
    legend = [
        Line2D([], [], color=TRUE_COLOR, linewidth=1.5, label="true box"),
        Line2D([], [], color=PREDICTED_COLOR, linewidth=1.5, label=f"box from {MAP_NAMES[method]}, at the best τ"),
    ]
    page.legend(
        handles=legend, loc="outside lower center", ncols=2, labelcolor="white", frameon=True, facecolor="#303030"
    )
    return page, pd.DataFrame(rows)


def shown(results: RunResults, method: str) -> list[str]:
    """The models that have a row: all, or of many those of each family with the lowest and the highest MaxBoxAcc."""
    models = list(results.models)
    if len(models) <= MOST:
        return models
    boxes = pd.Series({model: results.scores(model, method)["max_box_acc"]["value"] for model in models})
    families = boxes.groupby([family_of(results.architectures[model]) or "" for model in models])
    ends = {*families.idxmin(), *families.idxmax()}
    return [model for model in models if model in ends]


def stored_maps(results: RunResults, model: str, method: str) -> dict[str, np.ndarray]:
    """The score map (h, w) of every image by its id."""
    with np.load(existing(results.paths.maps(results.training(model)))) as arrays:
        return dict(zip(arrays["image_id"], arrays[method], strict=True))
