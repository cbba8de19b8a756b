"""What is known of the images behind a run: of each its name, split and class, its digest and its boxes."""

import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pandas as pd

from camagain.artifacts import INSIDE, read_json, sha256
from camagain.compare.runs.folder import RunFolder
from camagain.datasets.index import fingerprints, image_path, read_index
from camagain.errors import UserError


@dataclass(frozen=True)
class Images:
    """`rows`: one an image; image_id, split, label, class_name, and where the images are at hand also path, width,
    height, sha256. `boxes`: one a box; image_id, x0, y0, x1, y1 in pixels; None where they are not at hand."""

    rows: pd.DataFrame
    boxes: pd.DataFrame | None

    @property
    def at_hand(self) -> bool:
        """Whether the images themselves were there, so that their digests are known."""
        return self.boxes is not None


def described_images(run: RunFolder, data: Path) -> Images:
    """The images of a run: all of them where its data set lies below `data`, else the test images it was scored on.

    A data set of the same name that is not the run's, byte for byte, counts as none.
    """
    paths = run.experiment.paths(data=data)
    return _of_index(paths.index) if _is_the_runs(run, paths.index, paths.description) else _of_scores(run)


def _is_the_runs(run: RunFolder, index: Path, description: Path) -> bool:
    """Whether the index and every image are there and have the run's fingerprint."""
    expected = run.dataset.get("fingerprint")
    if not (index.is_file() and description.is_file()) or read_json(description).get("fingerprint") != expected:
        return False
    try:
        return fingerprints(index)["all"] == expected
    except FileNotFoundError:  # images may be deleted once they were used
        return False


def _of_index(path: Path) -> Images:
    index = read_index(path)
    files = [image_path(path, row) for row in index["path"]]
    # Where they lie on this machine is nobody's business: paths begin below the folder that holds all images.
    top = os.path.commonpath([file.resolve().parent for file in files])
    rows = index[["image_id", "split", "label", "class_name"]].assign(
        path=[file.resolve().relative_to(top).as_posix() for file in files],
        width=index["width"],
        height=index["height"],
        sha256=[sha256(file) for file in files],
    )
    boxes = [(name, *box) for name, boxes in zip(index["image_id"], index["boxes"], strict=True) for box in boxes]
    return Images(rows, pd.DataFrame(boxes, columns=["image_id", "x0", "y0", "x1", "y1"]))


def _of_scores(run: RunFolder) -> Images:
    pattern = str(INSIDE.images("*", "*"))
    file = next((file for file in sorted(run.manifest["files"]) if fnmatchcase(file, pattern)), None)
    if file is None:
        raise UserError(f"{run}: no {pattern} in it; expected a finished run.")
    rows = run.parquet(file, ["image_id", "label"])
    names = dict(enumerate(run.dataset["classes"]))
    rows = rows.assign(split="test", class_name=rows["label"].map(names))
    return Images(rows[["image_id", "split", "label", "class_name"]], None)
