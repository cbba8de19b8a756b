"""The layer below the scores: which images flipped between right and wrong, and how far boxes and maps moved.

Axes: N test images, h and w cells of a score map.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from camagain.artifacts import INSIDE
from camagain.compare.judging.verdicts import Verdict
from camagain.compare.runs.folder import RunFolder
from camagain.config import BASELINE
from camagain.errors import UserError
from camagain.statistics.correlation import correlations
from camagain.statistics.paired import McNemar, mcnemar

QUANTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True)
class ImagePair:
    """One test image in both runs."""

    image_id: str
    iou_a: float
    iou_b: float
    correct_a: bool
    correct_b: bool

    @property
    def flipped(self) -> bool:
        return self.correct_a != self.correct_b


@dataclass(frozen=True)
class ImageComparison:
    """The test images of one model and method in both runs.

    `flipped`: images right in one run alone, largest change of IoU first; `worst`: those whose IoU changed most.
    `iou_change` (first minus second) and `map_correlation` (Pearson, over the cells of a map): quantiles 0.05, 0.5,
    0.95; None where there is nothing to compute them from.
    """

    model: str
    method: str
    verdict: Verdict
    images: int = 0
    moved: int = 0  # images whose IoU is not the same
    test: McNemar | None = None  # only the first run right, only the second, p
    class_flips: int = 0
    iou_change: tuple[float, ...] | None = None
    map_correlation: tuple[float, ...] | None = None
    flipped: tuple[ImagePair, ...] = ()
    worst: tuple[ImagePair, ...] = ()
    note: str = ""

    @property
    def name(self) -> str:
        return f"{self.model} / {self.method}"


def compare_images(a: RunFolder, b: RunFolder, model: str, method: str, score: Verdict, worst: int) -> ImageComparison:
    """Compares the test images of one model and method.

    `score` is the verdict on their MaxBoxAcc. Images explain that score and do not overrule it: where images moved, its
    verdict is the verdict here, too. `worst`: how many images to name.
    """
    file = INSIDE.images(model, method).as_posix()
    if a.digest(file) == b.digest(file) is not None:
        images = int(b.dataset["splits"]["test"])
        return ImageComparison(model, method, Verdict.IDENTICAL_BYTES, images, test=McNemar(0, 0, 1.0))
    absent = [(run, run.state(file)) for run in (a, b) if not run.has(file)]
    if absent:
        run, state = absent[0]
        verdict = Verdict.NOT_COMPARABLE if state == "left out" else Verdict.MISSING
        return ImageComparison(model, method, verdict, note=f"{run}/{file}: {state}")
    merged = joined(a.parquet(file), b.parquet(file), file)
    if merged.empty:
        return ImageComparison(model, method, Verdict.NOT_COMPARABLE, note=f"{file}: no image in common")
    iou_a, iou_b = merged["iou a"].to_numpy(dtype=float), merged["iou b"].to_numpy(dtype=float)
    right_a, right_b = merged["correct a"].to_numpy(dtype=bool), merged["correct b"].to_numpy(dtype=bool)
    moved = iou_a != iou_b
    pairs = [
        ImagePair(*values)
        for values in zip(
            merged["image_id"], iou_a.tolist(), iou_b.tolist(), right_a.tolist(), right_b.tolist(), strict=True
        )
    ]
    order = np.lexsort((merged["image_id"], -np.abs(iou_a - iou_b)))
    correlation, note = map_correlation(a, b, model, method, merged["image_id"])
    identical = not moved.any() and (right_a == right_b).all()
    return ImageComparison(
        model,
        method,
        Verdict.IDENTICAL_VALUES if identical else max(score, Verdict.WITHIN_TOLERANCE, key=lambda v: v.level),
        len(merged),
        int(moved.sum()),
        mcnemar(right_a, right_b),
        class_flips(merged),
        tuple(np.quantile(iou_a - iou_b, QUANTILES).tolist()),
        correlation,
        tuple(pairs[i] for i in order if pairs[i].flipped),
        tuple(pairs[i] for i in order[:worst] if moved[i]),
        note,
    )


def joined(a: pd.DataFrame, b: pd.DataFrame, file: str) -> pd.DataFrame:
    """The images of both runs by id, columns `x a` and `x b`; UserError where an id occurs twice."""
    for side, table in (("first", a), ("second", b)):
        repeated = table["image_id"][table["image_id"].duplicated()]
        if len(repeated):
            raise UserError(f"{file} of the {side} run: image {repeated.iloc[0]} occurs twice; expected each once.")
    return a.merge(b, on="image_id", suffixes=(" a", " b"))


def class_flips(merged: pd.DataFrame) -> int:
    """How many images got another class; 0 for maps that predict none."""
    a, b = merged["predicted a"], merged["predicted b"]
    known = (a.notna() & b.notna()).to_numpy()
    return int(np.count_nonzero(a[known].to_numpy(dtype=float) != b[known].to_numpy(dtype=float)))


def map_correlation(
    a: RunFolder, b: RunFolder, model: str, method: str, images: pd.Series
) -> tuple[tuple[float, ...] | None, str]:
    """Quantiles over images of Pearson's correlation of both runs' score maps, and why there are none."""
    file = INSIDE.maps(model).as_posix()
    if model == BASELINE:
        return None, ""
    if a.digest(file) == b.digest(file) is not None:
        return (1.0,) * len(QUANTILES), ""
    for run in (a, b):
        if not run.has(file):
            return None, f"{run}/{file}: {run.state(file)}"
    maps = [maps_of(run, file, method, images) for run in (a, b)]  # (N, h, w) each
    if maps[0].shape != maps[1].shape:
        sizes = " and ".join(f"{found.shape[1]} x {found.shape[2]}" for found in maps)
        return None, f"{file}: maps of {sizes} cells"
    found = correlations(*(cells.reshape(len(cells), -1) for cells in maps))  # (N,); NaN for a map of one value
    found = found[np.isfinite(found)]
    return (tuple(np.quantile(found, QUANTILES).tolist()) if len(found) else None), ""


def maps_of(run: RunFolder, file: str, method: str, images: pd.Series) -> np.ndarray:
    """The score maps of these images: (N, h, w)."""
    arrays = run.arrays(file, method, "image_id")
    if len(arrays) < 2:
        raise UserError(f"{run}/{file}: no maps of {method}, or no image_id; expected both.")
    place = pd.Series(np.arange(len(arrays["image_id"])), index=arrays["image_id"])
    return arrays[method][place.reindex(images).to_numpy(dtype=int)]
