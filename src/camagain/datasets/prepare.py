"""Makes a dataset ready: gets its images, reads them, and writes `index.parquet` and `dataset.json`."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from camagain.artifacts import read_json, write_json
from camagain.config import Cub, CubFolder, Dataset, SynthBirds, WsolMetadata
from camagain.datasets.archive import unpack_tgz
from camagain.datasets.cub import read_cub
from camagain.datasets.index import SPLITS, fingerprints, write_index
from camagain.datasets.wsol_metadata import read_wsol_metadata
from camagain.downloads.http import fetch
from camagain.errors import UserError


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


DRAWING_PROCESSES = 4
"""Birds are drawn in at most this many processes; their number does not change a byte."""


@dataclass(frozen=True)
class _Source:
    """Where a dataset's files are, and what `dataset.json` says of their origin."""

    folder: Path
    prefix: Path  # of the paths in the index
    source: str
    boxes: str = "given"
    archive: dict[str, Any] | None = None


def prepare_dataset(dataset: Dataset, dataset_dir: Path, seed: int = 0, archive: Archive = CUB_200_2011) -> None:
    """Writes `index.parquet` and `dataset.json` into `dataset_dir`, after drawing, downloading or finding the images.

    `seed` chooses the validation images, except for `WsolMetadata`, which names them. `archive` is what `Cub.url` must
    deliver.
    """
    dataset_dir = Path(dataset_dir)
    index_path, summary_path = dataset_dir / "index.parquet", dataset_dir / "dataset.json"
    # If this fails, nothing may be left that describes other settings or other images.
    for stale in (summary_path, index_path):
        stale.unlink(missing_ok=True)

    if isinstance(dataset, WsolMetadata):
        source, index = _read_metadata(dataset, dataset_dir)
    else:
        source, index = _read_cub_layout(dataset, dataset_dir, seed, archive)
    write_index(index_path, index)
    write_json(summary_path, _summary(dataset, index, index_path, source, seed))


def _read_cub_layout(
    dataset: SynthBirds | Cub | CubFolder, dataset_dir: Path, seed: int, archive: Archive
) -> tuple[_Source, pd.DataFrame]:
    """The index of a dataset whose images and masks lie in one folder."""
    if isinstance(dataset, SynthBirds):
        source = _draw(dataset, dataset_dir)
    elif isinstance(dataset, Cub):
        source = _download(dataset, dataset_dir, archive)
    else:
        folder = _absolute(dataset.path)
        source = _Source(folder, prefix=folder, source=folder.name)
    index = read_cub(source.folder, dataset.val_per_class, seed)
    if isinstance(dataset, SynthBirds):
        from camagain.datasets.synthbirds.cues import read_cue_boxes

        index = index.assign(cue_boxes=read_cue_boxes(source.folder, index["image_id"].tolist()))
    return source, index.assign(
        path=_below(source.prefix, index["path"]), mask_path=_below(source.prefix, index["mask_path"])
    )


def _read_metadata(dataset: WsolMetadata, dataset_dir: Path) -> tuple[_Source, pd.DataFrame]:
    """The index of a dataset whose images are left where they are and whose masks are united in `dataset_dir`."""
    folder = _absolute(dataset.path)
    masks = folder if dataset.masks is None else _absolute(dataset.masks)
    index = read_wsol_metadata(_absolute(dataset.metadata), folder, masks, dataset_dir)
    boxes = "tight boxes of the masks" if index["mask_path"].notna().any() else "given"
    source = _Source(folder, prefix=folder, source=folder.name, boxes=boxes)
    return source, index.assign(path=_below(folder, index["path"]))


def _absolute(path: Path) -> Path:
    return Path(path).expanduser().resolve()


def _below(prefix: Path, paths: pd.Series) -> pd.Series:
    return paths.map(lambda path: (prefix / path).as_posix(), na_action="ignore")


def _draw(dataset: SynthBirds, dataset_dir: Path) -> _Source:
    from camagain.datasets.synthbirds import write_synthbirds

    write_synthbirds(dataset_dir, dataset, workers=min(DRAWING_PROCESSES, os.cpu_count() or 1))
    return _Source(dataset_dir, prefix=Path(), source="drawn by camagain")


def _download(dataset: Cub, dataset_dir: Path, archive: Archive) -> _Source:
    """Fetches and unpacks the archive into `unpacked/`, unless an earlier call did; the archive may then be deleted."""
    unpacked, note = dataset_dir / "unpacked", dataset_dir / "unpacked.json"
    if unpacked.exists():
        digest = read_json(note).get("sha256") if note.exists() else None
        if digest != archive.sha256:
            raise UserError(
                f"{unpacked}: was unpacked from an archive with SHA-256 {digest or 'unknown'}, expected "
                f"{archive.sha256}. Delete the folder to have it unpacked again."
            )
    else:
        file = Path(dataset.downloads) / archive.name
        digest = fetch(dataset.url, file, archive.size, archive.sha256)
        write_json(note, {"name": archive.name, "size": archive.size, "sha256": digest})
        unpack_tgz(file, unpacked)
    prefix = Path(unpacked.name, archive.root)
    return _Source(dataset_dir / prefix, prefix, source=dataset.url, archive=read_json(note))


def _summary(dataset: Dataset, index: pd.DataFrame, index_path: Path, source: _Source, seed: int) -> dict[str, Any]:
    """What `dataset.json` says; a split that is given has neither seed nor number of images per class."""
    classes = index[["label", "class_name"]].drop_duplicates().sort_values("label")
    digests = fingerprints(index_path)
    return {
        "kind": dataset.kind,
        "name": dataset.name,
        "images": len(index),
        "splits": {split: int((index["split"] == split).sum()) for split in SPLITS},
        "val_per_class": None if isinstance(dataset, WsolMetadata) else dataset.val_per_class,
        "split_seed": None if isinstance(dataset, WsolMetadata) else seed,
        "classes": classes["class_name"].tolist(),
        "boxes": source.boxes,
        "source": source.source,
        "archive": source.archive,
        "fingerprint": digests.pop("all"),
        "split_fingerprints": digests,
    }
