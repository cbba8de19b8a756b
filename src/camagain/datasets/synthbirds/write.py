"""SynthBirds on disk, in the layout of CUB-200-2011."""

import multiprocessing
import shutil
import tempfile
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from camagain.artifacts import write_json, write_text
from camagain.datasets.kinds.synthbirds import SynthBirds
from camagain.datasets.synthbirds.classes import bird_classes
from camagain.datasets.synthbirds.png import encode_png
from camagain.datasets.synthbirds.render import Picture, draw_picture
from camagain.errors import UserError
from camagain.progress import track

MARKER = "synthbirds.json"
"""Holds the settings that a folder was written with, and tells our folders from those that must not be replaced."""

PARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("body", ("body",)),
    ("head", ("head", "crown", "eye")),
    ("crown", ("crown",)),
    ("eye", ("eye",)),
    ("beak", ("beak",)),
    ("wing", ("wing", "wing_patch")),
    ("wing_patch", ("wing_patch",)),
    ("tail", ("tail",)),
)
"""The parts in parts.txt, numbered from 1, and what each is made of; `body` is the trunk where no wing lies on it."""

Box = tuple[int, int, int, int]
"""x, y, width, height in pixels; x and y count from 0 at the left and top edge of the picture."""


@dataclass(frozen=True)
class Entry:
    """One image: number and class (from 1), path below images/ without suffix, official split, and the scene's key."""

    number: int
    label: int
    stem: str
    train: bool
    key: tuple[int, int, int]


