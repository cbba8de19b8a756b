"""What the localization pass stored of the test images, in the order of the index. Never imports torch."""

from pathlib import Path

import numpy as np

from camagain.artifacts import DAMAGED_NPZ, existing
from camagain.config import Localization
from camagain.config.methods import declared
from camagain.errors import UserError
from camagain.evaluation.inputs import REMEDY, Truth, matching_rows

IMAGE_AXIS = {
    "gap_value": 0,
    "activated_cells": 1,
    "positive": 0,
    "negative": 0,
    "component": 0,
    "explained_variance": 0,
}
"""The axis of each array along which its images lie; other arrays do not hold one entry per image."""


def described(method: str, settings: Localization) -> str:
    """The name under which the described maps of a method are stored."""
    other = declared(method).variants and settings.variant != "described"
    return f"{method}.described" if other else method


def read_test(path: Path, truth: Truth, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Arrays of a file of the localization stage by name, images of the test split alone, in the order of their truth.

    Arrays without an axis of images come as they are. UserError when the file cannot be read, lacks an array,
    or does not hold exactly the test images.
    """
    try:
        with np.load(existing(path)) as file:
            image_id, split = file["image_id"], file["split"]
            arrays = {name: file[name] for name in names}
    except DAMAGED_NPZ as error:
        raise UserError(f"{path}: not a file of this version of the localization stage ({error}). {REMEDY}") from None
    here = np.flatnonzero(split == "test")
    rows = here[matching_rows(image_id[here].tolist(), truth.image_id, "test", path)]  # (N,)
    return {name: array.take(rows, IMAGE_AXIS[name]) if name in IMAGE_AXIS else array for name, array in arrays.items()}
