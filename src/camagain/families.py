"""Families of networks, which the paper compares and which decide colours and groups of correlations.

Each module of `camagain.models.families` declares one, and registers with timm the networks of it that timm lacks. The
declarations are read without importing torch, because tables, figures and comparisons need no network.
"""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from pydantic import Field

from camagain.config.base import Settings
from camagain.errors import UserError
from camagain.registry import declarations, source_of


class Family(Settings):
    """A family of networks, as its module declares it."""

    name: str = Field(description="Name in tables and figures.")
    key: str = Field(
        pattern=r"[a-z0-9_]+", description="The part of an architecture's name by which it is known; its key in tables."
    )
    year: int = Field(description="Year of its publication: tables and figures show the families in this order.")
    color: str = Field(pattern=r"#[0-9A-F]{6}", description="In every figure.")
    modern: bool = Field(description="Whether it counts as a modern network in the paper's claim on remedies.")


def _modules() -> Mapping[Family, str]:
    """Every family and its module, in the order of their publication; UserError where two have something in common."""
    found = sorted(declarations("camagain.models.families", Family), key=lambda pair: (pair[1].year, pair[1].key))
    for field in ("name", "key", "color"):
        owners: dict[str, str] = {}
        for module, family in found:
            value = getattr(family, field)
            if value in owners:
                raise UserError(f"{source_of(module)}: {field} '{value}' is that of {owners[value]}; choose another.")
            owners[value] = str(source_of(module))
    return MappingProxyType({family: module for module, family in found})


MODULES: Mapping[Family, str] = _modules()

FAMILIES: Mapping[str, Family] = MappingProxyType({family.key: family for family in MODULES})
"""Every family by its key, in the order of their publication."""


def family_of(architecture: str) -> str | None:
    """The key of an architecture's family, or None where it belongs to none of them; of several the longest."""
    return max((key for key in FAMILIES if key in architecture.lower()), key=len, default=None)


def family_module(architecture: str) -> str | None:
    """The module of an architecture's family, or None where it belongs to none of them."""
    key = family_of(architecture)
    return MODULES[FAMILIES[key]] if key else None


def untagged(architecture: str) -> str:
    """An architecture without the tag of its weights, with the kernels that the tag stands for where it names some.

    Networks of one such name differ in their weights alone: with random weights of one seed they are the same.
    """
    name, kernels = architecture.partition(".")[0], _kernels_of_weights().get(architecture)
    return f"{name}, kernels {kernels}" if kernels else name


@cache
def _kernels_of_weights() -> Mapping[str, str]:
    """The largest kernels of published weights by their name, where the architecture alone does not decide them."""
    table = (files("camagain") / "models" / "sources.csv").read_text(encoding="utf-8")
    return {row["name"]: row["kernels"] for row in csv.DictReader(table.splitlines()) if row["kernels"]}
