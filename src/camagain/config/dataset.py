"""Where images come from: SynthBirds, CUB-200-2011, a folder in its layout, or one in wsolevaluation's."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from camagain.config.base import Name, Settings


class SynthBirds(Settings):
    """Embedded dataset, drawn on this machine: fine-grained bird classes with exact boxes, masks and parts."""

    kind: Literal["synthbirds"]
    name: Name = Field(default="synthbirds", description="Folder under `data/`.")
    classes: int = Field(default=8, ge=2, le=64, description="Number of bird classes.")
    train_per_class: int = Field(default=150, ge=2, description="Images per class in the official training part.")
    test_per_class: int = Field(default=50, ge=1, description="Images per class in the test split.")
    val_per_class: int = Field(default=20, ge=1, description="Images per class taken out of the training part for val.")
    image_size: int = Field(default=96, ge=48, le=1024, description="Side of the square images, pixels.")
    seed: int = Field(default=0, ge=0, description="Same seed, same bytes, on any machine.")


class Cub(Settings):
    """CUB-200-2011, downloaded from its publisher (or taken from `downloads/`) and verified."""

    kind: Literal["cub"]
    name: Name = Field(default="cub", description="Folder under `data/`.")
    val_per_class: int = Field(default=5, ge=1, description="Images per class taken out of the training part for val.")
    url: str = Field(
        default="https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz?download=1",
        description="Where the archive is downloaded from.",
    )
    downloads: Path = Field(
        default=Path("downloads"),
        description="A file of the archive's name in this folder is taken instead of downloading.",
    )


class CubFolder(Settings):
    """Any folder in the CUB-200-2011 layout, given by path and left untouched."""

    kind: Literal["cub-folder"]
    name: Name = Field(description="Folder under `data/` where the index is written.")
    path: Path = Field(description="The folder that holds images.txt and images/.")
    val_per_class: int = Field(default=5, ge=1, description="Images per class taken out of the training part for val.")


class WsolMetadata(Settings):
    """Text files in wsolevaluation's layout (CUBv2, ILSVRC, OpenImages30k) beside images, all left untouched."""

    kind: Literal["wsol-metadata"]
    name: Name = Field(description="Folder under `data/` where the index and united masks are written.")
    path: Path = Field(description="The folder that the paths of images are relative to.")
    metadata: Path = Field(description="The folder that holds train/, val/ and test/ with the text files.")
    masks: Path | None = Field(
        default=None, description="The folder that the paths of masks are relative to; `path` where null."
    )


Dataset = Annotated[SynthBirds | Cub | CubFolder | WsolMetadata, Field(discriminator="kind")]

FREE_DATASETS = ("synthbirds",)
"""Kinds of dataset whose images may be published; pictures that show images of any other stay on their machine."""
