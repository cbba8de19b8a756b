"""The layer below the scores: which images flipped between right and wrong, and how far boxes and maps moved.

Axes: N test images, h and w cells of a score map.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from camagain.artifacts import INSIDE
from camagain.compare.judging.verdicts import IDENTICAL, Verdict
from camagain.compare.runs.folder import RunFolder
from camagain.config import BASELINE
from camagain.errors import UserError
from camagain.statistics.correlation import correlations
from camagain.statistics.paired import McNemar, mcnemar

QUANTILES = (0.05, 0.5, 0.95)
COLUMNS = ("image_id", "iou", "correct", "predicted")


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


def compare_images(a: RunFolder, b: RunFolder, model: str, method: str, worst: int) -> ImageComparison:
    """Compares the test images of one model and method, without a verdict where they moved: see `judged`.

    `worst`: how many images to name.
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
    ids, ours, theirs = joined(a, b, file)
    if not len(ids):
        return ImageComparison(model, method, Verdict.NOT_COMPARABLE, note=f"{file}: no image in common")
    change = ours["iou"] - theirs["iou"]
    moved, flipped = change != 0, ours["correct"] != theirs["correct"]
    order = np.lexsort((ids, -np.abs(change)))

    def pairs(places: np.ndarray) -> tuple[ImagePair, ...]:
        columns = ids, ours["iou"], theirs["iou"], ours["correct"], theirs["correct"]
        return tuple(ImagePair(*values) for values in zip(*(c[places].tolist() for c in columns), strict=True))

    known = ~(np.isnan(ours["predicted"]) | np.isnan(theirs["predicted"]))
    return ImageComparison(
        model,
        method,
        Verdict.DIFFERS if (moved | flipped).any() else Verdict.IDENTICAL_VALUES,
        len(ids),
        int(moved.sum()),
        mcnemar(ours["correct"], theirs["correct"]),
        int(np.count_nonzero(ours["predicted"][known] != theirs["predicted"][known])),
        tuple(np.quantile(change, QUANTILES).tolist()),
        flipped=pairs(order[flipped[order]]),
        worst=pairs(order[:worst][moved[order[:worst]]]),
    )


def joined(a: RunFolder, b: RunFolder, file: str) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The images of both runs: ids (N,), and by name what each run says of them; UserError where an id occurs twice."""
    sides = [run.parquet(file, COLUMNS) for run in (a, b)]
    for side, table in zip(("first", "second"), sides, strict=True):
        repeated = table["image_id"][table["image_id"].duplicated()]
        if len(repeated):
            raise UserError(f"{file} of the {side} run: image {repeated.iloc[0]} occurs twice; expected each once.")
    ids = sides[0]["image_id"]
    if not ids.equals(sides[1]["image_id"]):
        ids = ids[ids.isin(sides[1]["image_id"])]
        sides = [table.set_index("image_id").loc[ids].reset_index() for table in sides]
    types = {"iou": float, "correct": bool, "predicted": float}
    ours, theirs = ({name: table[name].to_numpy(dtype=kind) for name, kind in types.items()} for table in sides)
    return ids.to_numpy(dtype=object), ours, theirs


def with_maps(a: RunFolder, b: RunFolder, images: ImageComparison) -> ImageComparison:
    """The same with the quantiles over images of Pearson's correlation of both runs' maps, or why there are none."""
    file = INSIDE.maps(images.model).as_posix()
    if images.model == BASELINE or images.test is None or images.verdict in IDENTICAL:
        return images
    if a.digest(file) == b.digest(file) is not None:
        return replace(images, map_correlation=(1.0,) * len(QUANTILES))
    for run in (a, b):
        if not run.has(file):
            return replace(images, note=f"{run}/{file}: {run.state(file)}")
    ids = pd.Series(joined(a, b, INSIDE.images(images.model, images.method).as_posix())[0])
    maps = [maps_of(run, file, images.method, ids) for run in (a, b)]  # (N, h, w) each
    if maps[0].shape != maps[1].shape:
        sizes = " and ".join(f"{found.shape[1]} x {found.shape[2]}" for found in maps)
        return replace(images, note=f"{file}: maps of {sizes} cells")
    found = correlations(*(cells.reshape(len(cells), -1) for cells in maps))  # (N,); NaN for a map of one value
    found = found[np.isfinite(found)]
    return replace(images, map_correlation=tuple(np.quantile(found, QUANTILES).tolist()) if len(found) else None)


def maps_of(run: RunFolder, file: str, method: str, images: pd.Series) -> np.ndarray:
    """The score maps of these images: (N, h, w)."""
    arrays = run.arrays(file, method, "image_id")
    if len(arrays) < 2:
        raise UserError(f"{run}/{file}: no maps of {method}, or no image_id; expected both.")
    place = pd.Series(np.arange(len(arrays["image_id"])), index=arrays["image_id"])
    return arrays[method][place.reindex(images).to_numpy(dtype=int)]
