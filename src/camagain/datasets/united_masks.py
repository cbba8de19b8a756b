"""Unites the masks of an image's instances into one, and those of the regions that evaluation ignores.

wsolevaluation resizes each mask to the size of the score maps, taking the nearest pixel, and then unites. Taking the
nearest pixel of the united mask is the same as long as all masks of an image have one size, so other sizes are refused.
The size of the image need not be the masks': in Open Images it seldom is (github.com/openimages/dataset, issue 92).
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from camagain.artifacts import atomic, readable
from camagain.datasets.opened import open_image
from camagain.datasets.text_tables import refuse
from camagain.errors import UserError
from camagain.progress import track

Box = tuple[float, float, float, float]
Sourced = tuple[str, Path]
"""A mask file, with the line of text that lists it."""


@dataclass(frozen=True)
class Instances:
    """The mask files of one image, its width and height, and where the united masks are written."""

    image_id: str
    image_size: tuple[int, int]
    masks: Sequence[Sourced]
    ignore: Sourced | None
    object_target: Path
    ignore_target: Path


def write_united(images: Sequence[Instances]) -> list[Box]:
    """Writes for each image the object's and the ignored pixels as 255, others 0, and gives the object's tight box.

    The box is in pixels of the image. Raises UserError for a mask that cannot be decoded, masks of different sizes, and
    an image without any pixel of its object.
    """
    # Decoding and deflating release the interpreter lock.
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        found = list(track(pool.map(_box_or_fault, images), len(images), "uniting masks"))
    refuse(
        [fault.removesuffix(".") for fault in found if isinstance(fault, str)],
        "Copy or download the masks again, or remove the image.",
    )
    return [box for box in found if not isinstance(box, str)]


def unite(masks: Sequence[Sourced], ignore: Sourced | None) -> tuple[np.ndarray, np.ndarray]:
    """Where any mask is above 0, and where only `ignore` is: two arrays (h, w) bool that share no pixel."""
    is_object = _read(masks[0])  # (h, w)
    for mask in masks[1:]:
        is_object = is_object | _same_size(mask, masks[0], is_object)
    if ignore is None:
        return is_object, np.zeros_like(is_object)
    return is_object, _same_size(ignore, masks[0], is_object) & ~is_object


def tight_box(mask: np.ndarray, image_size: tuple[int, int]) -> Box:
    """x0, y0, x1, y1 of the first and the last pixel of a mask (h, w) that has any, in pixels of its image.

    Where image and mask differ in size, corners are multiplied by the ratio, as the evaluation scales boxes to a map:
    there the two steps cancel. Clipped to the image's last pixel, which matters for images smaller than the mask.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    (height, width), (image_width, image_height) = mask.shape, image_size
    x0, x1 = (min(x * image_width / width, image_width - 1.0) for x in (int(columns[0]), int(columns[-1])))
    y0, y1 = (min(y * image_height / height, image_height - 1.0) for y in (int(rows[0]), int(rows[-1])))
    return x0, y0, x1, y1


def _box_or_fault(image: Instances) -> Box | str:
    """The object's box, or what is wrong with the masks."""
    try:
        return _write(image)
    except UserError as error:
        return str(error)


def _write(image: Instances) -> Box:
    is_object, is_ignored = unite(image.masks, image.ignore)
    if not is_object.any():
        where, path = image.masks[0]
        raise UserError(
            f"{path} ({where}): no pixel of image {image.image_id} belongs to its object in any of its "
            f"{len(image.masks)} masks, expected some above 0."
        )
    for target, mask in ((image.object_target, is_object), (image.ignore_target, is_ignored)):
        with atomic(target) as temporary:
            Image.fromarray(mask.astype(np.uint8) * 255).save(temporary)
    return tight_box(is_object, image.image_size)


def _same_size(mask: Sourced, first: Sourced, expected: np.ndarray) -> np.ndarray:
    """A mask that must have the size of the image's first."""
    pixels = _read(mask)
    if pixels.shape != expected.shape:
        (height, width), (first_height, first_width) = pixels.shape, expected.shape
        raise UserError(
            f"{mask[1]} ({mask[0]}): has {width} x {height} pixels, but {first[1]} of the same image {first_width} x "
            f"{first_height}; the masks of one image must have one size."
        )
    return pixels


def _read(mask: Sourced) -> np.ndarray:
    """Which pixels of a mask file are above 0 when it is read as grey: (h, w) bool."""
    where, path = mask
    readable(path)
    try:
        with open_image(path) as image:
            return np.asarray(image.convert("L")) > 0
    except Exception as error:  # whatever a decoder raises on a damaged file means that the file is damaged
        raise UserError(f"{path} ({where}): not a complete, readable mask: {error or type(error).__name__}.") from None
