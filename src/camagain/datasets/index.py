"""The index: one row per image, the same columns for every dataset.

| column | meaning |
|---|---|
| image_id | text, unique |
| path | image file, relative to the index's folder (or absolute when the images lie elsewhere) |
| label | class number, from 0 |
| class_name | text |
| split | "train", "val" or "test"; only test has to have images |
| width, height | pixels of the original image |
| boxes | list of [x0, y0, x1, y1] in original pixels; at least one in val and test, training needs none |
| mask_path | segmentation, like `path`, or missing |
| ignore_path | mask of the pixels that evaluation leaves out, like `path`, or missing |
| parts | visible parts of the object, each with name, x, y and, where known, box, or missing |
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from camagain.artifacts import existing, write_parquet
from camagain.datasets.parts import Part
from camagain.errors import UserError
from camagain.progress import track

SPLITS = ("train", "val", "test")
COLUMNS = ("image_id", "path", "label", "class_name", "split", "width", "height", "boxes", "mask_path")
OPTIONAL: Mapping[str, str] = {"ignore_path": "str", "parts": "object"}
"""Columns and their types, missing in every row where a table lacks them, as those of earlier versions do."""


def write_index(path: Path, index: pd.DataFrame, classes: int | None = None) -> None:
    """Checks an index (see `check_index`) and writes it as Parquet, rows ordered by split and image_id."""
    check_index(index, str(path), classes)
    order = pd.Categorical(index["split"], categories=SPLITS, ordered=True)
    ordered = _completed(index).assign(_order=order).sort_values(["_order", "image_id"], kind="stable")
    # As they are read, boxes are arrays and parts are objects, which Parquet does not take in a column.
    ordered["boxes"] = [boxes.tolist() if isinstance(boxes, np.ndarray) else boxes for boxes in ordered["boxes"]]
    parts = [list(map(asdict, parts)) if isinstance(parts, tuple) else None for parts in ordered["parts"]]
    ordered["parts"] = pd.Series(parts, ordered.index, "object")
    write_parquet(path, ordered[[*COLUMNS, *OPTIONAL]].reset_index(drop=True))


def read_index(path: Path, split: str | None = None) -> pd.DataFrame:
    """Reads an index, optionally one split.

    Boxes come back as float64 arrays (k, 4), k = 0 for an image without; parts as a tuple of `Part`, or None where
    missing.
    """
    try:
        index = pd.read_parquet(existing(path))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: not a readable Parquet table ({error}). Delete it and run `camagain data` again."
        ) from None
    missing = [column for column in COLUMNS if column not in index]
    if missing:
        raise UserError(
            f"{path}: the columns {missing} are missing; expected {list(COLUMNS)}. Run `camagain data` again."
        )
    index = _completed(index if split is None else index[index["split"] == split].reset_index(drop=True))
    index["boxes"] = pd.Series([_array(boxes) for boxes in index["boxes"]], index.index, "object")
    parts = [_parts(parts) if isinstance(parts, np.ndarray) else None for parts in index["parts"]]
    index["parts"] = pd.Series(parts, index.index, "object")
    return index


def _completed(index: pd.DataFrame) -> pd.DataFrame:
    """The table with every optional column."""
    missing = {column: kind for column, kind in OPTIONAL.items() if column not in index}
    return index.assign(**{column: pd.Series(None, index.index, kind) for column, kind in missing.items()})


def _array(boxes: np.ndarray) -> np.ndarray:
    return np.array([np.asarray(box) for box in boxes], dtype=np.float64).reshape(-1, 4)


def _parts(rows: np.ndarray) -> tuple[Part, ...]:
    return tuple(
        Part(row["name"], row["x"], row["y"], None if row["box"] is None else tuple(row["box"])) for row in rows
    )


def check_index(index: pd.DataFrame, source: str, classes: int | None = None) -> None:
    """Raises UserError when ids repeat, labels are wrong, there is no image to test, or val or test lacks boxes.

    `classes`: how many there are; without it every class has an image.
    """
    repeated = index["image_id"][index["image_id"].duplicated()]
    if len(repeated):
        raise UserError(f"{source}: image id {repeated.iloc[0]!r} occurs more than once; every image needs its own id.")
    labels = sorted(index["label"].unique())
    if classes is None and labels != list(range(len(labels))):
        raise UserError(f"{source}: labels are {labels}; expected contiguous numbers from 0.")
    if classes is not None and not 0 <= labels[0] <= labels[-1] < classes:
        raise UserError(f"{source}: labels are {labels[0]} to {labels[-1]}; expected 0 to {classes - 1}.")
    if not (index["split"] == "test").any():
        raise UserError(f"{source}: no image in the test split ({len(index)} images in all); it needs at least one.")
    bare = index[(index["split"] != "train") & (index["boxes"].map(len) == 0)]
    if len(bare):
        raise UserError(
            f"{source}: image {bare['image_id'].iloc[0]!r} of the {bare['split'].iloc[0]} split has no box "
            f"({len(bare)} such images in all); choosing the threshold and testing need at least one for every image."
        )


def spread_evenly(index: pd.DataFrame, count: int) -> pd.DataFrame:
    """`count` rows of an index, or all if it has fewer: the middle one of each of `count` equal runs of rows.

    Rows are ordered by image_id, which in most datasets goes by class, so that every class has its share.
    """
    count = min(count, len(index))
    return index.iloc[(2 * np.arange(count) + 1) * len(index) // (2 * max(1, count))].reset_index(drop=True)


def image_path(index_path: Path, row_path: str) -> Path:
    """Where an index row's `path`, `mask_path` or `ignore_path` lies on this machine."""
    return Path(index_path).parent / row_path


def lost_images(index_path: Path) -> list[Path]:
    """The images and masks of an index that are not on this machine."""
    index = read_index(index_path)
    listed = pd.concat([index["path"], index["mask_path"], index["ignore_path"]]).dropna()
    return [path for row_path in listed if not (path := image_path(index_path, row_path)).exists()]


def fingerprints(index_path: Path) -> dict[str, str]:
    """Digests of what an index says and of the bytes of every image, the same wherever the dataset lies.

    One for "all", and one for each split by its name: two runs may share their test images but not their training
    images. For an image with a region to ignore both masks also count, by their pixels: camagain united them, and the
    bytes of the same PNG depend on the library that compressed it. Parts do not count: no network learns from them and
    no box is judged by them.
    """
    index = read_index(index_path).sort_values("image_id")
    digests = {name: hashlib.sha256() for name in ("all", *SPLITS)}
    for row in track(index.itertuples(), len(index), "taking the fingerprint"):
        content = f"{row.image_id}|{row.label}|{row.class_name}|{row.split}|{row.boxes.tolist()}|".encode()
        content += hashlib.sha256(image_path(index_path, row.path).read_bytes()).digest()
        if isinstance(row.ignore_path, str):
            for mask in (row.mask_path, row.ignore_path):
                content += _pixels_digest(image_path(index_path, mask))
        for name in ("all", row.split):
            digests[name].update(content)
    return {name: digest.hexdigest() for name, digest in digests.items()}


def _pixels_digest(path: Path) -> bytes:
    from camagain.datasets.opened import open_image

    with open_image(path) as image:
        return hashlib.sha256(f"{image.mode}{image.size}".encode() + image.tobytes()).digest()
