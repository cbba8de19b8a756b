"""The measures of faithfulness: what they are called, their unit, and which side is better. Never imports torch."""

from collections.abc import Mapping
from typing import NamedTuple


class Measure(NamedTuple):
    """One measure: its title, unit, and 1 where a high value is better, else -1."""

    title: str
    unit: str
    better: int


MEASURES: Mapping[str, Measure] = {
    "insertion": Measure("Insertion", "percent", 1),
    "deletion": Measure("Deletion", "percent", -1),
    "average_drop": Measure("Average drop", "percent", -1),
    "increase": Measure("Increase", "percent", 1),
    "road": Measure("ROAD", "points", 1),
}

REFERENCE = "centre-gaussian"
"""A map that never looks at the image, measured beside the methods."""
