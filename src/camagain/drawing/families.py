"""Which family an architecture belongs to: what the paper compares, and what colours and correlations go by."""

from collections.abc import Mapping

FAMILIES: Mapping[str, str] = {"resnet": "ResNet", "convnext": "ConvNeXt", "replknet": "RepLKNet", "slak": "SLaK"}
"""Part of the architecture's name -> how the family is written, in the order of the paper's first figure."""


def family_of(architecture: str) -> str | None:
    """The key of an architecture's family, or None where it belongs to none of them."""
    return next((family for family in FAMILIES if family in architecture.lower()), None)
