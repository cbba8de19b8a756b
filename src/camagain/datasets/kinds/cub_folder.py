"""Any folder in the layout of CUB-200-2011."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from camagain.config.base import Name
from camagain.config.dataset import SPLIT_SEED, DatasetSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from camagain.datasets.needed import Needed
    from camagain.datasets.sizes import Sizes
    from camagain.datasets.source import Source


class CubFolder(DatasetSettings):
    """Any folder in the CUB-200-2011 layout, given by path and left untouched."""

    may_be_published: ClassVar[bool] = False

    kind: Literal["cub-folder"]
    name: Name = Field(description="Beginning of the name of the folder under `data/` where the index is written.")
    path: Path = Field(description="The folder that holds images.txt and images/.")
    val_per_class: int = Field(default=5, ge=1, description="Images per class taken out of the training part for val.")
    split_seed: int = Field(default=0, ge=0, description=SPLIT_SEED)


def sizes(settings: CubFolder) -> "Sizes | None":
    """Counted from the text files, once the folder is there."""
    from camagain.datasets.cub import read_layout
    from camagain.datasets.sizes import Sizes
    from camagain.datasets.source import absolute

    place = absolute(settings.path)
    if not (place / "images.txt").is_file():
        return None
    layout = read_layout(place, settings.val_per_class, settings.split_seed)
    return Sizes.of(layout.splits, layout.class_ids)


def needed(settings: CubFolder, data: Path) -> "Iterator[Needed]":
    """The text files of the layout, and once they are there the images that they list."""
    from camagain.datasets.needed import Needed
    from camagain.datasets.source import absolute

    place = absolute(settings.path)
    names = ("images", "image_class_labels", "train_test_split", "bounding_boxes", "classes")
    yield from (Needed(place / f"{name}.txt") for name in names)
    listing = place / "images.txt"
    if listing.is_file():
        lines = listing.read_text(encoding="utf-8", errors="replace").splitlines()
        yield from (Needed(place / "images" / line.split(maxsplit=1)[1].strip()) for line in lines if " " in line)


def read(settings: CubFolder, folder: Path) -> "Source":
    """Reads the images where they lie."""
    from camagain.datasets.cub import read_cub
    from camagain.datasets.source import Source, absolute

    place = absolute(settings.path)
    return Source(read_cub(place, settings.val_per_class, settings.split_seed), place, source=place.name)
