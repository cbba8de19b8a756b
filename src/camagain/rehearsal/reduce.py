"""The reduced experiment of a rehearsal: which settings change. All others stay as they are."""

import os
from pathlib import Path
from typing import Any

from camagain.config import Experiment, Model
from camagain.config.analysis import declared
from camagain.config.base import flat
from camagain.config.file import parse_experiment
from camagain.families import family_of
from camagain.rehearsal.choice import chosen

SUFFIX = "-rehearsal"
"""Behind the name of the run, so that no report of a rehearsal is taken for one of the experiment."""

INPUT = 64
"""Largest side of the input, pixels: the largest strides, 32, still leave 2 x 2 cells."""

EPOCHS = 1
SEEDS = 2
"""At most: with two, tables show means and deviations over seeds as with many."""

AT_MOST: dict[str, int] = {
    "evaluation.bootstrap": 100,
    "figures.heatmap_images": 3,
    "analysis.erf.images": 2,
    "analysis.initialization.seeds": 1,
    "analysis.initialization.images": 4,
    "analysis.texture.images": 16,
    "analysis.faithfulness.images": 2,
    "analysis.faithfulness.steps": 2,
    "analysis.interventions.seeds": 1,
    "analysis.interventions.epochs": 1,
    "analysis.cuts.images": 16,
}
"""Sample sizes: each keeps its value where that is smaller."""

AT_LEAST: dict[str, float] = {"analysis.remedies.head_weight_decay": 10.0}
"""Penalties. Features of random networks hardly differ between images, and a weakly penalised fit to them takes long:
600 images, 2,048 channels and 200 classes 302 iterations of half a second with 0.1, and 22 with this one."""

FIRST = ("analysis.texture.smoothing", "analysis.interventions.enlarge", "analysis.interventions.shrink")
"""Lists of sizes of which the first is enough."""

NARROW: dict[str, dict[str, list[int]]] = {
    "resnet": {"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 32]},
    "convnext": {"depths": [1, 1, 1, 1], "dims": [8, 8, 16, 16]},
    "replknet": {"depths": [1, 1, 1, 1], "widths": [8, 8, 16, 16]},
    "slak": {"depths": [1, 1, 1, 1], "dims": [8, 8, 16, 16]},
}
"""By family the options that make its networks narrow: one block a stage. ResNet's widths all differ where strides are
dropped: it has shortcuts with weights only where stride or width change, and a file for other strides would not fit."""


def reduced(experiment: Experiment, dataset: dict[str, Any], narrow: bool) -> Experiment:
    """The experiment with few models, small inputs, short recipes and small samples, on the dataset given.

    What decides on the code that runs stays: optimiser, precision, accumulation, augmentations, schedule, methods,
    variant and tap, analyses, device. `narrow`: with narrow networks, too.
    """
    values = experiment.model_dump(mode="json")
    models = chosen(experiment)
    scale = min(1.0, INPUT / experiment.input.size)
    values["run"] += SUFFIX
    values["purpose"] = (
        f"A rehearsal of '{experiment.run}' on drawn birds, from random weights in the places of the real ones. Its "
        "numbers mean nothing; it shows that every step runs."
    )
    values["seeds"] = values["seeds"][:SEEDS]
    values["dataset"] = dataset
    values["input"]["size"] = round(scale * experiment.input.size)
    values["training"] = _shortened(values["training"], scale)
    values["models"] = [_model(model, scale, narrow) for model in models]
    values["compute"]["threads"] = min(experiment.compute.threads, os.cpu_count() or 1)
    values["compute"]["downloads"] = inside(experiment.compute.downloads).as_posix()
    analysis = values["analysis"]
    erf = analysis["erf"]
    erf["size"] = None if erf["size"] is None else _side(erf["size"], scale)
    erf["other_sizes"] = list(dict.fromkeys(_side(size, scale) for size in erf["other_sizes"]))
    for name, stage in declared().items():
        if stage.models:
            kept = {model.name for model in models}
            analysis[name]["models"] = [model for model in analysis[name]["models"] if model in kept]
    idle = tuple(f"analysis.{name}." for name in declared() if not experiment.jobs(name))
    for key, most in AT_MOST.items():
        section, name = _place(values, key)
        if not key.startswith(idle):
            section[name] = most if section[name] is None else min(most, section[name])
    for key, least in AT_LEAST.items():
        section, name = _place(values, key)
        if not key.startswith(idle):
            section[name] = max(least, section[name])
    for key in FIRST:
        section, name = _place(values, key)
        if not key.startswith(idle):
            section[name] = section[name][:1]
    return parse_experiment(values, f"the rehearsal of {experiment.run}")


def inside(path: Path) -> Path:
    """Where a file of the experiment lies inside the folder of a rehearsal: the same relative path where it has one."""
    path = Path(path)
    return Path("downloads", path.name) if path.is_absolute() or set(path.parts) & {"..", "~"} else path


def changes(before: Experiment, after: Experiment) -> list[str]:
    """A line for each setting that differs, with both values; models that were left out make one line."""
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    kept = [model.name for model in after.models]
    lines = []
    if len(before.models) > len(kept):
        lines.append(f"models: {len(before.models)} -> {len(kept)} ({', '.join(kept)})")
    for values in (old, new):
        models = {model["name"]: model for model in values.pop("models")}
        values["models"] = {name: models[name] for name in kept}
        del values["purpose"], values["training"]  # every model has its own copy
    old, new = flat(old), flat(new)
    return lines + [
        f"{key}: {old.get(key, 'not set')} -> {new.get(key, 'not set')}"
        for key in dict.fromkeys([*old, *new])
        if old.get(key) != new.get(key)
    ]


def _model(model: Model, scale: float, narrow: bool) -> dict[str, Any]:
    values = model.model_dump(mode="json")
    values["training"] = _shortened(values["training"], scale)
    if narrow:
        values["options"] |= narrow_options(model.architecture)
    return values


def narrow_options(architecture: str) -> dict[str, list[int]]:
    """The options that make a network narrow; none outside of the families of `NARROW`."""
    return NARROW.get(family_of(architecture) or "", {})


def _shortened(recipe: dict[str, Any], scale: float) -> dict[str, Any]:
    """A recipe of one epoch at most, whose warm-up and steps keep their shares of it."""
    recipe = {**recipe, "augmentation": dict(recipe["augmentation"])}
    share = min(1.0, EPOCHS / recipe["epochs"]) if recipe["epochs"] else 1.0
    for key in ("warmup_epochs", "step_epochs"):
        recipe[key] = recipe[key] and recipe[key] * share
    recipe["epochs"] = min(EPOCHS, recipe["epochs"])
    recipe["snapshot_every"] = min(EPOCHS, recipe["snapshot_every"])
    recipe["first_size"] = recipe["first_size"] and _side(recipe["first_size"], scale)
    crop_from = recipe["augmentation"]["crop_from"]
    recipe["augmentation"]["crop_from"] = crop_from and round(scale * crop_from)
    return recipe


def _side(size: int, scale: float) -> int:
    return max(32, round(scale * size))


def _place(values: dict[str, Any], key: str) -> tuple[dict[str, Any], str]:
    """The section that holds a dotted key, and the key's last name."""
    *sections, name = key.split(".")
    for section in sections:
        values = values[section]
    return values, name
