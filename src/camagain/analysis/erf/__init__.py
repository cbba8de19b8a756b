"""The effective receptive field (ERF): which pixels the centre of the last feature maps depends on."""

from importlib import import_module
from typing import Any

__all__ = ["area_ratios", "contribution_map"]

MODULES = {"area_ratios": "area", "contribution_map": "contribution"}
"""The module of each public function, imported when the function is asked for: tables and figures need no torch."""


def __getattr__(name: str) -> Any:
    if name in MODULES:
        return getattr(import_module(f"{__name__}.{MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
