"""Makes a dataset ready: gets its images, reads them, and writes `index.parquet` and `dataset.json`."""

from pathlib import Path
from typing import Any

from camagain.artifacts import INSIDE, write_json
from camagain.config.dataset import DatasetSettings, kind_module
from camagain.datasets.index import SPLITS, fingerprints, write_index
from camagain.datasets.source import Source
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
