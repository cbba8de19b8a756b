"""What the evaluation reads: the index, the score maps and the predictions, checked against each other."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from camagain.artifacts import DAMAGED_NPZ, INSIDE, existing, read_json
from camagain.datasets.index import image_path, read_index
from camagain.errors import UserError, nearest
from camagain.evaluation import masks
from camagain.evaluation.metrics import in_top
from camagain.evaluation.score_maps import scale_boxes

SCORED_SPLITS = ("val", "test")
"""val only chooses a threshold; every score is of test."""

REMEDY = "Run `camagain localize` again, after `camagain data` if the dataset has changed."


@dataclass(frozen=True)
class Truth:
    """The ground truth of the N images of one split, in the order of the index."""

    classes: int  # of the whole dataset
    image_id: list[str]
    label: np.ndarray  # (N,) int64
    width: np.ndarray  # (N,) int64, pixels of the original image
    height: np.ndarray  # (N,) int64
    boxes: list[np.ndarray]  # N arrays (k, 4) int64, x0 y0 x1 y1 in pixels of the upsampled map
    masks: list[tuple[Path, Path | None]] | None  # mask and what it ignores; None unless every image has a mask

    def take(self, rows: np.ndarray) -> "Truth":
        """The same of some of the images, in the order of their rows: (n,) int."""
        return Truth(
            self.classes,
            [self.image_id[i] for i in rows],
            self.label[rows],
            self.width[rows],
            self.height[rows],
            [self.boxes[i] for i in rows],
            None if self.masks is None else [self.masks[i] for i in rows],
        )


@dataclass(frozen=True)
class Predictions:
    """The classifier's predictions for the same N images."""

    predicted: np.ndarray  # (N,) int64
    top1: np.ndarray  # (N,) bool, the prediction is the label
    top5: np.ndarray  # (N,) bool, the label is among the five best


def read_truths(path: Path, size: int) -> dict[str, Truth]:
    """The test split of an index, and val where there is one, with boxes scaled to maps of size x size pixels."""
    index = read_index(path)
    classes = len(read_json(path.with_name(INSIDE.description.name))["classes"])
    truths = {}
    for split in SCORED_SPLITS:
        rows = index[index["split"] == split]
        if rows.empty and split == "test":
            raise UserError(f"{path}: no image in the {split} split. Run `camagain data` again.")
        if rows.empty:
            continue
        truths[split] = Truth(
            classes=classes,
            image_id=[str(image_id) for image_id in rows["image_id"]],
            label=rows["label"].to_numpy(np.int64),
            width=rows["width"].to_numpy(np.int64),
            height=rows["height"].to_numpy(np.int64),
            boxes=[
                scale_boxes(boxes, width, height, size)
                for boxes, width, height in zip(rows["boxes"], rows["width"], rows["height"], strict=True)
            ],
            masks=_masks(path, rows),
        )
    return truths


def read_regions(truth: Truth, size: int) -> Iterator[np.ndarray] | None:
    """What each pixel of each image counts as, N arrays (size, size), read as needed; None without masks."""
    if truth.masks is None:
        return None
    images = zip(truth.masks, truth.width.tolist(), truth.height.tolist(), strict=True)
    # Open Images' masks, which come with regions to ignore, seldom have their image's size, only its shape.
    return (
        masks.read_regions(mask, ignored, size, None if ignored else (width, height))
        for (mask, ignored), width, height in images
    )


def _masks(path: Path, rows: pd.DataFrame) -> list[tuple[Path, Path | None]] | None:
    if rows["mask_path"].isna().any():
        return None
    ignored = [None if pd.isna(name) else image_path(path, name) for name in rows["ignore_path"]]
    return list(zip((image_path(path, name) for name in rows["mask_path"]), ignored, strict=True))


def maps_in(path: Path) -> list[str]:
    """The names of the score maps that a file holds."""
    try:
        with np.load(existing(path)) as file:
            return sorted(set(file.files) - {"image_id", "split"})
    except DAMAGED_NPZ as error:
        raise UserError(f"{path}: not a readable file of score maps ({error}). {REMEDY}") from None


