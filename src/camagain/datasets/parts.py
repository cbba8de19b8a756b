"""Named parts of an object, and how a folder in the CUB-200-2011 layout says where they are.

| file in parts/ | line |
|---|---|
| parts.txt | part id, part name |
| part_locs.txt | image id, part id, x, y in pixels of the image file, 1 (visible) or 0: for each part of each image |
| part_boxes.txt | image id, part id, x, y, width, height, 1 or 0; alike. Optional: only SynthBirds has it |
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from camagain.datasets.text_tables import Columns, Line, finite, flag, read_table, refuse, unique

SLACK = 0.05
"""A point may lie this share of the image's side outside of it.

Of the 141,407 visible points of the official set one lies outside: image 5007's breast, 11 pixels below one of 333.
"""


@dataclass(frozen=True)
class Part:
    """One visible part of the object in an image, in pixels of the image.

    `x` and `y` count from its left and upper edge. `box`, where known, is x0, y0, x1, y1 as edges of pixels, x1 and y1
    behind the last one: it is for counting the pixels inside, unlike the box of an object, whose corners are pixels.
    """

    name: str
    x: float
    y: float
    box: tuple[float, float, float, float] | None = None


def read_parts(folder: Path, images: dict[str, Line]) -> list[tuple[Part, ...]] | None:
    """The visible parts of each image of a folder, in the order of part ids; None for a folder without parts/.

    `images`: the lines of images.txt by image id. UserError for the first kind of fault.
    """
    place = folder / "parts"
    if not place.is_dir():
        return None
    listing, locations, boxed = (place / name for name in ("parts.txt", "part_locs.txt", "part_boxes.txt"))
    for file in (listing, locations):
        if not file.is_file():
            refuse([f"{file}: no such file, though {place} is there"], f"Restore it, or remove {place}.")
            return None
    names = _read_names(listing)
    points = _read_each(locations, ("x", "y"), images, names)
    boxes = _read_each(boxed, ("x", "y", "width", "height"), images, names) if boxed.is_file() else {}
    return [
        tuple(
            Part(name, x, y, _edges(boxes.get((image_id, part))))
            for part, name in names.items()
            if (image_id, part) in points
            for x, y, visible in [points[image_id, part].fields[2:]]
            if visible
        )
        for image_id in images
    ]


def refuse_outside(
    folder: Path, images: dict[str, Line], sizes: Mapping[str, tuple[int, int]], parts: Sequence[Sequence[Part]]
) -> None:
    """Refuses parts, of each image, that lie outside of it by more than SLACK; `sizes`: width and height by image."""
    refuse(
        [
            f"{folder / 'parts' / 'part_locs.txt'}: {part.name} of image {image_id} ({line.fields[1]}) is at "
            f"{part.x:g}, {part.y:g}, outside of the image, which has {width} x {height} pixels"
            for (image_id, line), of_image in zip(images.items(), parts, strict=True)
            if image_id in sizes
            for width, height in [sizes[image_id]]
            for part in of_image
            if abs(part.x / width - 0.5) > 0.5 + SLACK or abs(part.y / height - 0.5) > 0.5 + SLACK
        ],
        "Points are x, y in pixels of the image file as it is (were the images resized?).",
    )


Lines = dict[tuple[str, int], Line]
"""Lines by image id and part id."""


def _read_names(file: Path) -> dict[int, str]:
    """Names of parts by part id."""
    lines = read_table(file, {"part id": int, "part name": str})
    by_id = unique(file, lines, "part id")
    unique(file, lines, "part name", 1, "Give every part its own name.")
    return {part: line.fields[1] for part, line in sorted(by_id.items())}


def _read_each(file: Path, values: tuple[str, ...], images: dict[str, Line], names: dict[int, str]) -> Lines:
    """A file that must have exactly one line for each part of each image."""
    columns: Columns = {"image id": str, "part id": int, **dict.fromkeys(values, finite), "visible": flag}
    lines = read_table(file, columns)
    _refuse_unknown(file, lines, 0, images, "image id", file.parents[1] / "images.txt")
    _refuse_unknown(file, lines, 1, names, "part id", file.with_name("parts.txt"))
    found: Lines = {}
    refuse(
        [
            f"{file}, line {line.number}: part {key[1]} ({names.get(key[1])}) of image {key[0]} occurs again, first in "
            f"line {found[key].number}; expected one line per part of an image"
            for line in lines
            if found.setdefault(key := (line.fields[0], line.fields[1]), line) is not line
        ],
        "Remove the line that is wrong or restore the original file.",
    )
    refuse(
        [
            f"{file}: no line for part {part} ({name}) of image {image_id} ({line.fields[1]}), expected one"
            for image_id, line in images.items()
            for part, name in names.items()
            if found and (image_id, part) not in found
        ],
        f"Add a line '{' '.join(f'<{name}>' for name in columns)}'; for a part that is not seen all numbers are 0.",
    )
    return found


def _refuse_unknown(
    file: Path, lines: list[Line], column: int, known: Collection[Any], what: str, listing: Path
) -> None:
    """Refuses lines with an id that `listing` does not have."""
    refuse(
        [
            f"{file}, line {line.number}: {what} {line.fields[column]} is not in {listing}"
            for line in lines
            if line.fields[column] not in known
        ],
        f"Remove the line or correct {listing.name}.",
    )


def _edges(line: Line | None) -> tuple[float, float, float, float] | None:
    """The box of a line of part_boxes.txt; None where the part is not visible."""
    if line is None or not line.fields[-1]:
        return None
    x, y, width, height = line.fields[2:6]
    return x, y, x + width, y + height
