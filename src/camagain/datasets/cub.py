"""Reads a folder in the CUB-200-2011 layout into the index, and refuses a faulty one in one sentence.

| file | line |
|---|---|
| images.txt | image id, path below images/ |
| image_class_labels.txt | image id, class id |
| train_test_split.txt | image id, 1 (training) or 0 (test) |
| bounding_boxes.txt | image id, x, y, width, height in pixels of the image file |
| classes.txt | class id, class name; classes without an image are allowed |
| segmentations/ | optional masks: the image's path with .png |
| parts/ | optional: where named parts are, see `camagain.datasets.parts` |

An image has exactly one box. The layout has no notion of a second one: a repeated line comes from joining files, so it
is refused rather than taken for another bird.
"""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from camagain.datasets.parts import read_parts, refuse_outside
from camagain.datasets.split import carve_val
from camagain.datasets.text_tables import (
    Columns,
    Line,
    finite,
    flag,
    read_table,
    refuse,
    refuse_leading_out,
    refuse_unmatched,
    require_complete,
    unique,
)
from camagain.datasets.verify import verified_sizes
from camagain.errors import UserError

SLACK_PIXELS = 1.0
"""A box may reach this far outside its image, because of rounding."""

SLACK_INSIDE = 0.90
"""The least share that must lie inside the image, of a box that reaches further outside.

Of the 11,788 official boxes 30 reach outside by 1 to 32 pixels; the worst (image 5007) has 92.0 % of its area inside.
"""

Table = dict[str, Line]
"""Lines by image id."""


@dataclass(frozen=True)
class Layout:
    """What the text files say of each image besides its box, in the order of images.txt."""

    images: Table
    class_ids: list[int]
    names: list[str]
    splits: list[str]


def read_layout(folder: Path, val_per_class: int, seed: int) -> Layout:
    """The classes and the split of the images of a folder, from its text files alone; UserError for a fault in them."""
    _check_folder(folder)
    images = _read_images(folder / "images.txt")
    classes = _read_classes(folder / "classes.txt")
    labels = _join(folder / "image_class_labels.txt", {"image id": str, "class id": int}, images)
    parts = _join(folder / "train_test_split.txt", {"image id": str, "is training": flag}, images)
    _refuse_unknown_classes(folder, labels, classes, images)
    described = [i for i in images if i in labels and i in parts and labels[i].fields[1] in classes]  # all, or refused
    class_ids = [labels[image_id].fields[1] for image_id in described]
    names = [classes[class_id] for class_id in class_ids]
    is_train = [parts[image_id].fields[1] for image_id in described]
    splits = carve_val(described, names, is_train, val_per_class, seed, folder / "train_test_split.txt")
    return Layout(images, class_ids, names, splits)


def read_cub(folder: Path, val_per_class: int, seed: int = 0) -> pd.DataFrame:
    """The index of a CUB-layout folder, in the order of images.txt; `path` and `mask_path` are relative to `folder`.

    Labels are the class ids that have images, in rising order, renumbered from 0. Val is carved from the training part
    (see `carve_val`). Boxes are clipped as wsolevaluation's metadata has them (see `corners`). Every image is decoded
    once. Raises UserError for the first kind of fault, text files first because they are checked in a moment.
    """
    folder = Path(folder)
    layout = read_layout(folder, val_per_class, seed)
    images, class_ids, names, splits = layout.images, layout.class_ids, layout.names, layout.splits
    label_of = {class_id: label for label, class_id in enumerate(sorted(set(class_ids)))}
    box_columns: Columns = {"image id": str, "x": finite, "y": finite, "width": finite, "height": finite}
    boxes = _join(folder / "bounding_boxes.txt", box_columns, images)
    parts = read_parts(folder, images)

    paths = [f"images/{line.fields[1]}" for line in images.values()]
    by_id = verified_sizes(folder / "images", images, folder / "images.txt")
    clipped = _clipped_boxes(folder, images, boxes, by_id)
    if parts is not None:
        refuse_outside(folder, images, by_id, parts)
    require_complete()
    sizes = list(by_id.values())
    index = pd.DataFrame(
        {
            "image_id": list(images),
            "path": paths,
            "label": [label_of[class_id] for class_id in class_ids],
            "class_name": names,
            "split": splits,
            "width": [width for width, _ in sizes],
            "height": [height for _, height in sizes],
            "boxes": [[list(box)] for box in clipped],
            "mask_path": pd.Series([_mask(folder, line.fields[1]) for line in images.values()], dtype="str"),
        }
    )
    return index if parts is None else index.assign(parts=pd.Series(parts, dtype="object"))


