"""Which models of an experiment differ in the size of their depthwise kernels alone."""

from collections.abc import Mapping

from camagain.config import Experiment, Model
from camagain.families import FAMILIES, family_of

SIZES = ("kernels", "kernel_sizes")
"""Options that set kernel sizes: of RepLKNet and SLaK a list of one for each stage, of ConvNeXt one number for all."""

FEWEST = 3
"""Fewest sizes of a series: two cannot depart from a straight line."""


def kernel_series(experiment: Experiment) -> dict[str, dict[str, int]]:
    """Series name -> model -> K, smallest first: models of one architecture and recipe with K x K kernels throughout.

    A series is named after its family, or after its architecture where a family has several. Models whose stages have
    kernels of different sizes belong to none.
    """
    found: dict[str, dict[str, int]] = {}
    architectures: dict[str, str] = {}
    for model in experiment.models:
        side = side_of(model)
        if side is not None:
            options = {key: value for key, value in dict(model.options).items() if key not in SIZES}
            alike = model.model_copy(update={"name": "series", "options": options}).model_dump_json()
            found.setdefault(alike, {})[model.name] = side
            architectures[alike] = model.architecture
    kept = {key: members for key, members in found.items() if len(set(members.values())) >= FEWEST}
    names = series_names({key: architectures[key] for key in kept})
    return {names[key]: dict(sorted(members.items(), key=lambda member: member[1])) for key, members in kept.items()}


def side_of(model: Model) -> int | None:
    """K, where a model's options give all its stages K x K kernels; else None."""
    options: Mapping[str, object] = dict(model.options)
    for key in SIZES:
        match options.get(key):
            case int() as side if key == "kernel_sizes":
                return side
            case list() | tuple() as sides if len(set(sides)) == 1:
                return int(sides[0])
    return None


def series_names(architectures: Mapping[str, str]) -> dict[str, str]:
    """A name for each series (key -> architecture): the family's if no other series has it, else the architecture."""
    families = {key: family_of(architecture) for key, architecture in architectures.items()}
    names = {}
    for key, architecture in architectures.items():
        family = families[key]
        alone = family is not None and list(families.values()).count(family) == 1
        names[key] = FAMILIES[family].name if family and alone else architecture
    if len(set(names.values())) < len(names):
        names = {key: f"{name}, series {number}" for number, (key, name) in enumerate(names.items(), start=1)}
    return names
