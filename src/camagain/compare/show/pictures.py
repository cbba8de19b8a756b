"""The images whose boxes moved most, side by side: the photograph with every box, and the score map of each run."""

import base64
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from camagain.artifacts import INSIDE
from camagain.compare.judging.images import ImageComparison, ImagePair, maps_of
from camagain.compare.runs.folder import RunFolder
from camagain.compare.show.photographs import SIDE, Photograph, Photographs
from camagain.drawing.maps import TRUE_COLOR, draw_box, note, overlay, show

SETS = 6
"""Sets of images, one for each model and method, that are drawn: a page has to stay small."""

Side = Literal["a", "b"]
Tile = Literal["photograph", "a", "b"]

COLORS: Mapping[Side, str] = {"a": "#56B4E9", "b": "#FFD400"}
"""Boxes of each run; the true ones are white."""

TILE_PIXELS = 200
GAP_PIXELS = 4
DOTS_PER_INCH = 100
JPEG_QUALITY = 82
RIM = 1.5


@dataclass(frozen=True)
class Picture:
    """One image as tiles in a row, left to right, as a JPEG in a data URI."""

    pair: ImagePair
    tiles: tuple[Tile, ...]
    uri: str


@dataclass(frozen=True)
class Outcome:
    """What one run says of the images of one set: boxes x0, y0, x1, y1 in original pixels and score maps, by id."""

    boxes: Mapping[str, np.ndarray]
    maps: Mapping[str, np.ndarray]  # empty where the run keeps none

    @classmethod
    def read(cls, run: RunFolder, images: ImageComparison, wanted: list[str]) -> "Outcome":
        """Reads the boxes and maps of the wanted images."""
        table = run.parquet(INSIDE.images(images.model, images.method).as_posix()).set_index("image_id")
        boxes = table.loc[wanted, ["x0", "y0", "x1", "y1"]].to_numpy(dtype=float)
        file = INSIDE.maps(images.model).as_posix()
        maps = maps_of(run, file, images.method, pd.Series(wanted)) if run.has(file) else np.empty((0, 0, 0))
        return cls(dict(zip(wanted, boxes, strict=True)), dict(zip(wanted, maps, strict=False)))


def shown_sets(images: tuple[ImageComparison, ...]) -> list[ImageComparison]:
    """The sets that are drawn: the worst of every model first, then the second worst of every model, and so on.

    Of sets of one model that moved mostly the same images in the same way, such as CAM for the predicted and for the
    true class, only the worst is drawn.
    """
    moved = sorted((found for found in images if found.worst), key=lambda f: (-f.verdict.level, -len(f.flipped)))
    of_model: dict[str, list[ImageComparison]] = {}
    for found in moved:
        others = of_model.setdefault(found.model, [])
        if not any(2 * len(set(found.worst) & set(other.worst)) > len(found.worst) for other in others):
            others.append(found)
    turns = zip_longest(*of_model.values())
    return [found for turn in turns for found in turn if found is not None][:SETS]


def draw_set(a: RunFolder, b: RunFolder, images: ImageComparison, photographs: Photographs) -> Iterator[Picture]:
    """The images of one set that moved most, as pictures."""
    wanted = [pair.image_id for pair in images.worst]
    outcomes: dict[Side, Outcome] = {"a": Outcome.read(a, images, wanted), "b": Outcome.read(b, images, wanted)}
    for pair in images.worst:
        photograph = photographs.of(pair.image_id)
        tiles: tuple[Tile, ...] = ("a", "b") if photograph.scale is None else ("photograph", "a", "b")
        yield Picture(pair, tiles, data_uri(draw(pair.image_id, photograph, outcomes, tiles), "jpeg"))


def draw(image_id: str, photograph: Photograph, outcomes: Mapping[Side, Outcome], tiles: tuple[Tile, ...]) -> bytes:
    """One image: tiles in a row without margins, so that words below can stand under each; JPEG bytes."""
    width = len(tiles) * TILE_PIXELS + (len(tiles) - 1) * GAP_PIXELS
    figure = Figure(figsize=(width / DOTS_PER_INCH, TILE_PIXELS / DOTS_PER_INCH), dpi=DOTS_PER_INCH)
    for place, tile in enumerate(tiles):
        left = place * (TILE_PIXELS + GAP_PIXELS) / width
        axes = figure.add_axes((left, 0, TILE_PIXELS / width, 1))
        draw_tile(axes, image_id, photograph, outcomes, tile)
    out = io.BytesIO()
    figure.savefig(out, format="jpeg", pil_kwargs={"quality": JPEG_QUALITY, "subsampling": 0, "optimize": True})
    return out.getvalue()


def draw_tile(axes: Axes, image_id: str, photograph: Photograph, outcomes: Mapping[Side, Outcome], tile: Tile) -> None:
    """The photograph with the boxes of both runs, or with the map and the box of one; true boxes on each."""
    scores = None if tile == "photograph" else outcomes[tile].maps.get(image_id)
    show(axes, np.asarray(photograph.image) if scores is None else overlay(photograph.image, scores))
    if tile != "photograph" and scores is None:
        note(axes, "no map kept")
    if photograph.scale is None:
        return
    for box in photograph.boxes:
        draw_box(axes, inside(box * photograph.scale), TRUE_COLOR)
    for side, outcome in outcomes.items():
        if tile in ("photograph", side):
            draw_box(axes, inside(outcome.boxes[image_id] * photograph.scale), COLORS[side])


def inside(box: np.ndarray) -> np.ndarray:
    """A box in pixels of a tile, (4,), drawn in so far that its line shows where it runs along the image's edge."""
    return np.clip(box, RIM, SIDE - 1 - RIM)


def data_uri(content: bytes, kind: str) -> str:
    """An image inside the page: the page needs no other file."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
