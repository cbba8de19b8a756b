"""Which models of an experiment differ in nothing but their training, and in what."""

from camagain.config import Experiment, Model
from camagain.config.base import flat


def recipe_groups(experiment: Experiment) -> list[tuple[Model, ...]]:
    """Models of one architecture, options and starting weights, in the experiment's order; groups of two or more."""
    groups: dict[str, list[Model]] = {}
    for model in experiment.models:
        key = model.model_dump_json(include={"architecture", "options", "weights"})
        groups.setdefault(key, []).append(model)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def changed_keys(model: Model, reference: Model) -> str:
    """How a recipe differs from another one, as "augmentation.flip: 0.0 → 0.5"; empty where it does not."""
    own, other = flat(model.training.model_dump(mode="json")), flat(reference.training.model_dump(mode="json"))
    return ", ".join(f"{key}: {other[key]} → {own[key]}" for key in own if own[key] != other[key])
