"""Reads the text files of wsolevaluation's metadata, one folder for each split, and refuses faulty ones.

| file in train/, val/ and test/ | line |
|---|---|
| image_ids.txt | path below the folder of images; it is the image's id |
| class_labels.txt | path,label with labels from 0 |
| image_sizes.txt | path,width,height; may be missing or empty, sizes are then the images' |
| localization.txt | path,x0,y0,x1,y1 for every box, or path,mask,ignore for every instance |

Corners are inclusive pixel indices. Of an image's lines with masks one names the region to ignore, the others end in a
comma. Training needs no places, so localization.txt may be missing or empty in train/; where it has lines, every image
has one. image_ids_proxy.txt is not read. The layout is that of github.com/clovaai/wsolevaluation at 96f4b88679af.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from camagain.datasets.index import SPLITS
from camagain.datasets.tables import Line, filled, finite, read_table, refuse, unique
from camagain.errors import UserError

Columns = dict[str, Callable[[str], Any]]
BOX: Columns = {"path": filled, "x0": finite, "y0": finite, "x1": finite, "y1": finite}
MASK: Columns = {"path": filled, "mask path": filled, "ignore path": str}

Table = dict[str, Line]
"""Lines by image id."""


@dataclass(frozen=True)
class Part:
    """The text files of one split, in the order of image_ids.txt."""

    folder: Path
    images: Table
    labels: Table
    sizes: Table  # empty where there is no image_sizes.txt
    places: dict[str, list[Line]]  # empty where there is no localization.txt
    masked: bool  # `places` are masks and not boxes


def read_parts(metadata: Path) -> dict[str, Part]:
    """The text files by split, consistent within each and across them; UserError for the first kind of fault."""
    _check_folder(metadata)
    parts = {split: _read_part(metadata / split, split != "train") for split in SPLITS}
    _check_parts(parts)
    return parts


def _check_folder(metadata: Path) -> None:
    """Raises UserError unless `metadata` holds the three splits; points to a folder nearby that does."""
    if all((metadata / split).is_dir() for split in SPLITS):
        return
    lacking = metadata if not metadata.is_dir() else next(metadata / s for s in SPLITS if not (metadata / s).is_dir())
    near = [path.parent for path in [*sorted(metadata.glob("*/train")), metadata.parent / "train"] if path.is_dir()]
    raise UserError(
        f"{lacking}: no such folder. Give the folder that holds train/, val/ and test/ with the text files."
        + (f" Did you mean {near[0]}?" if near else "")
    )


def _read_part(folder: Path, needs_places: bool) -> Part:
    """The text files of one split; those that have lines have them for exactly the images of image_ids.txt."""
    listing = folder / "image_ids.txt"
    lines = read_table(listing, {"path": filled}, ",")
    _refuse_leading_out(listing, lines, 0)
    images = unique(listing, lines)

    def table(name: str, columns: Columns) -> Table:
        found = unique(folder / name, read_table(folder / name, columns, ","))
        _refuse_unmatched(folder / name, found, images, listing, columns)
        return found

    labels = table("class_labels.txt", {"path": filled, "label": int})
    sizes = (
        table("image_sizes.txt", {"path": filled, "width": int, "height": int}) if _has(folder, "image_sizes") else {}
    )

    file, masked = folder / "localization.txt", False
    places: dict[str, list[Line]] = {}
    if needs_places or _has(folder, "localization"):
        masked = _lists_masks(file)
        columns = MASK if masked else BOX
        lines = read_table(file, columns, ",")
        for column in (1, 2) if masked else ():
            _refuse_leading_out(file, lines, column)
        for line in lines:
            places.setdefault(line.fields[0], []).append(line)
        _refuse_unmatched(file, {image_id: found[0] for image_id, found in places.items()}, images, listing, columns)
    return Part(folder, images, labels, sizes, places, masked)


def _has(folder: Path, name: str) -> bool:
    """Whether a file is there and not empty: wsolevaluation has empty ones for what a dataset lacks."""
    file = folder / f"{name}.txt"
    return file.is_file() and file.stat().st_size > 0


def _lists_masks(file: Path) -> bool:
    """Whether the first line of localization.txt has the columns of a mask, going by their number."""
    if not file.is_file():
        return False
    with file.open(encoding="utf-8", errors="replace") as text:
        return next((line.count(",") < len(MASK) for line in text if line.strip()), False)


def _refuse_leading_out(file: Path, lines: Iterable[Line], column: int) -> None:
    """Refuses absolute paths and those that lead upwards."""
    refuse(
        [
            f"{file}, line {line.number}: the path {line.fields[column]!r} leads out of its folder"
            for line in lines
            if PurePosixPath(line.fields[column]).is_absolute() or ".." in PurePosixPath(line.fields[column]).parts
        ],
        "Paths are relative to the given folder and go downwards; correct the line.",
    )


def _refuse_unmatched(file: Path, table: Table, images: Table, listing: Path, columns: Columns) -> None:
    """Refuses lines of images that image_ids.txt does not list, and images without a line."""
    refuse(
        [
            f"{file}, line {line.number}: image {image_id} is not in {listing}"
            for image_id, line in table.items()
            if image_id not in images
        ],
        f"Remove the line or list the image in {listing.name}.",
    )
    refuse(
        [
            f"{file}: no line for image {image_id} ({listing}, line {line.number}), expected one"
            for image_id, line in images.items()
            if image_id not in table
        ],
        f"Add a line '{','.join(f'<{name}>' for name in columns)}' or remove the image from {listing.name}.",
    )


def _check_parts(parts: dict[str, Part]) -> None:
    """Refuses what is only wrong across splits: an image in two, gaps between labels, boxes here and masks there."""
    first: dict[str, tuple[Path, Line]] = {}
    refuse(
        [
            f"{part.folder / 'image_ids.txt'}, line {line.number}: image {image_id} is also in "
            f"{first[image_id][0]}, line {first[image_id][1].number}"
            for part in parts.values()
            for image_id, line in part.images.items()
            if first.setdefault(image_id, (part.folder / "image_ids.txt", line))[1] is not line
        ],
        "An image belongs to one split; remove it from the others.",
    )
    labels = {line.fields[1] for part in parts.values() for line in part.labels.values()}
    refuse(
        [
            f"{part.folder / 'class_labels.txt'}, line {line.number}: image {image_id} has label {line.fields[1]}, "
            f"expected 0 to {len(labels) - 1} as there are {len(labels)} different labels in train, val and test"
            for part in parts.values()
            for image_id, line in part.labels.items()
            if not 0 <= line.fields[1] < len(labels)
        ],
        "Number the classes from 0 without gaps.",
    )
    kinds = {part.masked: part.folder / "localization.txt" for part in parts.values() if part.places}
    if len(kinds) > 1:
        raise UserError(
            f"{kinds[True]}: lists masks, but {kinds[False]} boxes; expected one of them in every split. "
            "Give a dataset with boxes and one with masks names of their own."
        )
