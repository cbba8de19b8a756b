"""Reads the boxes of the parts that decide a bird's class."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from camagain.datasets.synthbirds.classes import CUE_PARTS
from camagain.datasets.text_tables import finite, flag, read_table

Edges = list[float]
"""x0, y0, x1, y1 in pixels of the image: the edges of a box, x1 and y1 behind its last pixel."""


def read_cue_boxes(folder: Path, image_ids: Sequence[str]) -> list[list[Edges]]:
    """The boxes of the visible parts of CUE_PARTS in a folder that `write_synthbirds` wrote, for each image in order.

    Edges of pixels, unlike the boxes of birds, which follow CUB: these are for counting the pixels inside.
    """
    names = read_table(folder / "parts" / "parts.txt", {"part id": int, "part name": str})
    cues = {line.fields[0] for line in names if line.fields[1] in CUE_PARTS}
    sides: dict[str, Callable[[str], Any]] = dict.fromkeys(("x", "y", "width", "height"), finite)
    columns: dict[str, Callable[[str], Any]] = {"image id": str, "part id": int, **sides, "visible": flag}
    boxes: dict[str, list[Edges]] = {image_id: [] for image_id in image_ids}
    for line in read_table(folder / "parts" / "part_boxes.txt", columns):
        image_id, part, x, y, width, height, visible = line.fields
        if part in cues and visible:
            boxes[image_id].append([x, y, x + width, y + height])
    return [boxes[image_id] for image_id in image_ids]
