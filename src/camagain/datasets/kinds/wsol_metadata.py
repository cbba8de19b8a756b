"""Images with text files in the layout of wsolevaluation."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from camagain.config.base import Name
from camagain.config.dataset import DatasetSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from camagain.datasets.needed import Needed
    from camagain.datasets.sizes import Sizes
    from camagain.datasets.source import Source


class WsolMetadata(DatasetSettings):
    """Text files in wsolevaluation's layout (CUBv2, ILSVRC, OpenImages30k) beside images, all left untouched."""

    may_be_published: ClassVar[bool] = False

    kind: Literal["wsol-metadata"]
    name: Name = Field(
        description="Beginning of the name of the folder under `data/` where the index and united masks are written."
    )
    path: Path = Field(description="The folder that the paths of images are relative to.")
    metadata: Path = Field(
        description="The folder that holds train/, val/ and test/ with the text files, or the text files of test alone."
    )
    classes: int | None = Field(
        default=None,
        ge=2,
        description="How many classes there are, where the images do not show them all: 1000 for a sample of ImageNet. "
        "Where null, labels have no gaps.",
    )
    masks: Path | None = Field(
        default=None, description="The folder that the paths of masks are relative to; `path` where null."
    )


def sizes(settings: WsolMetadata) -> "Sizes | None":
    """Counted from the text files, once they are there."""
    from camagain.datasets.sizes import Sizes
    from camagain.datasets.source import absolute

    files = {split: absolute(settings.metadata) / split / "class_labels.txt" for split in ("train", "val", "test")}
    if not files["test"].is_file():
        return None
    found = [
        (split, line.rpartition(",")[2].strip())
        for split, file in files.items()
        if file.is_file()
        for line in file.read_text(encoding="utf-8", errors="replace").split("\n")
        if line.strip()
    ]
    return Sizes.of((split for split, _ in found), (label for _, label in found))


def needed(settings: WsolMetadata, data: Path) -> "Iterator[Needed]":
    """The text files of test, and the images that the text files of all splits list."""
    from camagain.datasets.needed import Needed
    from camagain.datasets.source import absolute
    from camagain.datasets.text_tables import Line
    from camagain.datasets.wsol_metadata import located

    place, metadata = absolute(settings.path), absolute(settings.metadata)
    folders = [metadata / split for split in ("train", "val", "test") if (metadata / split).is_dir()]
    if not folders and (metadata / "image_ids.txt").is_file():
        folders = [metadata]
    test = next((folder for folder in folders if folder.name == "test" or folder == metadata), metadata / "test")
    yield from (Needed(test / f"{name}.txt") for name in ("image_ids", "class_labels", "localization"))
    yield Needed(place)
    for listing in (folder / "image_ids.txt" for folder in folders):
        if listing.is_file() and place.is_dir():
            lines = listing.read_text(encoding="utf-8", errors="replace").splitlines()
            listed = {line.strip(): Line(number, ()) for number, line in enumerate(lines, 1) if line.strip()}
            yield from (Needed(place / line.fields[-1]) for line in located(listing.parent, listed, place).values())


def read(settings: WsolMetadata, folder: Path) -> "Source":
    """Reads the images where they lie, and unites the masks of each into one, below `folder`."""
    from camagain.datasets.source import Source, absolute, below
    from camagain.datasets.wsol_metadata import read_wsol_metadata

    place = absolute(settings.path)
    masks = place if settings.masks is None else absolute(settings.masks)
    index, classes = read_wsol_metadata(absolute(settings.metadata), place, masks, folder, settings.classes)
    boxes = "tight boxes of the masks" if index["mask_path"].notna().any() else "given"
    return Source(index.assign(path=below(place, index["path"])), source=place.name, boxes=boxes, classes=classes)
