"""CUB-200-2011, downloaded."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from camagain.artifacts import read_json, write_json
from camagain.config.base import Name
from camagain.config.dataset import SPLIT_SEED, DatasetSettings
from camagain.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from camagain.datasets.needed import Needed
    from camagain.datasets.sizes import Sizes
    from camagain.datasets.source import Source


@dataclass(frozen=True)
class Archive:
    """A published archive: file name, size in bytes, digest, and the folder inside that holds the dataset."""

    name: str
    size: int
    sha256: str
    root: str


CUB_200_2011 = Archive(
    name="CUB_200_2011.tgz",
    size=1_150_585_339,
    sha256="0c685df5597a8b24909f6a7c9db6d11e008733779a671760afef78feb49bf081",
    root="CUB_200_2011",
)
"""As published at https://data.caltech.edu/records/65de6-vp158; holds for any mirror.

The segmentations are a second archive there, which is not fetched; a `segmentations/` folder beside `images/` is used.
"""


class Cub(DatasetSettings):
    """CUB-200-2011, downloaded from its publisher (or taken from `downloads/`) and verified."""

    may_be_published: ClassVar[bool] = False
    licence: ClassVar[str] = (
        "Not stated in its archive; usually described as for non-commercial research only. Ask its publisher."
    )
    places: ClassVar[frozenset[str]] = frozenset({"url", "downloads"})
    retries: ClassVar[int] = 2

    kind: Literal["cub"]
    name: Name = Field(default="cub", description="Beginning of the folder's name under `data/`.")
    val_per_class: int = Field(default=5, ge=1, description="Images per class taken out of the training part for val.")
    split_seed: int = Field(default=0, ge=0, description=SPLIT_SEED)
    url: str = Field(
        default="https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz?download=1",
        description="Where the archive is downloaded from.",
    )
    sha256: str = Field(
        default=CUB_200_2011.sha256,
        pattern=r"^[0-9a-f]{64}$",
        description="SHA-256 of the archive, by default that of the published one; another for a stand-in "
        "(`camagain rehearse`).",
    )
    downloads: Path = Field(
        default=Path("downloads"),
        description="A file of the archive's name in this folder is taken instead of downloading.",
    )

    @property
    def is_published(self) -> bool:
        """Whether the archive is the published one and no stand-in."""
        return self.sha256 == CUB_200_2011.sha256


def sizes(settings: Cub) -> "Sizes | None":
    """Those of the official split: 194 classes with 30 training images each and 6 with 29, and 5,794 images of test.

    Of another archive they are not known before it is unpacked.
    """
    from camagain.datasets.sizes import Sizes

    if not settings.is_published:
        return None
    val = settings.val_per_class
    return Sizes(train=5994 - 200 * val, val=200 * val, test=5794, classes=200, fewest=29 - val)


def needed(settings: Cub, data: Path) -> "Iterator[Needed]":
    """The archive, until it was unpacked."""
    from camagain.datasets.needed import Needed

    if not _unpacked(data).is_dir():
        archive = Path(settings.downloads) / CUB_200_2011.name
        yield Needed(archive, settings.url, CUB_200_2011.size if settings.is_published else 0)


def _unpacked(data: Path) -> Path:
    return data / f"{CUB_200_2011.root}-unpacked"


def read(settings: Cub, folder: Path) -> "Source":
    """Reads the images where they were unpacked, beside `folder`, so that other splits need not unpack again."""
    from camagain.datasets.cub import read_cub
    from camagain.datasets.source import Source

    unpacked = _unpacked(folder.parent)
    note = unpack_once(settings, unpacked)
    index = read_cub(unpacked / CUB_200_2011.root, settings.val_per_class, settings.split_seed)
    prefix = Path("..", unpacked.name, CUB_200_2011.root)
    return Source(index, prefix, source=settings.url, archive=read_json(note))


def unpack_once(settings: Cub, unpacked: Path) -> Path:
    """Fetches and unpacks the archive, unless an earlier call did; the archive may then be deleted.

    Returns the file beside the folder that says what was unpacked: name, size and digest of the archive.
    """
    from camagain.datasets.archive import unpack_tgz
    from camagain.downloads.http import fetch

    note = unpacked.with_name(f"{unpacked.name}.json")
    if unpacked.exists():
        digest = read_json(note).get("sha256") if note.exists() else None
        if digest != settings.sha256:
            raise UserError(
                f"{unpacked}: was unpacked from an archive with SHA-256 {digest or 'unknown'}, expected "
                f"{settings.sha256}. Delete the folder to have it unpacked again."
            )
    else:
        file = Path(settings.downloads) / CUB_200_2011.name
        digest = fetch(settings.url, file, CUB_200_2011.size if settings.is_published else None, settings.sha256)
        write_json(note, {"name": file.name, "size": file.stat().st_size, "sha256": digest})
        unpack_tgz(file, unpacked)
    return note
