"""The effective receptive field (ERF): which pixels the centre of the last feature maps depends on."""

from typing import Any

__all__ = ["area_ratios", "contribution_map"]


def __getattr__(name: str) -> Any:
    """The two public functions, imported when they are asked for: tables and figures of the ERF need no torch."""
    if name == "area_ratios":
        from camagain.analysis.erf.area import area_ratios

        return area_ratios
    if name == "contribution_map":
        from camagain.analysis.erf.contribution import contribution_map

        return contribution_map
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
