"""Makes the index of images in the layout of wsolevaluation (CUBv2, ILSVRC, OpenImages30k).

| file in test/, and in train/ and val/ where they are there | line |
|---|---|
| image_ids.txt | path below the folder of images; it is the image's id |
| class_labels.txt | path,label with labels from 0, without gaps unless the number of classes is given |
| image_sizes.txt | path,width,height; may be missing or empty, sizes are then the images' |
| localization.txt | path,x0,y0,x1,y1 for every box, or path,mask,ignore for every instance |
| mapping.txt | path,path of the same file in an archive that calls its files otherwise; seldom there |

Corners are inclusive pixel indices. One of an image's lines with masks names the region to ignore; the others end in a
comma. Training needs no boxes, so localization.txt may be missing or empty in train/; where it has lines, every image
has one. image_ids_proxy.txt is not read. The layout is that of github.com/clovaai/wsolevaluation at 96f4b88679af.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from camagain.datasets.index import SPLITS
from camagain.datasets.text_tables import (
    Columns,
    Line,
    filled,
    finite,
    read_table,
    refuse,
    refuse_leading_out,
    refuse_unmatched,
    require_complete,
    unique,
)
from camagain.datasets.united_masks import Instances, write_united
from camagain.datasets.verify import verified_sizes
from camagain.errors import UserError

BOX: Columns = {"path": filled, "x0": finite, "y0": finite, "x1": finite, "y1": finite}
MASK: Columns = {"path": filled, "mask path": filled, "ignore path": str}

RENAMED = " Where files are called otherwise than in these text files, mapping.txt says how (docs/datasets.md)."

Table = dict[str, Line]
"""Lines by image id."""

SLACK_PIXELS = 1.0
"""A corner may lie this far beyond the last pixel, as with x1 = width. Of the 111,797 official boxes none does."""

Sizes = dict[str, tuple[int, int]]
"""Width and height by image id."""


@dataclass(frozen=True)
class Part:
    """The text files of one split, in the order of image_ids.txt."""

    folder: Path
    images: Table
    labels: Table
    sizes: Table  # empty where there is no image_sizes.txt
    places: dict[str, list[Line]]  # empty where there is no localization.txt
    masked: bool  # `places` are masks and not boxes


def read_wsol_metadata(
    metadata: Path, images: Path, masks: Path, target: Path, classes: int | None = None
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The index of the images that the folder `metadata` lists, and the names of all classes by label.

    Paths of the index are relative to the folder `images`. A folder without train/, val/ and test/ that holds the text
    files itself is a test split. `classes`: how many there are; without it every class has an image.

    The masks of an image, relative to the folder `masks`, are united (see `camagain.datasets.united_masks`) into
    masks/object/<image id>.png below `target`, with masks/ignore/<image id>.png beside it; `mask_path` and
    `ignore_path` are relative to `target`. A class is named after the folder that holds its images, where each class
    has a folder of its own, else class-<label>. Every image is decoded once. Raises UserError for the first kind of
    fault, text files first because they are checked in a moment.
    """
    parts = read_parts(metadata, classes)
    names = _class_names(parts.values(), classes)
    for part in parts.values():
        if part.masked:
            _check_masks(part, masks)
    files = {split: located(part.folder, part.images, images) for split, part in parts.items()}
    sizes = {
        split: verified_sizes(images, files[split], part.folder / "image_ids.txt", hint=RENAMED)
        for split, part in parts.items()
    }
    for split, part in parts.items():
        _refuse_resized(part, sizes[split], images, files[split])
    places = {split: _places(part, sizes[split], masks, target) for split, part in parts.items()}
    require_complete()
    index = pd.concat(
        [_split_index(split, part, sizes[split], names, places[split], files[split]) for split, part in parts.items()],
        ignore_index=True,
    )
    return index, tuple(names[label] for label in sorted(names))


def located(folder: Path, listed: Table, images: Path) -> Table:
    """By image id the line of image_ids.txt with the path of the image's file behind it, relative to `images`.

    That is the id itself, or what mapping.txt of the same split makes of it where no file has the id's own name. Paths
    in mapping.txt may lack the first folders of an id, the same ones of all: wsolevaluation's has `0/0.jpeg` for the
    image `val2/0/0.jpeg`.
    """
    renamed = _renamed(folder / "mapping.txt", listed) if _has(folder, "mapping") else {}
    paths = {
        image_id: image_id if image_id not in renamed or (images / image_id).is_file() else renamed[image_id]
        for image_id in listed
    }
    return {image_id: Line(line.number, (image_id, paths[image_id])) for image_id, line in listed.items()}


