"""Where images come from: each module of `camagain.datasets.kinds` is one kind of dataset, with its settings.

Their modules are imported here for the settings alone; torch and pandas are imported when a dataset is read.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import reduce
from importlib import import_module
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from camagain.config.base import Name, Settings
from camagain.config.faults import kind_of
from camagain.errors import UserError
from camagain.registry import functions, members, source_of


class DatasetSettings(Settings):
    """Base of the settings of every kind; a kind adds `kind: Literal["<its name>"]` and its own keys.

    A kind that takes the validation images out of the training part has the keys `val_per_class` and `split_seed`.
    """

    may_be_published: ClassVar[bool]
    """Whether pictures that show its images may leave this machine. Every kind has to say."""

    licence: ClassVar[str] = "Not known to camagain; ask whoever owns the images."
    """Under which licence its images can be had: an address, or a sentence."""

    deciding_parts: ClassVar[frozenset[str]] = frozenset()
    """The parts in which alone classes differ, by their names in the index, which gives boxes of them; empty where
    nobody knows."""

    places: ClassVar[frozenset[str]] = frozenset()
    """Keys that say where files come from and change nothing in the dataset: nothing runs again because of them."""

    retries: ClassVar[int] = 0
    """How often a failed job is tried again: for kinds that download."""

    kind: str
    name: Name


SPLIT_SEED = "Chooses the validation images. Another `seed` of the experiment leaves them as they are."
"""Description of `split_seed`, for the kinds that have it."""


def _class_of(module: str) -> type[DatasetSettings]:
    """The settings class of one kind; UserError where its module is not complete."""
    path = source_of(module)
    found = [
        value
        for value in vars(import_module(module)).values()
        if isinstance(value, type) and issubclass(value, DatasetSettings) and value.__module__ == module
    ]
    if len(found) != 1:
        raise UserError(f"{path}: found {len(found)} classes of settings; expected one that extends DatasetSettings.")
    settings = found[0]
    if not kind_of(settings):
        raise UserError(f'{path}: {settings.__name__} has no field `kind: Literal["<name of the kind>"]`.')
    if not isinstance(getattr(settings, "may_be_published", None), bool):
        raise UserError(
            f"{path}: {settings.__name__} does not say whether its images may be published; add "
            "`may_be_published: ClassVar[bool] = False`, or True."
        )
    unknown = sorted(settings.places - settings.model_fields.keys())
    if unknown:
        raise UserError(f"{path}: {settings.__name__}.places names {unknown}, which are no keys of it.")
    if "read" not in functions(path):
        raise UserError(f"{path}: has no function `read(settings, folder)` that gives its images.")
    return settings


def _kinds() -> dict[str, tuple[str, type[DatasetSettings]]]:
    """Module and settings of every kind; UserError where two have one name."""
    found: dict[str, tuple[str, type[DatasetSettings]]] = {}
    for module in members("camagain.datasets.kinds"):
        settings = _class_of(module)
        kind = kind_of(settings)
        if kind in found:
            raise UserError(f"{source_of(module)}: the kind '{kind}' is that of {source_of(found[kind][0])}.")
        found[kind] = module, settings
    return found


KINDS: Mapping[str, tuple[str, type[DatasetSettings]]] = _kinds()
"""Every kind of dataset: its module and its settings."""

if TYPE_CHECKING:
    Dataset = DatasetSettings
else:
    Dataset = Annotated[reduce(or_, (settings for _, settings in KINDS.values())), Field(discriminator="kind")]


def kind_module(kind: str) -> str:
    """The module of a kind."""
    return KINDS[kind][0]


def may_be_published(kind: str) -> bool:
    """Whether pictures that show images of this kind of dataset may leave this machine; unknown kinds may not."""
    return kind in KINDS and KINDS[kind][1].may_be_published


def licence(kind: str) -> str:
    """Under which licence images of this kind of dataset can be had: an address, or a sentence."""
    return (KINDS[kind][1] if kind in KINDS else DatasetSettings).licence


def contents(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a dataset, as plain values, that the content of its folder depends on."""
    places = KINDS[values["kind"]][1].places if values["kind"] in KINDS else frozenset()
    return {key: value for key, value in values.items() if key not in places}


def folder_name(dataset: DatasetSettings) -> str:
    """The folder of a dataset under `data/`: its name, and 8 digits that depend on its content.

    Two experiments thus share equal data and never write over each other's.
    """
    text = json.dumps(contents(dataset.model_dump(mode="json")), sort_keys=True)
    return f"{dataset.name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
