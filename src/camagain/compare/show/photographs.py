"""The test images of a comparison with their true boxes, where the data of its runs lie on this machine."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from camagain.artifacts import read_json
from camagain.compare.judging.comparison import Comparison
from camagain.compare.runs.guards import same_test
from camagain.datasets.index import image_path, read_index
from camagain.datasets.opened import open_image
from camagain.drawing.maps import square

GREY = (128, 128, 128)
"""Instead of an image that is not there."""

SIDE = 224


@dataclass(frozen=True)
class Photograph:
    """One test image, warped to a square. `scale` takes x0, y0, x1, y1 from original pixels to those of the square."""

    image: Image.Image
    scale: np.ndarray | None  # (4,); None where the size of the original is not known
    boxes: np.ndarray  # (k, 4) true boxes in original pixels


@dataclass(frozen=True)
class Photographs:
    """Where test images come from. `reason`: why there are none, as a sentence; empty where there are.

    `size`: pixels of a side where all images are squares of one size, as drawn birds are.
    """

    index: Path | None
    reason: str = ""
    size: int | None = None

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The test split of the index by image_id."""
        assert self.index is not None
        return read_index(self.index, "test").set_index("image_id")

    def of(self, image_id: str) -> Photograph:
        """One image with its true boxes; plain grey where it cannot be read."""
        grey = Image.new("RGB", (SIDE, SIDE), GREY)
        if self.index is None or image_id not in self.rows.index:
            scale = None if self.size is None else np.full(4, SIDE / self.size)
            return Photograph(grey, scale, np.empty((0, 4)))
        row = self.rows.loc[image_id]
        scale = np.array([SIDE / row["width"], SIDE / row["height"]] * 2)
        try:
            with open_image(image_path(self.index, row["path"])) as file:
                return Photograph(square(file.convert("RGB"), SIDE), scale, row["boxes"])
        except OSError:
            return Photograph(grey, scale, row["boxes"])


def find_photographs(comparison: Comparison, data: Path) -> Photographs:
    """The images of a comparison below the data folder; none where others lie there than both runs were measured on."""
    runs = (comparison.b, comparison.a)
    drawn = comparison.b.values.get("dataset", {})
    size = drawn.get("image_size") if drawn.get("kind") == "synthbirds" else None
    reasons = []
    for name in dict.fromkeys(run.dataset["name"] for run in runs):
        folders = sorted(path.parent for path in Path(data).glob(f"{name}-*/index.parquet"))
        for folder in folders:  # their digits follow from settings that runs of earlier versions do not have
            if any(same_test(read_json(folder / "dataset.json"), run.dataset) for run in runs):
                return Photographs(folder / "index.parquet", size=size)
            reasons.append(f"{folder.as_posix()} holds other test images than those of the runs")
        if not folders:
            reasons.append(f"{Path(data, name).as_posix()}-*/index.parquet is not there")
    return Photographs(None, "; ".join(reasons), size)
