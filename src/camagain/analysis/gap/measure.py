"""Channels of a model: how class weight, GAP value and activated area go together, and what each sign localizes.

`quantity` of the table:

| quantity | unit |
|---|---|
| weight, gap_value, activated_area: means in a bin of channels by weight, lowest first | the network's own; percent |
| spearman_<one>_<other>: of two of these over the channels of an image, mean over images | -1 to 1 |
| negative_weight_share; gap_value_deviation: over channels and images | percent; the network's own |
| max_box_acc, threshold of a map: of channels of positive weight, of negative weight, of all | percent; share |
| mass_share, area_share, concentration of a map in a region: the true box, the mask | percent; 1 is uniform |

Areas are those above each `theta` times the channel's maximum.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from camagain.analysis.gap.bins import bin_sizes, binned_sums, weight_bins
from camagain.analysis.kit.applies import require_channels, require_grid
from camagain.analysis.kit.localizer import localize_by
from camagain.analysis.kit.mass import box_regions, concentrations, shares_of
from camagain.analysis.kit.run import Findings
from camagain.analysis.kit.stored import read_test
from camagain.artifacts import RunPaths
from camagain.config import Experiment
from camagain.evaluation.inputs import Truth, read_predictions, read_regions, read_truths
from camagain.evaluation.masks import OBJECT
from camagain.evaluation.score_maps import upsample
from camagain.statistics.bootstrap import Sampling
from camagain.statistics.correlation import rank_correlations
from camagain.statistics.estimates import Estimate, means, ratios

COLUMNS = ("quantity", "bin", "theta", "map", "region", "value", "low", "high", "unit")

BINS = 20
"""Bins of channels by weight: 5 % of all channels of all images in each."""

OWN_UNIT = "network's own"
"""The unit of values without a scale that networks share: features, and class weights."""

Row = dict[str, Any]


def analyze(experiment: Experiment, model: str, paths: RunPaths) -> Findings:
    """Relations of the channels' weight, GAP value and activated area, and what either sign of weight localizes.

    Weights are those of the predicted class. All values come from test images, with bootstrap intervals over them.
    NotApplicable for a single channel or a single cell.
    """
    settings = experiment.evaluation
    sampling = Sampling(settings.bootstrap, settings.confidence, experiment.seed)
    truth = read_truths(paths.index, settings.size)["test"]
    predicted = read_predictions(paths.predictions(model), truth, "test").predicted
    names = ("gap_value", "activated_cells", "theta", "grid", "class_weight")
    channels = read_test(paths.channels(model), truth, names)
    height, width = channels["grid"].tolist()
    require_channels(channels["class_weight"].shape[1])
    require_grid(height * width)
    parts = read_test(paths.parts(model), truth, ("positive", "negative"))
    rows = [*relations(channels, predicted, sampling), *by_sign(parts, truth, experiment, sampling)]
    about = {"images": len(truth.image_id), "channels": channels["gap_value"].shape[1], "grid": [height, width]}
    return Findings(pd.DataFrame(rows, columns=list(COLUMNS)).astype({"bin": "Int64"}), about)


def relations(channels: dict[str, np.ndarray], predicted: np.ndarray, sampling: Sampling) -> Iterator[Row]:
    """Means in bins of weight, and rank correlations over the channels of an image."""
    class_weight, gap_value = channels["class_weight"], channels["gap_value"]  # (K, C), (N, C)
    weight = class_weight[predicted]  # (N, C)
    count = min(BINS, weight.shape[1])
    bins = weight_bins(class_weight, predicted, count)  # (K, C)
    size = bin_sizes(bins, predicted, count)  # (N, B)

    def binned(quantity: str, values: np.ndarray, unit: str, factor: float = 1.0, **of: Any) -> Iterator[Row]:
        found = ratios(binned_sums(values, bins, predicted, count), size, sampling)
        for number, mean in enumerate(found, start=1):
            yield {"quantity": quantity, "bin": number, **of, **mean.scaled(factor).columns(), "unit": unit}

    def correlated(one: str, other: str, first: np.ndarray, second: np.ndarray, **of: Any) -> Row:
        mean = means(rank_correlations(first, second)[:, None], sampling)[0]
        return {"quantity": f"spearman_{one}_{other}", **of, **mean.columns(), "unit": "rho"}

    yield from binned("weight", weight, OWN_UNIT)
    yield from binned("gap_value", gap_value, OWN_UNIT)
    yield correlated("weight", "gap_value", weight, gap_value)
    cells = np.prod(channels["grid"])
    for theta, area in zip(channels["theta"].tolist(), channels["activated_cells"], strict=True):  # area: (N, C)
        yield from binned("activated_area", area, "percent", 100 / cells, theta=theta)
        yield correlated("weight", "activated_area", weight, area, theta=theta)
        yield correlated("gap_value", "activated_area", gap_value, area, theta=theta)
    negative = means((weight < 0).mean(1)[:, None], sampling)[0].scaled(100)
    yield {"quantity": "negative_weight_share", **negative.columns(), "unit": "percent"}
    yield {"quantity": "gap_value_deviation", "value": float(gap_value.std(dtype=np.float64)), "unit": OWN_UNIT}


def by_sign(parts: dict[str, np.ndarray], truth: Truth, experiment: Experiment, sampling: Sampling) -> Iterator[Row]:
    """What the channels of positive weight, of negative weight and all together localize, and where their mass lies.

    Each map is cut off at 0, as a class activation map is. The mass is that of the map resized to the size of the
    evaluation, without shifting it to 0, so that an even offset counts as spread evenly.
    """
    settings = experiment.evaluation
    evidence = {
        "positive": parts["positive"].clip(0),  # (N, h, w)
        "negative": parts["negative"].clip(0),
        "all": (parts["positive"] - parts["negative"]).clip(0),
    }
    for name, maps in evidence.items():
        localized = localize_by(maps, truth, experiment)
        accuracy = Estimate(localized.percent, localized.low_percent, localized.high_percent)
        yield {"quantity": "max_box_acc", "map": name, **accuracy.columns(), "unit": "percent"}
        yield {"quantity": "threshold", "map": name, "value": localized.threshold, "unit": "share of the maximum"}

    regions = {"box": box_regions(truth, settings.size)}
    by_mask = read_regions(truth, settings.size)
    if by_mask is not None:
        regions["mask"] = by_mask
    for region, labels in regions.items():
        resized = {
            name: (upsample(score_map, settings.size, settings.interpolation).clip(0) for score_map in maps)
            for name, maps in evidence.items()
        }
        for name, (mass, area) in shares_of(resized, labels, OBJECT + 1).items():
            of, own = {"map": name, "region": region}, slice(OBJECT, OBJECT + 1)
            for quantity, values in (("mass_share", mass), ("area_share", area)):
                share = means(values[:, own], sampling)[0].scaled(100)
                yield {"quantity": quantity, **of, **share.columns(), "unit": "percent"}
            concentration = concentrations(mass[:, own], area[:, own], sampling)[0]
            yield {"quantity": "concentration", **of, **concentration.columns(), "unit": "times uniform"}
