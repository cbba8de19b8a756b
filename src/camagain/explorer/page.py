"""Writes the explorer of a run: one page that works from a folder, with all maps of its test images inside."""

import base64
import json
import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
import numpy as np
import pandas as pd

from camagain.artifacts import RunPaths, existing, read_json, write_text
from camagain.config import Experiment
from camagain.config.methods import METHOD_NAMES
from camagain.datasets.index import image_path, read_index
from camagain.errors import UserError
from camagain.evaluation.inputs import Truth, read_maps, read_truths
from camagain.evaluation.score_maps import SCRIPT_SIZE
from camagain.evaluation.scored import DELTA, threshold_grid
from camagain.explorer.resizing import resizing
from camagain.progress import track


def write_explorer(experiment: Experiment, paths: RunPaths) -> None:
    """Writes `explorer/index.html` of a run from its index, maps and evaluation (docs/artifacts.md).

    Photographs are not copied: the page refers to them by their paths from its own folder. A model without scores is
    left out and named. UserError where no model has any, or files do not cover the same images.
    """
    truth = read_truths(paths.index, experiment.evaluation.size)["test"]
    made = [name for name in experiment.trainings if _is_evaluated(experiment, paths, name)]
    if not made:
        existing(paths.metrics(experiment.trainings[0], experiment.localization.methods[0]))
    keys = [(training, method) for training in made for method in experiment.localization.methods]
    maps, sets = [], []
    for training, method in track(keys, len(keys), "explorer"):
        stored = read_maps(paths.maps(training), method, {"test": truth})["test"].astype("<f4")  # (N, h, w)
        maps.append(base64.b64encode(stored.tobytes()).decode())
        sets.append(_set(experiment, paths, training, method, truth) | {"shape": list(stored.shape[1:])})
    about = {
        "run": experiment.run,
        "size": experiment.evaluation.size,
        "scriptSize": SCRIPT_SIZE,
        "step": experiment.evaluation.threshold_step,
        "thresholds": len(threshold_grid(experiment.evaluation.threshold_step)),
        "delta": DELTA,
        "classes": read_json(paths.description)["classes"],
        "missing": [name for name in experiment.trainings if name not in made],
        "sets": sets,
        "resizings": _resizings(experiment, sets),
        "images": _images(paths, truth),
    }
    write_text(paths.explorer, page(about, maps))


def page(about: Mapping[str, Any], maps: list[str]) -> str:
    """The page as text: what is known of images and sets, and for each set its maps, float32 in base64.

    The maps stand last, so that the first view is there before they are read.
    """
    folder = files("camagain.explorer")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string(folder.joinpath("explorer.html.j2").read_text("utf-8"))
    resources = {name: folder.joinpath(name).read_text("utf-8") for name in ("explorer.css", "boxes.js", "explorer.js")}
    return template.render(
        run=about["run"],
        data=_inside_script(about),
        maps=maps,
        style=resources["explorer.css"],
        scripts=[resources["boxes.js"], resources["explorer.js"]],
    )


def _inside_script(value: Mapping[str, Any]) -> str:
    """JSON that cannot end the element that it stands in, whatever names it holds."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _is_evaluated(experiment: Experiment, paths: RunPaths, training: str) -> bool:
    return all(paths.metrics(training, method).is_file() for method in experiment.localization.methods)


def _images(paths: RunPaths, truth: Truth) -> dict[str, Any]:
    """The test images in the order of the truth: address from the page, class, size, true boxes in pixels of a map."""
    rows = read_index(paths.index, "test").set_index("image_id").loc[truth.image_id]
    folder = paths.explorer.absolute().parent
    addresses = [os.path.relpath(image_path(paths.index, name).absolute(), folder) for name in rows["path"]]
    return {
        "id": truth.image_id,
        "address": [quote(Path(address).as_posix()) for address in addresses],
        "label": truth.label.tolist(),
        "width": truth.width.tolist(),
        "height": truth.height.tolist(),
        "boxes": [boxes.tolist() for boxes in truth.boxes],
    }


def _set(experiment: Experiment, paths: RunPaths, training: str, method: str, truth: Truth) -> dict[str, Any]:
    """What the evaluation says of one method of one model, image by image at its best threshold."""
    path = paths.images(training, method)
    table = pd.read_parquet(existing(path)).set_index("image_id")
    if sorted(table.index) != sorted(truth.image_id):
        raise UserError(
            f"{path}: {len(table)} images, which are not the {len(truth.image_id)} test images of {paths.index}. "
            "Run `camagain evaluate` again."
        )
    table = table.loc[truth.image_id]
    metrics, size = read_json(paths.metrics(training, method)), experiment.evaluation.size
    original = np.stack([truth.width, truth.height] * 2, axis=1)  # (N, 4)
    boxes = np.rint(table[["x0", "y0", "x1", "y1"]].to_numpy(np.float64) * size / original).astype(int)
    settings = metrics["settings"]
    return {
        "model": training,
        "method": method,
        "title": METHOD_NAMES[method],
        "variant": settings["variant"],
        "interpolation": settings["interpolation"],
        "best": round(metrics["figures"]["max_box_acc"]["threshold"] / experiment.evaluation.threshold_step),
        "predicted": [int(label) for label in table["predicted"]],
        "iou": [round(value, 4) for value in table["iou"]],
        "right": [int(right) for right in table["correct"]],
        "box": boxes.ravel().tolist(),
    }


def _resizings(experiment: Experiment, sets: list[dict[str, Any]]) -> dict[str, Any]:
    """How each axis of each kind of map is resized, under the names that the page looks for."""
    size, interpolation = experiment.evaluation.size, experiment.evaluation.interpolation
    found = {}
    for side in sorted({side for entry in sets for side in entry["shape"]}):
        found[f"script {side}"] = resizing(side, SCRIPT_SIZE, np.float32, "linear").plain()
        found[f"{side}"] = resizing(side, size, np.float64, interpolation).plain()
    found["from script"] = resizing(SCRIPT_SIZE, size, np.float64, interpolation).plain()
    return found
