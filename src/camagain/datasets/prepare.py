"""Makes a dataset ready: gets its images, reads them, and writes `index.parquet` and `dataset.json`."""

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from camagain.artifacts import INSIDE, read_json, write_json
from camagain.config.dataset import DatasetSettings, kind_module
from camagain.datasets.index import SPLITS, check_index, fingerprints, lost_images, write_index
from camagain.datasets.source import Source
from camagain.datasets.text_tables import Faults, Incomplete, every_fault
from camagain.errors import UserError
from camagain.registry import implementation


def prepare_dataset(dataset: DatasetSettings, dataset_dir: Path) -> None:
    """Writes `index.parquet` and `dataset.json` into `dataset_dir`, after drawing, fetching or finding the images."""
    dataset_dir = Path(dataset_dir)
    index_path, summary_path = dataset_dir / INSIDE.index.name, dataset_dir / INSIDE.description.name
    # If this fails, nothing may be left that describes other settings or other images.
    for stale in (summary_path, index_path):
        stale.unlink(missing_ok=True)
    module = implementation("camagain.datasets.kinds", kind_module(dataset.kind))
    source: Source = module.read(dataset, dataset_dir)
    write_index(index_path, source.located(), len(source.class_names()))
    write_json(summary_path, _summary(dataset, source, index_path))


def check_dataset(dataset: DatasetSettings, dataset_dir: Path) -> str:
    """How many images a dataset has that is in order; UserError that lists everything that is wrong with it.

    Nothing is written into `dataset_dir`. An archive is fetched and unpacked beside it, as for its use.
    """
    module = implementation("camagain.datasets.kinds", kind_module(dataset.kind))
    dataset_dir.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix=f".{dataset_dir.name}.", dir=dataset_dir.parent) as scratch,
        every_fault() as faults,
    ):
        try:
            source: Source = module.read(dataset, Path(scratch, "checked"))
            check_index(source.index, dataset.name, len(source.class_names()))
        except Incomplete:
            pass
        except UserError as error:  # what ends the reading: no such folder, for example
            faults.append(Faults((str(error).removesuffix("."),), ""))
    if not faults:
        return f"{dataset.name}: {len(source.index):,} images, all in order"
    lines = [line for kind in faults for line in (*kind.found, *([f"  -> {kind.advice}"] if kind.advice else []))]
    count = sum(len(kind.found) for kind in faults)
    raise UserError("\n".join([f"{dataset.name}: {count:,} {'fault' if count == 1 else 'faults'}", *lines]))


def replace_lost_images(dataset: DatasetSettings, dataset_dir: Path) -> None:
    """Makes or fetches images again that are gone, and leaves their index as it is and as old as it is.

    A new index, although the same, would be newer than every network that was trained with these images. UserError
    where there is no index, and where the images are not those that it describes.
    """
    index, description = dataset_dir / INSIDE.index.name, dataset_dir / INSIDE.description.name
    if not lost_images(index):
        return
    expected = read_json(description)["fingerprint"]
    with ExitStack() as unless_others:
        for file in (index, description):
            unless_others.callback(_restore, file, file.read_bytes(), file.stat().st_mtime_ns)
        prepare_dataset(dataset, dataset_dir)
        if (found := read_json(description)["fingerprint"]) != expected:
            unless_others.pop_all()
            for file in (index, description):
                file.unlink()
            raise UserError(
                f"Images of {dataset_dir} were gone, and those that were made or fetched in their place are others: "
                f"their fingerprint is {found}, expected was {expected}. Bring the former images back, or run "
                "Snakemake again to make the dataset anew and everything that was made from it."
            )


def _restore(file: Path, content: bytes, changed_ns: int) -> None:
    """Gives a file its former content and date."""
    file.write_bytes(content)
    os.utime(file, ns=(changed_ns, changed_ns))


def _summary(dataset: DatasetSettings, source: Source, index_path: Path) -> dict[str, Any]:
    """What `dataset.json` says; a split that is given has neither seed nor number of images per class."""
    index, settings = source.index, dataset.model_dump()
    digests = fingerprints(index_path)
    return {
        "kind": dataset.kind,
        "name": dataset.name,
        "images": len(index),
        "splits": {split: int((index["split"] == split).sum()) for split in SPLITS},
        "val_per_class": settings.get("val_per_class"),
        "split_seed": settings.get("split_seed"),
        "classes": list(source.class_names()),
        "boxes": source.boxes,
        "source": source.source,
        "archive": source.archive,
        "fingerprint": digests.pop("all"),
        "split_fingerprints": digests,
    }
