"""Stand-ins for the images of an experiment: drawn birds in the layout of its kind of dataset, where its files belong.

A drawn bird is one of at most 64 classes (see `camagain.datasets.synthbirds`). Where a dataset has more, several of its
classes share the birds of one drawn class.
"""

import shutil
import tarfile
from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import Any

from camagain.artifacts import sha256, write_text
from camagain.config import Experiment
from camagain.config.dataset import DatasetSettings
from camagain.datasets.cub import read_cub
from camagain.datasets.kinds.cub import CUB_200_2011
from camagain.datasets.kinds.synthbirds import SynthBirds, drawing_processes
from camagain.datasets.sizes import sizes_of
from camagain.datasets.synthbirds import write_synthbirds
from camagain.datasets.synthbirds.classes import MAX_CLASSES
from camagain.errors import UserError
from camagain.rehearsal.reduce import INPUT, inside

CLASSES = 200
"""Where nobody says how many classes a dataset has: those of CUB-200-2011."""

STEPS = 2
"""Optimisation steps of an epoch, at least."""

TABLES = ("images.txt", "image_class_labels.txt", "train_test_split.txt", "bounding_boxes.txt", "parts/part_locs.txt")
"""The text files of the layout that have the image's number in front of each line."""

StandIn = Callable[[DatasetSettings, Path, Path], dict[str, Any]]
"""Settings, a folder of drawn birds and the folder of the rehearsal -> the changed keys of the dataset's settings."""


def write_images(experiment: Experiment, folder: Path) -> dict[str, Any]:
    """Draws the images of a rehearsal in `folder`; returns the settings of its dataset.

    UserError for a kind that has no stand-in: its experiments need no rehearsal, or nobody has written one.
    """
    dataset = experiment.dataset
    if dataset.kind not in STAND_INS:
        raise UserError(
            f"dataset.kind '{dataset.kind}' has no stand-in; expected one of {list(STAND_INS)}. Run the experiment "
            "itself, with fewer images and epochs."
        )
    classes = class_count(dataset)
    largest = max(model.training.batch_size for model in experiment.models)
    birds = folder / "birds"
    draw(birds, classes, train_per_class=ceil(STEPS * largest / classes))
    changed = STAND_INS[dataset.kind](dataset, birds, folder)
    shutil.rmtree(birds, ignore_errors=True)
    return {**dataset.model_dump(mode="json"), **changed}


def class_count(dataset: DatasetSettings) -> int:
    """How many classes a dataset has, as far as it is known."""
    sizes = sizes_of(dataset)
    return getattr(dataset, "classes", None) or (sizes.classes if sizes else CLASSES)


def draw(folder: Path, classes: int, train_per_class: int) -> None:
    """Draws a folder in the layout of CUB-200-2011: of each class some images of train, one of val and one of test."""
    shared = ceil(classes / MAX_CLASSES)  # classes that share the birds of one drawn class
    settings = SynthBirds(
        kind="synthbirds",
        classes=max(2, ceil(classes / shared)),
        train_per_class=shared * (train_per_class + 1),
        test_per_class=shared,
        val_per_class=1,
        image_size=INPUT,
    )
    write_synthbirds(folder, settings, workers=drawing_processes(settings))
    rows = [line.split() for line in (folder / "image_class_labels.txt").read_text().splitlines()]
    per_drawn = settings.train_per_class + settings.test_per_class
    label = {number: (int(drawn) - 1) * shared + (int(number) - 1) % per_drawn % shared + 1 for number, drawn in rows}
    kept = {number for number, of in label.items() if of <= classes}
    for name in TABLES:
        lines = (folder / name).read_text().splitlines()
        write_text(folder / name, "".join(f"{line}\n" for line in lines if line.split()[0] in kept))
    labels = "".join(f"{number} {label[number]}\n" for number, _ in rows if number in kept)
    write_text(folder / "image_class_labels.txt", labels)
    write_text(folder / "classes.txt", "".join(f"{of} {of:03d}.Bird_{of:03d}\n" for of in range(1, classes + 1)))
    (folder / "parts" / "part_boxes.txt").unlink()  # which CUB does not have, no more than masks in its archive
    shutil.rmtree(folder / "segmentations")


def cub_folder(dataset: DatasetSettings, birds: Path, folder: Path) -> dict[str, Any]:
    """The folder itself."""
    path = inside(dataset.path)  # type: ignore[attr-defined]
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    birds.rename(folder / path)
    return {"path": path.as_posix(), "val_per_class": 1}


def cub(dataset: DatasetSettings, birds: Path, folder: Path) -> dict[str, Any]:
    """An archive in the downloads folder, as one that was put there by hand."""
    downloads = inside(dataset.downloads)  # type: ignore[attr-defined]
    archive = folder / downloads / CUB_200_2011.name
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        tar.add(birds, arcname=CUB_200_2011.root)
    return {"downloads": downloads.as_posix(), "val_per_class": 1, "sha256": sha256(archive)}


def wsol_metadata(dataset: DatasetSettings, birds: Path, folder: Path) -> dict[str, Any]:
    """The class folders where the images belong, and the text files of wsolevaluation beside them; boxes, no masks."""
    index = read_cub(birds, val_per_class=1)
    path, metadata = inside(dataset.path), inside(dataset.metadata)  # type: ignore[attr-defined]
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (birds / "images").rename(folder / path)
    index["path"] = index["path"].str.removeprefix("images/")
    for split, rows in index.groupby("split"):
        lines = {
            "image_ids": rows["path"],
            "class_labels": rows["path"] + "," + rows["label"].astype(str),
            "image_sizes": rows["path"] + "," + rows["width"].astype(str) + "," + rows["height"].astype(str),
            "localization": rows["path"] + "," + rows["boxes"].map(lambda boxes: ",".join(f"{x:g}" for x in boxes[0])),
        }
        for name, column in lines.items():
            text = "" if (split, name) == ("train", "localization") else "".join(f"{line}\n" for line in column)
            write_text(folder / metadata / str(split) / f"{name}.txt", text)
    return {"path": path.as_posix(), "metadata": metadata.as_posix(), "masks": None}


STAND_INS: dict[str, StandIn] = {"cub": cub, "cub-folder": cub_folder, "wsol-metadata": wsol_metadata}
"""By kind of dataset."""
