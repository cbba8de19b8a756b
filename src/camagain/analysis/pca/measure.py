"""Principal components of a model's feature maps: how much variance each explains, and what each localizes.

`quantity` of the table:

| quantity | unit |
|---|---|
| variance_share, cumulative_variance_share of a component, mean over images | percent |
| max_box_acc, threshold of a map: CAM, PC1, PC2, PC3 | percent; share of the maximum |
| pearson_cam_pc1: over the cells of an image, mean over images | -1 to 1 |
| both_right, only_cam_right, only_pc1_right, neither_right, each at its own best threshold | percent of images |
| difference_p_value: of MaxBoxAcc of CAM less that of PC1 | probability |
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from camagain.analysis.kit.applies import require_channels, require_grid
from camagain.analysis.kit.localizer import Localized, localize_each
from camagain.analysis.kit.run import Findings
from camagain.analysis.kit.stored import read_test
from camagain.artifacts import RunPaths
from camagain.config import Experiment
from camagain.evaluation.inputs import Truth, read_truths
from camagain.statistics.bootstrap import Sampling, wilson_interval
from camagain.statistics.correlation import correlations
from camagain.statistics.estimates import Estimate, means

COLUMNS = ("quantity", "component", "map", "value", "low", "high", "unit")

Row = dict[str, Any]


def analyze(experiment: Experiment, model: str, paths: RunPaths) -> Findings:
    """Explained variance of the first components, and CAM and the first three components as localizers.

    All of the predicted class, on test images, with intervals over them. CAM is the described one. Components have the
    sign of the described PC1: at most half of the outermost cells are bright. NotApplicable for a single channel or a
    single cell.
    """
    settings = experiment.evaluation
    sampling = Sampling(settings.bootstrap, settings.confidence, experiment.seed)
    truth = read_truths(paths.index, settings.size)["test"]
    channels = read_test(paths.channels(model), truth, ("class_weight",))["class_weight"].shape[1]
    names = ("positive", "negative", "component", "explained_variance")
    parts = read_test(paths.parts(model), truth, names)
    height, width = parts["component"].shape[2:]
    require_channels(channels)
    require_grid(height * width)
    kept = min(parts["component"].shape[1], channels, height * width)
    maps = {"CAM": (parts["positive"] - parts["negative"]).clip(0)}  # (N, h, w) each
    maps |= {f"PC{number}": parts["component"][:, number - 1] for number in range(1, kept + 1)}
    counted = min(parts["explained_variance"].shape[1], channels, height * width)
    rows = [*variances(parts["explained_variance"][:, :counted], sampling), *localizers(maps, truth, experiment)]
    about = {"images": len(truth.image_id), "channels": channels, "grid": [height, width]}
    return Findings(pd.DataFrame(rows, columns=list(COLUMNS)).astype({"component": "Int64"}), about)


def variances(shares: np.ndarray, sampling: Sampling) -> Iterator[Row]:
    """Mean share of the variance that each component explains, and that it and those before it explain: (N, M)."""
    for quantity, values in (("variance_share", shares), ("cumulative_variance_share", shares.cumsum(1))):
        for number, mean in enumerate(means(values, sampling), start=1):
            yield {"quantity": quantity, "component": number, **mean.scaled(100).columns(), "unit": "percent"}


def localizers(maps: dict[str, np.ndarray], truth: Truth, experiment: Experiment) -> Iterator[Row]:
    """MaxBoxAcc of each set of maps, and how CAM and PC1 agree, as maps and as boxes."""
    settings = experiment.evaluation
    sampling = Sampling(settings.bootstrap, settings.confidence, experiment.seed)
    localized = localize_each(maps, truth, experiment)
    for name, found in localized.items():
        accuracy = Estimate(found.percent, found.low_percent, found.high_percent)
        yield {"quantity": "max_box_acc", "map": name, **accuracy.columns(), "unit": "percent"}
        yield {"quantity": "threshold", "map": name, "value": found.threshold, "unit": "share of the maximum"}
    cells = [maps[name].reshape(len(maps[name]), -1) for name in ("CAM", "PC1")]  # (N, h w)
    pearson = means(correlations(*cells)[:, None], sampling)[0]
    yield {"quantity": "pearson_cam_pc1", **pearson.columns(), "unit": "r"}
    yield from agreement(localized["CAM"], localized["PC1"], sampling)


def agreement(cam: Localized, pc1: Localized, sampling: Sampling) -> Iterator[Row]:
    """Shares of images that both maps, one alone or neither localize, and a test whether one alone is better."""
    first, second = cam.right, pc1.right  # (N,)
    cases = {
        "both_right": first & second,
        "only_cam_right": first & ~second,
        "only_pc1_right": second & ~first,
        "neither_right": ~first & ~second,
    }
    for quantity, holds in cases.items():
        share = Estimate(100 * float(holds.mean()), *wilson_interval(holds, sampling.confidence))
        yield {"quantity": quantity, **share.columns(), "unit": "percent"}
    p_value = (cam.accuracy - pc1.accuracy).p_value()
    yield {"quantity": "difference_p_value", "value": p_value, "unit": "probability"}
