"""Makes the index of images in the layout of wsolevaluation (CUBv2, ILSVRC, OpenImages30k); see `wsol_text`."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import pandas as pd

from camagain.datasets.masks import Instances, write_united
from camagain.datasets.tables import refuse
from camagain.datasets.verify import image_sizes
from camagain.datasets.wsol_text import Part, read_parts

SLACK_PIXELS = 1.0
"""A corner may lie this far beyond the last pixel, as with x1 = width. Of the 111,797 official boxes none does."""

Sizes = dict[str, tuple[int, int]]
"""Width and height by image id."""


def read_wsol_metadata(metadata: Path, images: Path, masks: Path, target: Path) -> pd.DataFrame:
    """The index of the images that the folder `metadata` lists; their paths are relative to the folder `images`.

    The masks of an image, relative to the folder `masks`, are united (see `camagain.datasets.masks`) into
    masks/object/<image id>.png below `target`, with masks/ignore/<image id>.png beside it; `mask_path` and
    `ignore_path` are relative to `target`. A class is named after the folder that holds its images, where each class
    has a folder of its own, else class-<label>. Every image is decoded once. Raises UserError for the first kind of
    fault, text files first because they are checked in a moment.
    """
    parts = read_parts(metadata)
    names = _class_names(parts.values())
    for part in parts.values():
        _check_images(part, images)
        if part.masked:
            _check_masks(part, masks)
    return pd.concat(
        [_split_index(split, part, names, images, masks, target) for split, part in parts.items()], ignore_index=True
    )


def _split_index(
    split: str, part: Part, names: dict[int, str], images: Path, masks: Path, target: Path
) -> pd.DataFrame:
    """The rows of one split."""
    sizes = _verified_sizes(part, images)
    labels = [part.labels[image_id].fields[1] for image_id in part.images]
    index = pd.DataFrame(
        {
            "image_id": list(part.images),
            "path": list(part.images),
            "label": labels,
            "class_name": [names[label] for label in labels],
            "split": split,
            "width": [width for width, _ in sizes.values()],
            "height": [height for _, height in sizes.values()],
        }
    )
    if not part.masked:
        missing = pd.Series(None, index.index, "str")
        return index.assign(boxes=_clipped_boxes(part, sizes), mask_path=missing, ignore_path=missing)
    instances = [_instances(part, image_id, sizes[image_id], masks, target) for image_id in part.images]
    return index.assign(
        boxes=[[list(box)] for box in write_united(instances)],
        mask_path=[one.object_target.relative_to(target).as_posix() for one in instances],
        ignore_path=[one.ignore_target.relative_to(target).as_posix() for one in instances],
    )


def _class_names(parts: Iterable[Part]) -> dict[int, str]:
    """Names by label: folders where they and the labels are one to one, else numbers padded to one width."""
    folders: dict[int, set[str]] = {}
    for part in parts:
        for image_id, line in part.labels.items():
            folders.setdefault(line.fields[1], set()).add(PurePosixPath(image_id).parent.name)
    names = {label: min(found) for label, found in folders.items() if len(found) == 1}
    if len(set(names.values()) - {""}) == len(folders):
        return names
    digits = len(str(max(folders)))
    return {label: f"class-{label:0{digits}d}" for label in folders}


def _check_images(part: Part, images: Path) -> None:
    """Refuses images that are not there."""
    refuse(
        [
            f"{images / image_id}: no such image, but {part.folder / 'image_ids.txt'}, line {line.number}, lists it"
            for image_id, line in part.images.items()
            if not (images / image_id).is_file()
        ],
        f"Paths are relative to {images}; put the file there, or give the folder that they are relative to.",
    )


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


def _verified_sizes(part: Part, images: Path) -> Sizes:
    """Width and height of every image, each decoded once and compared with image_sizes.txt where that is given."""
    found = dict(zip(part.images, image_sizes([images / image_id for image_id in part.images]), strict=True))
    refuse(
        [
            f"{images / image_id} ({part.folder / 'image_ids.txt'}, line {part.images[image_id].number}): not a "
            f"complete, readable image: {size}"
            for image_id, size in found.items()
            if isinstance(size, str)
        ],
        "Copy or download the file again.",
    )
    sizes = {image_id: size for image_id, size in found.items() if not isinstance(size, str)}
    refuse(
        [
            f"{part.folder / 'image_sizes.txt'}, line {line.number}: image {image_id} has {line.fields[1]} x "
            f"{line.fields[2]} pixels, but the file {images / image_id} {sizes[image_id][0]} x {sizes[image_id][1]}"
            for image_id, line in part.sizes.items()
            if sizes[image_id] != line.fields[1:]
        ],
        "Boxes hold for images as they were published (were these resized?); restore the original files.",
    )
    return sizes


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