def write_synthbirds(folder: Path, settings: SynthBirds, workers: int = 1) -> None:
    """Draws the whole dataset into `folder`, in the layout of CUB-200-2011.

    Images are PNG, RGB; boxes are tight to the visible bird, "x y width height" in pixels from 0; a segmentation pixel
    is 255 where the visible bird covers at least half of it, else 0. `parts/part_boxes.txt` is an addition to the
    layout: "<image> <part> x y width height visible", tight to the pixels that the part covers by at least half.

    The same settings give the same bytes on any machine and with any number of `workers` (processes; with more than
    one, a script that calls this needs the usual `if __name__ == "__main__"`). Nothing half-written ever has the
    name `folder`. A folder that this function wrote is replaced, with all that lies in it; UserError if anything else
    lies there.
    """
    folder = Path(folder)
    _check_replaceable(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        new = work / "new"
        _write(new, settings, workers)
        if folder.exists():
            folder.rename(work / "old")
        new.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _check_replaceable(folder: Path) -> None:
    if folder.is_dir() and (not any(folder.iterdir()) or (folder / MARKER).is_file()):
        return
    if folder.exists():
        raise UserError(
            f"{folder}: something else than SynthBirds lies there (no {MARKER}), and it would be replaced. "
            "Move it away, or give the dataset another `name`."
        )


def _write(folder: Path, settings: SynthBirds, workers: int) -> None:
    kinds = bird_classes(settings.classes)
    names = [f"{number:03d}.{kind.name}" for number, kind in enumerate(kinds, start=1)]
    for name in names:
        (folder / "images" / name).mkdir(parents=True)
        (folder / "segmentations" / name).mkdir(parents=True)
    (folder / "parts").mkdir()
    entries = _entries(settings, names, [kind.name for kind in kinds])
    draw = partial(_draw_entry, folder, settings)
    if workers > 1:
        # Spawned, not forked: a fork copies OpenCV's and PyTorch's locks but not the threads that hold them.
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
            boxes = list(track(pool.map(draw, entries, chunksize=16), len(entries), "drawing birds"))
    else:
        boxes = list(track(map(draw, entries), len(entries), "drawing birds"))
    _write_tables(folder, entries, names, boxes)
    write_json(folder / MARKER, settings.model_dump(mode="json"))


def _entries(settings: SynthBirds, names: list[str], stems: list[str]) -> list[Entry]:
    """All images in order. What an image shows depends on seed, class and its number in the class, and on no other."""
    entries: list[Entry] = []
    for label, (name, stem) in enumerate(zip(names, stems, strict=True), start=1):
        for number in range(1, settings.train_per_class + settings.test_per_class + 1):
            path = f"{name}/{stem}_{number:04d}"
            train = number <= settings.train_per_class
            entries.append(Entry(len(entries) + 1, label, path, train, (settings.seed, label, number)))
    return entries


def _draw_entry(
    folder: Path, settings: SynthBirds, entry: Entry
) -> tuple[Box, list[Box | None], list[tuple[float, float]]]:
    """Writes one image and its segmentation; returns the bird's box and per part its box and centre of mass."""
    kind = bird_classes(settings.classes)[entry.label - 1]
    picture = draw_picture(entry.key, kind, settings.image_size)
    (folder / "images" / f"{entry.stem}.png").write_bytes(encode_png(picture.image))
    mask = picture.mask.astype(np.uint8) * np.uint8(255)
    (folder / "segmentations" / f"{entry.stem}.png").write_bytes(encode_png(mask))
    box = tight_box(picture.mask)
    if box is None:
        raise ValueError(f"image {entry.key} shows no bird; the generator must never draw such a scene")
    masks = part_masks(picture)
    return box, [tight_box(mask) for mask in masks.values()], [_center(mask) for mask in masks.values()]


def part_masks(picture: Picture) -> dict[str, np.ndarray]:
    """Per part of `PARTS` the pixels, bool (size, size), of which it visibly covers at least half."""
    masks = {}
    for name, pieces in PARTS:
        cover = np.sum([picture.parts[piece].astype(np.int32) for piece in pieces], axis=0)
        masks[name] = 2 * cover >= picture.full
    return masks


def tight_box(mask: np.ndarray) -> Box | None:
    """The smallest box around the true pixels of a mask (H, W), or None when there is none."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not len(columns):
        return None
    x, y = int(columns[0]), int(rows[0])
    return x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y


def _center(mask: np.ndarray) -> tuple[float, float]:
    """The mean position of a mask's pixels, x and y, with pixel centres at .5; (0, 0) when there is none."""
    rows, columns = np.nonzero(mask)
    count = max(1, len(rows))
    return (2 * int(columns.sum()) + len(rows)) / (2 * count), (2 * int(rows.sum()) + len(rows)) / (2 * count)


def _write_tables(folder: Path, entries: list[Entry], names: list[str], drawn: list) -> None:
    """The text files of the layout; images are listed in the order of their numbers."""
    write_text(folder / "classes.txt", _lines(f"{number} {name}" for number, name in enumerate(names, start=1)))
    write_text(folder / "images.txt", _lines(f"{entry.number} {entry.stem}.png" for entry in entries))
    write_text(folder / "image_class_labels.txt", _lines(f"{entry.number} {entry.label}" for entry in entries))
    write_text(folder / "train_test_split.txt", _lines(f"{entry.number} {int(entry.train)}" for entry in entries))
    parts = [f"{number} {name}" for number, (name, _) in enumerate(PARTS, start=1)]
    write_text(folder / "parts" / "parts.txt", _lines(parts))
    boxes, places, part_boxes = [], [], []
    for entry, (box, bounds, centers) in zip(entries, drawn, strict=True):
        boxes.append(f"{entry.number} {_numbers(box)}")
        for part, (bound, center) in enumerate(zip(bounds, centers, strict=True), start=1):
            visible = int(bound is not None)
            places.append(f"{entry.number} {part} {center[0]:.1f} {center[1]:.1f} {visible}")
            part_boxes.append(f"{entry.number} {part} {_numbers(bound or (0, 0, 0, 0))} {visible}")
    write_text(folder / "bounding_boxes.txt", _lines(boxes))
    write_text(folder / "parts" / "part_locs.txt", _lines(places))
    write_text(folder / "parts" / "part_boxes.txt", _lines(part_boxes))


def _numbers(box: Box) -> str:
    return " ".join(f"{float(side)}" for side in box)


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
