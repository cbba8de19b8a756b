"""What is measured of any network, however it was made: classes, boxes and effective receptive field.

Axes: B images, C channels, h x w cells of the feature grid.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch

from camagain.analysis.erf.area import THRESHOLDS, area_ratios, linear_area_ratios
from camagain.analysis.erf.contribution import measure as contribution_of
from camagain.analysis.kit.applies import require_grid
from camagain.analysis.kit.localizer import Localized, localize_each
from camagain.artifacts import RunPaths
from camagain.config import Experiment, Input
from camagain.datasets.images import ImageTable
from camagain.datasets.index import read_index, spread_evenly
from camagain.errors import NotApplicable
from camagain.evaluation.inputs import read_truths
from camagain.localization.forward import batches, images_of, one_by_one, ready, require_finite
from camagain.localization.methods.cam import cam
from camagain.localization.taps import after_norm
from camagain.models.decomposition import final_norm
from camagain.models.zoo import Network, linear_head
from camagain.progress import track

METHODS = ("cam", "cam-gt")
"""Class activation maps of the predicted and of the true class."""

ERF_COLUMNS = (*(f"erf_area_ratio_t{100 * t:.0f}" for t in THRESHOLDS), "erf_linear_area_ratio_t50")
"""Share of the image that holds 20, 30, 50 and 99 % of log10(A + 1), and 50 % of the contribution A itself; empty where
no square holds that much."""


@dataclass(frozen=True)
class Measured:
    """One network on the test split."""

    top1_percent: float
    localized: dict[str, Localized]  # by method
    erf: dict[str, float]  # by ERF_COLUMNS, shares of the image; NaN where there is none
    without_erf: str | None  # why there is none at all


def measure(network: Network, seen: Input, experiment: Experiment, paths: RunPaths, name: str) -> Measured:
    """Top-1, MaxBoxAcc of CAM, and the area of the effective receptive field of a network, on its device.

    The network stays as it is: a copy of it is made ready and measured.
    Test images are warped and normalised as in `seen`. Maps are taken at the experiment's tap and made and scored as
    `described`; the receptive field is that of the images and the size of the experiment's analysis `erf`.
    NotApplicable for a network whose maps of such images have a single cell, which localizes nothing.
    """
    network = ready(copy.deepcopy(network), experiment.compute, next(network.parameters()).device)
    labels, predicted, maps = classify(network, seen, experiment, paths, name)
    truth = read_truths(paths.index, experiment.evaluation.size)["test"]
    localized = localize_each(maps, truth, experiment)
    erf, without = receptive_field_area(network, seen, experiment, paths, name)
    return Measured(100 * float(np.mean(predicted == labels)), localized, erf, without)


@torch.inference_mode()
def classify(
    network: Network, seen: Input, experiment: Experiment, paths: RunPaths, name: str
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Labels (N,), predicted classes (N,) and, by method, class activation maps (N, h, w) of the test images."""
    settings, head = experiment.localization, linear_head(network, name)
    norm = final_norm(network, name) if settings.tap == "after-norm" else None
    table = test_images(seen, experiment, paths)
    parts: dict[str, list[np.ndarray]] = {}
    for batch in batches(network, table, experiment, name, f"localize {name}"):
        check_features(batch.features, name)
        labels, predicted = batch.labels, batch.scores.argmax(1)  # (B,) each
        tapped, classes = after_norm(norm, batch.features), {"cam": predicted, "cam-gt": labels}  # (B, C, h, w)
        made = {method: cam(tapped, head.weight[classes[method]], "described") for method in METHODS}  # (B, h, w) each
        for key, values in {"labels": labels, "predicted": predicted, **made}.items():
            parts.setdefault(key, []).append(values.cpu().numpy())
    joined = {key: np.concatenate(values) for key, values in parts.items()}
    return joined["labels"], joined["predicted"], {method: joined[method] for method in METHODS}


def check_features(features: torch.Tensor, name: str) -> None:
    """NotApplicable for feature maps (B, C, h, w) that are not finite, or of a single cell."""
    require_grid(features.shape[2:].numel())
    require_finite(features, name)


def receptive_field_area(
    network: Network, seen: Input, experiment: Experiment, paths: RunPaths, name: str
) -> tuple[dict[str, float], str | None]:
    """The area ratios of a network's effective receptive field by column; all NaN, and why, where it has none."""
    settings = experiment.analysis.erf
    size = seen.model_copy(update={"size": settings.size or seen.size})
    table = test_images(size, experiment, paths, settings.images)
    images = track(one_by_one(table), len(table), f"erf of {name}")
    try:
        contribution = contribution_of(network, images, name).values  # (H, W)
        found = [*area_ratios(contribution).values(), *linear_area_ratios(contribution, [0.5]).values()]
    except (NotApplicable, ValueError) as error:  # gradients that are not finite, or nothing in the map
        return dict.fromkeys(ERF_COLUMNS, np.nan), " ".join(str(error).split())
    ratios = [np.nan if square is None else square[1] for square in found]
    return dict(zip(ERF_COLUMNS, ratios, strict=True)), None


def test_images(seen: Input, experiment: Experiment, paths: RunPaths, count: int | None = None) -> ImageTable:
    """The images of the test split, or `count` of them spread evenly, as a network sees them."""
    index = read_index(paths.index, "test")
    return images_of(index if count is None else spread_evenly(index, count), seen, experiment.compute, paths)