def read_maps(path: Path, method: str, truths: Mapping[str, Truth]) -> dict[str, np.ndarray]:
    """The score maps of one method: for each split (N, h, w) float32, in the order of its truth.

    UserError when the file lacks the method, an image has no map or a map no image, or a map is not finite.
    """
    available = maps_in(path)
    if method not in available:
        raise UserError(f"{path}: no maps of method '{method}', only {available}.{nearest(method, available)} {REMEDY}")
    try:
        with np.load(path) as file:
            image_id, split, maps = file["image_id"], file["split"], file[method]
    except DAMAGED_NPZ as error:
        raise UserError(f"{path}: not a readable file of score maps ({error}). {REMEDY}") from None
    if maps.ndim != 3 or not len(maps) == len(image_id) == len(split):
        raise UserError(
            f"{path}: '{method}' has shape {maps.shape} for {len(image_id)} image ids and {len(split)} splits; "
            f"expected ({len(image_id)}, h, w). {REMEDY}"
        )
    ordered = {}
    for name, truth in truths.items():
        here = np.flatnonzero(split == name)
        ordered[name] = maps[here[matching_rows(image_id[here].tolist(), truth.image_id, name, path)]]  # (N, h, w)
        broken = np.flatnonzero(~np.isfinite(ordered[name]).all(axis=(1, 2)))
        if len(broken):
            raise UserError(
                f"{path}: the '{method}' map of image '{truth.image_id[broken[0]]}' ({name} split) holds NaN or "
                f"infinity, as do {len(broken) - 1} others of {len(truth.image_id)}; expected finite scores. {REMEDY}"
            )
    return ordered


def read_predictions(path: Path, truth: Truth, split: str) -> Predictions:
    """The predictions of one split in the order of its truth; UserError when images or labels do not agree."""
    try:
        table = pd.read_parquet(existing(path))
        table = table[table["split"] == split]
        rows = table.iloc[matching_rows([str(i) for i in table["image_id"]], truth.image_id, split, path)]
        labels, ranked = rows["label"].to_numpy(np.int64), list(rows["top5_class"])
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{path}: not a readable table of predictions ({error}). {REMEDY}") from None
    wrong = np.flatnonzero(labels != truth.label)
    if len(wrong):
        raise UserError(
            f"{path}: image '{truth.image_id[wrong[0]]}' has label {labels[wrong[0]]}, but {truth.label[wrong[0]]} in "
            f"the index ({len(wrong)} of {len(labels)} images differ). {REMEDY}"
        )
    predicted = np.array([classes[0] for classes in ranked], dtype=np.int64)
    return Predictions(predicted, predicted == truth.label, in_top(truth.label, ranked, 5))


def matching_rows(found: list[str], expected: list[str], split: str, path: Path, remedy: str = REMEDY) -> np.ndarray:
    """For each expected id its position in `found`, (N,) int64; UserError unless both hold the same ids, each once."""
    position = {image_id: i for i, image_id in enumerate(found)}
    missing = [image_id for image_id in expected if image_id not in position]
    if missing:
        raise UserError(
            f"{path}: nothing for image '{missing[0]}' of the {split} split ({len(missing)} of {len(expected)} images "
            f"are missing). {remedy}"
        )
    foreign = sorted(set(found) - set(expected))
    if foreign:
        raise UserError(
            f"{path}: holds image '{foreign[0]}' in the {split} split, which the index has not ({len(foreign)} such "
            f"images; the index has {len(expected)}). {remedy}"
        )
    if len(found) != len(position):
        twice = next(image_id for i, image_id in enumerate(found) if position[image_id] != i)
        raise UserError(f"{path}: image '{twice}' of the {split} split occurs more than once. {remedy}")
    return np.array([position[image_id] for image_id in expected], dtype=np.int64)
