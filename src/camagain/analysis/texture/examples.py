"""One test image under every corruption, as the networks saw it."""

import numpy as np
import pandas as pd

from camagain.analysis.texture.corruptions import corruptions_of
from camagain.analysis.texture.names import corrupted
from camagain.config.dataset import may_be_published
from camagain.datasets.index import image_path, read_index, spread_evenly
from camagain.datasets.opened import open_image
from camagain.datasets.pixels import square
from camagain.drawing.results import RunResults


def examples(results: RunResults) -> dict[str, np.ndarray]:
    """The image whose true box is largest, by the label of the corruption: each (S, S, 3) in [0, 1].

    Empty unless the dataset's images may be published, so that the figure never holds somebody's photograph.
    """
    if not may_be_published(results.dataset["kind"]):
        return {}
    experiment, settings = results.experiment, results.experiment.analysis.texture
    index = spread_evenly(read_index(results.paths.index, "test"), settings.images)
    areas = [np.ptp(boxes.reshape(-1, 2), axis=0).prod() for boxes in index["boxes"]]
    record = index.iloc[int(np.argmax(areas))]
    with open_image(image_path(results.paths.index, record["path"])) as file:
        pixels = square(file.convert("RGB"), experiment.input)
    kinds, _ = corruptions_of(experiment.input.size, settings.grids, settings.smoothing)
    made = [kind.apply(pixels, experiment.seed, str(record["image_id"])).clip(0, 1) for kind in kinds]
    names = pd.DataFrame(
        {
            "corruption": [kind.name for kind in kinds],
            "patches_per_side": [kind.strength if kind.name == "patches" else np.nan for kind in kinds],
            "window_px": [kind.strength if kind.name == "median" else np.nan for kind in kinds],
        }
    )
    return {row["label"]: made[i] for i, row in corrupted(names).iterrows()}