def _renamed(file: Path, listed: Table) -> dict[str, str]:
    """Image id -> path in the archive; UserError where the paths of mapping.txt are those of other images."""
    lines = read_table(file, {"path": filled, "path in the archive": filled}, ",")
    for column in (0, 1):
        refuse_leading_out(file, lines, column)
    names = {old: line.fields[1] for old, line in unique(file, lines).items()}
    above = next((image_id[:at] for image_id in listed for at in _starts(image_id) if image_id[at:] in names), None)
    if above is None:
        refuse(
            [f"{file}: no line is of an image of image_ids.txt, such as {image_id}" for image_id in [*listed][:1]],
            "Take the file that belongs to these images, or remove it where files have the names of image_ids.txt.",
        )
        return {}
    return {above + old: above + new for old, new in names.items()}


def _starts(image_id: str) -> Iterator[int]:
    """Where each part of a path begins."""
    yield 0
    yield from (at + 1 for at, letter in enumerate(image_id) if letter == "/")


Places = dict[str, list]
"""The columns of the index that say where objects are."""


def _split_index(
    split: str, part: Part, sizes: Sizes, names: dict[int, str], places: Places, files: Table
) -> pd.DataFrame:
    """The rows of one split."""
    labels = [part.labels[image_id].fields[1] for image_id in part.images]
    index = pd.DataFrame(
        {
            "image_id": list(part.images),
            "path": [files[image_id].fields[-1] for image_id in part.images],
            "label": labels,
            "class_name": [names[label] for label in labels],
            "split": split,
            "width": [width for width, _ in sizes.values()],
            "height": [height for _, height in sizes.values()],
        }
    )
    missing = pd.Series(None, index.index, "str")
    return index.assign(**{"mask_path": missing, "ignore_path": missing, **places})


def _places(part: Part, sizes: Sizes, masks: Path, target: Path) -> Places:
    """Boxes, and where there are masks their files, of the images of a split, in image order; masks are united."""
    if not part.masked:
        return {"boxes": _clipped_boxes(part, sizes)}
    instances = [
        _instances(part, image_id, size, masks, target) for image_id, size in sizes.items() if image_id in part.places
    ]
    return {
        "boxes": [[list(box)] for box in write_united(instances)],
        "mask_path": [one.object_target.relative_to(target).as_posix() for one in instances],
        "ignore_path": [one.ignore_target.relative_to(target).as_posix() for one in instances],
    }


def _class_names(parts: Iterable[Part], classes: int | None) -> dict[int, str]:
    """Names by label: folders where they and the labels are one to one, else numbers padded to one width."""
    folders: dict[int, set[str]] = {}
    for part in parts:
        for image_id, line in part.labels.items():
            folders.setdefault(line.fields[1], set()).add(PurePosixPath(image_id).parent.name)
    names = {label: min(found) for label, found in folders.items() if len(found) == 1}
    count = classes or len(folders)
    if len(set(names.values()) - {""}) == count:
        return names
    digits = len(str(count - 1))
    return {label: f"class-{label:0{digits}d}" for label in range(count)}


def _check_masks(part: Part, masks: Path) -> None:
    """Refuses masks that are not there, and a second region to ignore."""
    file = part.folder / "localization.txt"
    lines = [line for found in part.places.values() for line in found]
    refuse(
        [
            f"{masks / path}: no such mask, but {file}, line {line.number}, lists it for image {line.fields[0]}"
            for line in lines
            for path in line.fields[1:]
            if path and not (masks / path).is_file()
        ],
        f"Paths are relative to {masks}; put the file there, or give the folder that they are relative to.",
    )
    refuse(
        [
            f"{file}, line {ignores[1].number}: image {image_id} has a second region to ignore, first in line "
            f"{ignores[0].number}; expected one for each image"
            for image_id, found in part.places.items()
            if len(ignores := [line for line in found if line.fields[2]]) > 1
        ],
        "Leave the last column empty in all but one line of an image.",
    )


def _refuse_resized(part: Part, sizes: Sizes, images: Path, files: Table) -> None:
    """Refuses images of another size than image_sizes.txt says, where that is given."""
    refuse(
        [
            f"{part.folder / 'image_sizes.txt'}, line {line.number}: image {image_id} has {line.fields[1]} x "
            f"{line.fields[2]} pixels, but the file {images / files[image_id].fields[-1]} "
            f"{sizes[image_id][0]} x {sizes[image_id][1]}"
            for image_id, line in part.sizes.items()
            if sizes.get(image_id, line.fields[1:]) != line.fields[1:]
        ],
        "Boxes hold for images as they were published (were these resized?); restore the original files.",
    )


