"""The tables of a run that a comparison judges: what identifies a row of each, and which columns say what."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from typing import Literal

from camagain.artifacts import INSIDE
from camagain.paper.registry import Exhibit, exhibits

Section = Literal["scores", "tables", "figure data", "analyses", "curves", "training"]
SECTIONS: tuple[Section, ...] = ("scores", "tables", "analyses", "figure data", "curves", "training")
"""In the order of the report."""

Images = Literal["train", "val", "test", "split"]
"""The images that a share is of: those of a split, or of the one that the row's column `split` names."""


@dataclass(frozen=True)
class Kind:
    """One kind of table: where it lies, the columns that identify a row, and columns that are shares of images.

    `unjudged`: why a difference means nothing, for tables that show examples or the machine; empty for all others.
    """

    pattern: str
    section: Section
    keys: tuple[str, ...]
    shares: Mapping[str, Images] = field(default_factory=dict)
    unjudged: str = ""


SCORES = Kind(INSIDE.metrics("*", "*").as_posix(), "scores", ("model", "method", "figure"), {"value": "test"})
"""The scores of all maps as one table; each is a share of the test images, or a mean of three."""

# fmt: off
ABOUT = frozenset({
    "architecture", "family", "dataset", "own_dataset", "test_images", "own_test_images", "train_images", "classes",
    "seed", "precision", "device", "sha256", "source", "starting_weights",
})
# fmt: on
"""Columns that say what a row is about, and not what was found: they differ where the runs do (see `causes`)."""


ARTIFACTS = (
    SCORES,
    Kind(
        INSIDE.curve("*", "*").as_posix(),
        "curves",
        ("split", "contours", "delta", "threshold"),
        {"box_acc_percent": "split"},
    ),
    Kind(INSIDE.choices("*", "*").as_posix(), "curves", ("model", "method", "figure", "changed")),
    Kind(
        INSIDE.history("*").as_posix(),
        "training",
        ("epoch",),
        {"train_top1_percent": "train", "val_top1_percent": "val"},
    ),
)
"""The tables of a run that no exhibit describes."""


@cache
def kinds() -> tuple[Kind, ...]:
    """Every kind of table."""
    return (*ARTIFACTS, *(kind for exhibit in exhibits() for kind in kinds_of(exhibit)))


def kinds_of(exhibit: Exhibit) -> Iterator[Kind]:
    """The tables of an exhibit: its own, what its figure draws, and of an analysis the measured rows of each model."""
    shares, unjudged = exhibit.shares, exhibit.unjudged
    if exhibit.has("tables"):
        yield Kind(f"tables/{exhibit.name}.csv", "tables", exhibit.keys, shares, unjudged)
    if exhibit.has("figures"):
        yield Kind(f"figures/{exhibit.name}.csv", "figure data", exhibit.figure_keys, shares, unjudged)
    if exhibit.is_of_analysis:
        keys = tuple(key for key in exhibit.keys if key != "model")
        yield Kind(INSIDE.findings(exhibit.name, "*").as_posix(), "analyses", keys, shares, unjudged)


def kind_of(file: str) -> Kind | None:
    """The kind of a table of a run, by its path inside it; None for everything that is not compared row by row."""
    return next((kind for kind in kinds() if fnmatchcase(file, kind.pattern)), None)
