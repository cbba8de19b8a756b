"""Masks at the size of the score maps, and which of their pixels count as object, as background, or not at all.

OpenImages' and SynthBirds' masks are 0 and 255. CUB's are grey: the share of five annotators who drew the pixel as
bird, in steps of 51. Here a pixel is object if more than half of them drew it, that is above 127. wsolevaluation takes
every value above 0.5 (of 255), so one annotator is enough; it never measures PxAP on CUB.
"""

from pathlib import Path

import cv2
import numpy as np

from camagain.errors import UserError

OBJECT_ABOVE = 127
"""Grey levels above this are object, all others background."""

BACKGROUND, OBJECT, IGNORED = 0, 1, 255


def read_mask(path: Path, size: int, image_size: tuple[int, int] | None = None) -> np.ndarray:
    """Which pixels of a mask file are object, at the size of the score maps: (size, size) bool.

    The nearest pixel is taken, as wsolevaluation does it: float32 through cv2.resize. `image_size` is the image's width
    and height, which the mask must share. UserError, naming the file, when it is missing, cannot be decoded, has
    another size, or holds nothing above 1: such a mask counts to 1 instead of 255, and would be empty here.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(
            f"{path}: no such mask, though the index lists it. Restore the file or run `camagain data` again."
        )
    pixels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)  # (h, w) uint8, or None
    if pixels is None:
        raise UserError(f"{path}: cannot be read as a mask. Restore the file and run `camagain data` again.")
    height, width = pixels.shape
    if image_size is not None and (width, height) != tuple(image_size):
        raise UserError(
            f"{path}: the mask has {width} x {height} pixels, but its image {image_size[0]} x {image_size[1]}. "
            "A mask must cover its image pixel by pixel; restore the one that belongs to it."
        )
    if pixels.max() == 1:
        raise UserError(f"{path}: found only values 0 and 1, expected 0 background to 255 object. Multiply it by 255.")
    return cv2.resize(pixels.astype(np.float32), (size, size), interpolation=cv2.INTER_NEAREST) > OBJECT_ABOVE


def read_regions(
    mask_path: Path, ignore_path: Path | None, size: int, image_size: tuple[int, int] | None = None
) -> np.ndarray:
    """What each pixel counts as: (size, size) uint8 with 0 background, 1 object and 255 ignored.

    `ignore_path` is a second mask, of pixels that are left out of every count; a pixel that is also object remains
    object, as in wsolevaluation. UserError as `read_mask`, for either file.
    """
    is_object = read_mask(mask_path, size, image_size)
    regions = np.where(is_object, np.uint8(OBJECT), np.uint8(BACKGROUND))
    if ignore_path is not None:
        regions[read_mask(ignore_path, size, image_size) & ~is_object] = IGNORED
    return regions