def _clipped_boxes(part: Part, sizes: Sizes) -> list[list[list[float]]]:
    """Boxes of each image, in image order, as they are given but not beyond the last pixel; none where none are given.

    Corners are inclusive pixel indices.
    """
    file = part.folder / "localization.txt"
    flat, outside, clipped = [], [], []
    for image_id, (width, height) in sizes.items():
        right, bottom = width - 1.0, height - 1.0
        boxes = []
        for line in part.places.get(image_id, []):
            x0, y0, x1, y1 = line.fields[1:]
            where = f"{file}, line {line.number}: the box {x0:g},{y0:g},{x1:g},{y1:g} of image {image_id}"
            if x1 <= x0 or y1 <= y0:
                flat.append(f"{where} has no area, expected x0 below x1 and y0 below y1")
            elif max(-x0, -y0, x1 - right, y1 - bottom) > SLACK_PIXELS or x0 > right or y0 > bottom or min(x1, y1) < 0:
                outside.append(
                    f"{where} reaches out of the image, which has {width} x {height} pixels: expected x from 0 to "
                    f"{right:g} and y from 0 to {bottom:g}"
                )
            boxes.append([max(x0, 0.0), max(y0, 0.0), min(x1, right), min(y1, bottom)])
        clipped.append(boxes)
    refuse(flat, "Fields are the corners x0,y0,x1,y1, not width and height; correct the line.")
    refuse(outside, "Corners are x0,y0,x1,y1 in pixels of the image file as it is; correct the line.")
    return clipped


def _instances(part: Part, image_id: str, size: tuple[int, int], masks: Path, target: Path) -> Instances:
    """The mask files of one image."""
    file, found = part.folder / "localization.txt", part.places[image_id]

    def sourced(column: int) -> list[tuple[str, Path]]:
        return [(f"{file}, line {line.number}", masks / line.fields[column]) for line in found if line.fields[column]]

    ignore = sourced(2)
    return Instances(
        image_id,
        image_size=size,
        masks=sourced(1),
        ignore=ignore[0] if ignore else None,
        object_target=target / "masks" / "object" / f"{image_id}.png",
        ignore_target=target / "masks" / "ignore" / f"{image_id}.png",
    )


def read_parts(metadata: Path, classes: int | None = None) -> dict[str, Part]:
    """The text files by split, consistent within each and across them; UserError for the first kind of fault."""
    parts = {split: _read_part(folder, split != "train") for split, folder in _folders(metadata).items()}
    _check_parts(parts, classes)
    return parts


def _folders(metadata: Path) -> dict[str, Path]:
    """The folders of the splits that `metadata` holds; UserError that points to a folder nearby where test is missing.

    Nothing but the text files of one split is a test split.
    """
    found = {split: metadata / split for split in SPLITS if (metadata / split).is_dir()}
    if "test" in found:
        return found
    if not found and (metadata / "image_ids.txt").is_file() and metadata.name not in SPLITS:
        return {"test": metadata}
    lacking = metadata / "test" if metadata.is_dir() else metadata
    near = [path.parent for path in [*sorted(metadata.glob("*/test")), metadata.parent / "test"] if path.is_dir()]
    raise UserError(
        f"{lacking}: no such folder. Give the folder that holds train/, val/ and test/, or test/ alone, with the text "
        "files." + (f" Did you mean {near[0]}?" if near else "")
    )


def _read_part(folder: Path, needs_places: bool) -> Part:
    """The text files of one split; those that have lines have them for exactly the images of image_ids.txt."""
    listing = folder / "image_ids.txt"
    lines = read_table(listing, {"path": filled}, ",")
    refuse_leading_out(listing, lines, 0)
    images = unique(listing, lines)

    def table(name: str, columns: Columns) -> Table:
        found = unique(folder / name, read_table(folder / name, columns, ","))
        refuse_unmatched(folder / name, found, images, listing, columns, ",")
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
            refuse_leading_out(file, lines, column)
        for line in lines:
            places.setdefault(line.fields[0], []).append(line)
        first = {image_id: found[0] for image_id, found in places.items()}
        refuse_unmatched(file, first, images, listing, columns, ",")
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


def _check_parts(parts: dict[str, Part], classes: int | None) -> None:
    """Refuses faults across splits: an image in two, gaps between labels, boxes in one and masks in another."""
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
    count = classes or len(labels)
    why = "the number of classes is set" if classes else f"there are {count} different labels in {', '.join(parts)}"
    refuse(
        [
            f"{part.folder / 'class_labels.txt'}, line {line.number}: image {image_id} has label {line.fields[1]}, "
            f"expected 0 to {count - 1} as {why}"
            for part in parts.values()
            for image_id, line in part.labels.items()
            if not 0 <= line.fields[1] < count
        ],
        "Number the classes from 0 without gaps, or set `classes` to how many there are.",
    )
    kinds = {part.masked: part.folder / "localization.txt" for part in parts.values() if part.places}
    if len(kinds) > 1:
        refuse(
            [f"{kinds[True]}: lists masks, but {kinds[False]} boxes; expected one of them in every split"],
            "Give a dataset with boxes and one with masks names of their own.",
        )
