"""SynthBirds, drawn on this machine."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from camagain.config.base import Name
from camagain.config.dataset import SPLIT_SEED, DatasetSettings

if TYPE_CHECKING:
    from camagain.datasets.sizes import Sizes
    from camagain.datasets.source import Source

MOST_PROCESSES = 4
PIXELS_EACH = 1_000_000
"""A process takes a second to start, as long as a hundred birds of 96 px."""


class SynthBirds(DatasetSettings):
    """Embedded dataset, drawn on this machine: fine-grained bird classes with exact boxes, masks and parts."""

    may_be_published: ClassVar[bool] = True
    licence: ClassVar[str] = "https://spdx.org/licenses/MIT"
    deciding_parts: ClassVar[frozenset[str]] = frozenset({"crown", "wing_patch"})

    kind: Literal["synthbirds"]
    name: Name = Field(default="synthbirds", description="Beginning of the folder's name under `data/`.")
    classes: int = Field(default=8, ge=2, le=64, description="Number of bird classes.")
    train_per_class: int = Field(default=150, ge=2, description="Images per class in the official training part.")
    test_per_class: int = Field(default=50, ge=1, description="Images per class in the test split.")
    val_per_class: int = Field(default=20, ge=1, description="Images per class taken out of the training part for val.")
    split_seed: int = Field(default=0, ge=0, description=SPLIT_SEED)
    image_size: int = Field(default=96, ge=48, le=1024, description="Side of the square images, pixels.")
    seed: int = Field(default=0, ge=0, description="Same seed, same bytes, on any machine.")


def sizes(settings: SynthBirds) -> "Sizes":
    """Known before a bird is drawn."""
    from camagain.datasets.sizes import Sizes

    classes, train = settings.classes, settings.train_per_class - settings.val_per_class
    return Sizes(
        classes * train, classes * settings.val_per_class, classes * settings.test_per_class, classes, fewest=train
    )


def drawing_processes(settings: SynthBirds) -> int:
    """In how many processes the birds are drawn; their number does not change a byte."""
    birds = settings.classes * (settings.train_per_class + settings.test_per_class)
    return max(1, min(MOST_PROCESSES, os.cpu_count() or 1, birds * settings.image_size**2 // PIXELS_EACH))


def read(settings: SynthBirds, folder: Path) -> "Source":
    """Draws the birds into `folder`, which is replaced."""
    from camagain.datasets.cub import read_cub
    from camagain.datasets.source import Source
    from camagain.datasets.synthbirds import write_synthbirds

    write_synthbirds(folder, settings, workers=drawing_processes(settings))
    return Source(read_cub(folder, settings.val_per_class, settings.split_seed), source="drawn by camagain")
