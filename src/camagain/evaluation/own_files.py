"""Files of somebody else's method: score maps from an npz, and boxes from a table with one row for each box."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from camagain.artifacts import DAMAGED_NPZ, readable
from camagain.errors import UserError, nearest
from camagain.evaluation.inputs import SCORED_SPLITS, Truth, matching_rows, read_truths
from camagain.evaluation.score_maps import scale_boxes

CORNERS = ("x0", "y0", "x1", "y1")
REQUIRED = ("image_id", *CORNERS, "width", "height")
OPTIONAL = ("split", "mask", "ignore")

IDS, SPLITS = "image_id", "split"
"""Arrays of an npz that are no maps."""

AGREE = "Give both files the same images."


def read_own_maps(path: Path, truths: Mapping[str, Truth]) -> dict[str, dict[str, list[np.ndarray]]]:
    """The maps of a file by their name and split, each a list of (h, w) in the order of the truth.

    Either the array `image_id` (N,) names the maps of every other array, (N, h, w) each, as in the maps.npz of a run;
    or every array is one map (h, w) under its image's id, and maps may differ in size. UserError for a file that is
    neither, a map that is not finite, and for other images than those of the truth.
    """
    arrays = _read_npz(path)
    if IDS not in arrays:
        stored = {path.stem: (list(arrays), list(arrays.values()))}
    else:
        ids = [str(image_id) for image_id in np.atleast_1d(arrays[IDS])]
        methods = {name: array for name, array in arrays.items() if name not in (IDS, SPLITS)}
        if not methods:
            raise UserError(f"{path}: holds `{IDS}` and no maps; expected arrays (N, h, w) beside it.")
        for name, array in methods.items():
            if array.ndim != 3 or len(array) != len(ids):
                raise UserError(
                    f"{path}: '{name}' has shape {array.shape} beside {len(ids)} image ids; expected "
                    f"({len(ids)}, h, w), one map for each id."
                )
        stored = {name: (ids, list(array)) for name, array in methods.items()}
    for name, (ids, maps) in stored.items():
        for image_id, score_map in zip(ids, maps, strict=True):
            _check_map(score_map, f"{path}: the map of image '{image_id}' in '{name}'")
    expected = [image_id for truth in truths.values() for image_id in truth.image_id]
    found: dict[str, dict[str, list[np.ndarray]]] = {}
    for name, (ids, maps) in stored.items():
        place = dict(zip(expected, matching_rows(ids, expected, " and ".join(truths), path, AGREE), strict=True))
        found[name] = {split: [maps[place[i]] for i in truth.image_id] for split, truth in truths.items()}
    return found


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected score maps as np.savez writes them.")
    readable(path)
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
    except DAMAGED_NPZ as error:
        raise UserError(
            f"{path}: not a readable npz ({error}). Write it with np.savez, `image_id` as text and maps as numbers."
        ) from None
    if not arrays:
        raise UserError(f"{path}: holds no array; expected score maps.")
    return arrays


def _check_map(score_map: np.ndarray, what: str) -> None:
    if score_map.dtype.kind not in "fiub" or score_map.ndim != 2 or not score_map.size:
        raise UserError(f"{what}: found {score_map.dtype} of shape {score_map.shape}, expected numbers (h, w).")
    if not np.isfinite(score_map).all():
        raise UserError(f"{what}: {np.sum(~np.isfinite(score_map))} of its values are NaN or infinite; expected none.")


def read_own_boxes(path: Path, size: int) -> dict[str, Truth]:
    """The truth by split, boxes scaled to maps of size x size pixels, from a table of boxes or from a run's index.

    A table is a CSV with one row for each box: `image_id`, the corners `x0 y0 x1 y1` in pixels of the image, both part
    of the box, and the image's `width` and `height`. `split` is `test` where it is not given; images of `val` only
    choose thresholds. `mask` and `ignore` name image files relative to the table, as docs/datasets.md describes them.
    A file that ends in .parquet is the index of a dataset. UserError for what is missing or cannot be.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected a CSV with the columns {', '.join(REQUIRED)}.")
    if path.suffix == ".parquet":
        return read_truths(path, size)
    table = _read_table(path)
    truths = {}
    for split in SCORED_SPLITS:
        rows = table[table["split"] == split]
        if len(rows):
            truths[split] = _truth(rows, size, path)
    if "test" not in truths:
        raise UserError(f"{path}: no image in the split `test`; expected at least one. Leave `split` out to score all.")
    return truths