def corners(
    x: float, y: float, width: float, height: float, image_width: int, image_height: int
) -> tuple[float, float, float, float]:
    """x, y, width, height as x0, y0, x1, y1, clipped to the last pixel (image_width - 1, image_height - 1).

    Corners are inclusive pixel indices. For all 11,788 official boxes this gives the numbers of wsolevaluation's
    localization.txt.
    """
    right, bottom = image_width - 1.0, image_height - 1.0
    x0, x1 = (min(max(value, 0.0), right) for value in (x, x + width))
    y0, y1 = (min(max(value, 0.0), bottom) for value in (y, y + height))
    return x0, y0, x1, y1


def _check_folder(folder: Path) -> None:
    """Raises UserError unless `folder` holds images.txt; points to a folder nearby that does."""
    if folder.is_file():
        raise UserError(
            f"{folder}: is a file, expected a folder in the CUB-200-2011 layout. Unpack it and give the folder."
        )
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder. Give the folder that holds images.txt and images/.")
    if not (folder / "images.txt").is_file():
        near = [path.parent for path in sorted(folder.glob("*/images.txt"))]
        near += [folder.parent] if (folder.parent / "images.txt").is_file() else []
        hint = f"Did you mean {near[0]}?" if near else "Give the folder that holds images.txt and images/."
        raise UserError(f"{folder / 'images.txt'}: no such file, expected lines '<image id> <path>'. {hint}")


def _read_images(file: Path) -> Table:
    """The lines of images.txt by image id; ids and paths are unique, and no path leads out of images/."""
    lines = read_table(file, {"image id": str, "path": str})
    refuse_leading_out(file, lines, 1, "images/")
    images = unique(file, lines)
    unique(file, lines, "path", 1, "One file under two ids could be trained and tested on; remove one.")
    return images


def _read_classes(file: Path) -> dict[int, str]:
    """Class names by class id."""
    lines = read_table(file, {"class id": int, "class name": str})
    by_id = unique(file, lines, "class id")
    unique(file, lines, "class name", 1, "Give every class its own name.")
    return {class_id: line.fields[1] for class_id, line in by_id.items()}


def _join(file: Path, columns: Columns, images: Table) -> Table:
    """The table of a file that must have exactly one line for every image of images.txt."""
    table = unique(file, read_table(file, columns))
    refuse_unmatched(file, table, images, file.with_name("images.txt"), columns)
    return table


def _refuse_unknown_classes(folder: Path, labels: Table, classes: dict[int, str], images: Table) -> None:
    """Refuses class ids that are not in classes.txt."""
    refuse(
        [
            f"{folder / 'image_class_labels.txt'}, line {line.number}: image {image_id} "
            f"({images[image_id].fields[1]}) has class id {line.fields[1]}, which {folder / 'classes.txt'} lacks"
            for image_id, line in labels.items()
            if classes and image_id in images and line.fields[1] not in classes
        ],
        "Correct the id or add the class to classes.txt.",
    )


def _clipped_boxes(
    folder: Path, images: Table, boxes: Table, sizes: dict[str, tuple[int, int]]
) -> list[tuple[float, float, float, float]]:
    """Boxes as clipped corners, in image order; refuses those without area and those that belong to another image."""
    file = folder / "bounding_boxes.txt"
    flat, outside, clipped, corner_like = [], [], [], True
    for image_id, (image_width, image_height) in sizes.items():
        if image_id not in boxes:
            continue  # refused before
        image, line = images[image_id], boxes[image_id]
        x, y, width, height = line.fields[1:]
        corner_like = (
            corner_like and x < width <= image_width + SLACK_PIXELS and y < height <= image_height + SLACK_PIXELS
        )
        where = f"{file}, line {line.number}: the box of image {image_id} ({image.fields[1]})"
        if width <= 0 or height <= 0:
            flat.append(f"{where} is {width:g} x {height:g} pixels, expected a width and a height above 0")
            continue
        inside = max(0.0, min(x + width, image_width) - max(x, 0.0)) / width
        inside *= max(0.0, min(y + height, image_height) - max(y, 0.0)) / height
        beyond = max(-x, -y, x + width - image_width, y + height - image_height)
        if inside == 0 or (beyond > SLACK_PIXELS and inside < SLACK_INSIDE):
            outside.append(
                f"{where} covers x {x:g} to {x + width:g}, y {y:g} to {y + height:g}, but the image "
                f"has {image_width} x {image_height} pixels: {inside:.0%} of the box lies inside, expected at least "
                f"{SLACK_INSIDE:.0%}"
            )
        clipped.append(corners(x, y, width, height, image_width, image_height))
    refuse(flat, "Correct the box; fields are x, y, width, height.")
    refuse(
        outside,
        "Boxes are x, y, width, height in pixels of the image file as it is; every box here would fit as corners x0, "
        "y0, x1, y1: write x1 - x0 and y1 - y0 in their place."
        if corner_like
        else "Boxes are x, y, width, height in pixels of the image file as it is (were the images resized?).",
    )
    return clipped


def _mask(folder: Path, path: str) -> str | None:
    """The image's mask, where there is one."""
    mask = PurePosixPath("segmentations", path).with_suffix(".png")
    return str(mask) if (folder / mask).is_file() else None
