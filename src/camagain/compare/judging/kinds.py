"""The tables of a run that a comparison judges: what identifies a row of each, and what it belongs to."""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Literal

import pandas as pd

from camagain.artifacts import INSIDE
from camagain.compare.judging.joined import is_number
from camagain.paper.registry import Exhibit, exhibits

Section = Literal["scores", "tables", "figure data", "analyses", "curves", "training"]
SECTIONS: tuple[Section, ...] = ("scores", "tables", "analyses", "figure data", "curves", "training")
"""In the order of the report."""


@dataclass(frozen=True)
class Kind:
    """One kind of table: where it lies, and the columns that identify a row.

    `analysis`: the one that measured it; empty for what is made of scores. `unjudged`: why a difference means nothing,
    for tables that show examples or the machine; empty for all others.
    """

    pattern: str
    section: Section
    keys: tuple[str, ...]
    analysis: str = ""
    unjudged: str = ""


SCORES = Kind(INSIDE.metrics("*", "*").as_posix(), "scores", ("model", "method", "figure"))
"""The scores of all maps as one table; each is a share of the test images, or a mean of three."""

CURVES = Kind(INSIDE.curve("*", "*").as_posix(), "curves", ("split", "contours", "delta", "threshold"))

# fmt: off
ABOUT = frozenset({
    "architecture", "family", "dataset", "own_dataset", "test_images", "own_test_images", "train_images", "classes",
    "seed", "precision", "device", "sha256", "source", "starting_weights",
})
# fmt: on
"""Columns that say what a row is about, and not what was found: they differ where the runs do (see `causes`)."""

# fmt: off
ACCOMPANYING_NUMBERS = frozenset({
    "threshold", "p_value", "p_holm", "p_line", "gained", "lost", "constant_maps", "furthest_kernel",
    "furthest_departure",
})
# fmt: on
"""Numbers that a table gives beside its values: where a maximum lies, counts and tests behind a difference."""

ARTIFACTS = (
    SCORES,
    CURVES,
    Kind(INSIDE.choices("*", "*").as_posix(), "curves", ("model", "method", "figure", "changed")),
    Kind(INSIDE.history("*").as_posix(), "training", ("epoch",)),
)
"""The tables of a run that no exhibit describes."""


@cache
def kinds() -> tuple[Kind, ...]:
    """Every kind of table."""
    return (*ARTIFACTS, *(kind for exhibit in exhibits() for kind in kinds_of(exhibit)))


def kinds_of(exhibit: Exhibit) -> Iterator[Kind]:
    """The tables of an exhibit: its own, what its figure draws, and of an analysis the measured rows of each model."""
    belongs = exhibit.analysis, exhibit.unjudged
    if exhibit.has("tables"):
        yield Kind(f"tables/{exhibit.name}.csv", "tables", exhibit.keys, *belongs)
    if exhibit.has("figures"):
        yield Kind(f"figures/{exhibit.name}.csv", "figure data", exhibit.figure_keys, *belongs)
    if exhibit.is_of_analysis:
        keys = tuple(key for key in exhibit.keys if key != "model")
        yield Kind(INSIDE.findings(exhibit.name, "*").as_posix(), "analyses", keys, *belongs)


@cache
def kind_of(file: str) -> Kind | None:
    """The kind of a table of a run, by its path inside it; None for everything that is not compared row by row."""
    return next((kind for kind in kinds() if fnmatchcase(file, kind.pattern)), None)


def is_value(table: pd.DataFrame, column: str) -> bool:
    """Whether a column holds measured numbers: no bounds of intervals, no accompanying numbers, no keys."""
    if column in ABOUT or column in ACCOMPANYING_NUMBERS or column.startswith("only_"):
        return False
    if any(word.startswith(("low", "high")) for word in column.split("_")):
        return False
    return is_number(table[column].dtype)