def _read_table(path: Path) -> pd.DataFrame:
    readable(path)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except (ValueError, OSError) as error:  # pandas' parser errors are ValueErrors
        raise UserError(f"{path}: not a readable CSV ({error}).") from None
    missing = [column for column in REQUIRED if column not in table]
    if missing:
        raise UserError(
            f"{path}: the columns {missing} are missing; found {list(table)}, expected {', '.join(REQUIRED)}, and "
            f"where known {', '.join(OPTIONAL)}.{nearest(missing[0], list(table))}"
        )
    if table.empty:
        raise UserError(f"{path}: no row; expected one for each box.")
    for column in (*CORNERS, "width", "height"):
        numbers = pd.to_numeric(table[column], errors="coerce")
        wrong = np.flatnonzero(~np.isfinite(numbers))
        if len(wrong):
            raise UserError(
                f"{_line(path, wrong[0])}: {column} is {table[column].iloc[wrong[0]]!r}; expected a number."
            )
        table[column] = numbers
    table = table.assign(split=table.get("split", "test"))
    _refuse(path, table, ~table["split"].isin(SCORED_SPLITS), "its split is neither `val` nor `test`")
    _refuse(path, table, (table["width"] < 1) | (table["height"] < 1), "an image has at least one pixel a side")
    _refuse(path, table, (table["x1"] < table["x0"]) | (table["y1"] < table["y0"]), "corners are x0 <= x1, y0 <= y1")
    outside = (table["x0"] < 0) | (table["y0"] < 0) | (table["x0"] >= table["width"]) | (table["y0"] >= table["height"])
    _refuse(path, table, outside, "the box begins outside its image; expected pixels of the image, from 0")
    if (table["x1"] <= 1).all() and (table["y1"] <= 1).all():
        raise UserError(f"{path}: every corner lies between 0 and 1; expected pixels of the image, not shares of it.")
    for column in ("width", "height", "split"):
        _refuse(
            path,
            table,
            table.groupby("image_id")[column].transform("nunique") > 1,
            f"the rows of its image have more than one {column}",
        )
    return table


def _refuse(path: Path, table: pd.DataFrame, wrong: Any, why: str) -> None:
    """UserError for the first row that is wrong."""
    rows = np.flatnonzero(wrong)
    if len(rows):
        row = {name: table[name].iloc[rows[0]] for name in (*REQUIRED, "split")}
        said = ", ".join(f"{name} {value}" for name, value in row.items())
        raise UserError(f"{_line(path, rows[0])}: {why} ({said}; {len(rows)} of {len(table)} rows).")


def _line(path: Path, row: int) -> str:
    return f"{path}, line {row + 2}"


def _truth(rows: pd.DataFrame, size: int, path: Path) -> Truth:
    """The truth of the images of one split, in the order in which the table first names them."""
    images = list(rows.groupby("image_id", sort=False))
    first = pd.DataFrame([own.iloc[0] for _, own in images])
    width, height = first["width"].to_numpy(np.int64), first["height"].to_numpy(np.int64)
    return Truth(
        classes=1,
        image_id=[str(image_id) for image_id, _ in images],
        label=np.zeros(len(images), np.int64),
        width=width,
        height=height,
        boxes=[
            scale_boxes(own[list(CORNERS)].to_numpy(np.float64), w, h, size)
            for (_, own), w, h in zip(images, width.tolist(), height.tolist(), strict=True)
        ],
        masks=_masks(first, path),
    )


def _masks(first: pd.DataFrame, path: Path) -> list[tuple[Path, Path | None]] | None:
    """Mask, and what it ignores, of every image; None unless every image has a mask."""
    if "mask" not in first or (first["mask"] == "").any():
        return None
    ignored = first["ignore"] if "ignore" in first else [""] * len(first)
    return [
        (path.parent / mask, path.parent / ignore if ignore else None)
        for mask, ignore in zip(first["mask"], ignored, strict=True)
    ]
