"""Which models of an experiment a rehearsal keeps: the fewest with every kind of network, of weights and of recipe."""

from collections.abc import Hashable
from typing import Any

from camagain.config import Experiment, Model
from camagain.config.analysis import declared
from camagain.config.base import flat
from camagain.families import family_of, untagged


def chosen(experiment: Experiment) -> tuple[Model, ...]:
    """The models that a rehearsal keeps, in the order of the file.

    Again and again the model with most traits that no chosen one has, the first of equals, until none has a new one.
    """
    traits = {model.name: _traits(experiment, model) for model in experiment.models}
    missing, names = set().union(*traits.values()), set()
    while missing:
        best = max(traits, key=lambda name: len(traits[name] & missing))  # max takes the first of equals
        names.add(best)
        missing -= traits[best]
    return tuple(model for model in experiment.models if model.name in names)


def _traits(experiment: Experiment, model: Model) -> set[Hashable]:
    """What decides on the code that a model runs through.

    Its family (outside of families its architecture) together with the source of its weights; the options that it
    sets; of each key of the recipe its value, of numbers only whether they are zero; the analyses that name it.
    """
    network = family_of(model.architecture) or untagged(model.architecture)
    named = {
        ("analysis", name)
        for name, stage in declared().items()
        if stage.models and model.name in stage.models(experiment.analysis.of(name))
    }
    recipe = {("recipe", key, _kind(value)) for key, value in flat(model.training.model_dump(mode="json")).items()}
    options = {("option", key) for key in model.options}
    return {("network", network, model.weights, model.classifier), *options, *recipe, *named}


def _kind(value: Any) -> Hashable:
    return value if isinstance(value, str | bool) else bool(value)
