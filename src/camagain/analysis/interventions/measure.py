"""Kernel size as the only change (enlarged and trained further, or cut), and its effect on the ERF and on boxes."""

import copy
import shutil
from typing import Any

import pandas as pd
import torch

from camagain.analysis.interventions.change import (
    TOLERANCE,
    Change,
    apply,
    further,
    largest_difference,
    train_further,
    trained_network,
)
from camagain.analysis.interventions.measured import ERF_COLUMNS, Measured, check_features, measure, test_images
from camagain.analysis.kit.localizer import LOCALIZED_COLUMNS
from camagain.analysis.kit.run import Findings
from camagain.artifacts import RunPaths
from camagain.compute import prepare
from camagain.config import Experiment, Input
from camagain.localization.forward import features_of, one_by_one, ready
from camagain.models import replace_large_kernels, shrink_kernels
from camagain.models.checkpoint import load_weights
from camagain.models.kernels import KernelReport, depthwise
from camagain.models.zoo import Network

COLUMNS = (
    "change",
    "kernel_side",
    "seed",
    "epochs",
    "layers_changed",
    "layers_left_out",
    "parameters",
    "top1_percent",
    "method",
    *LOCALIZED_COLUMNS,
    *ERF_COLUMNS,
)
"""One row per network and method. `kernel_side` is that of changed kernels; no `seed` where nothing is trained."""

PROBES = 4
"""Test images on which class scores are compared before and after enlarging."""


def analyze(experiment: Experiment, model: str, paths: RunPaths, change: str = "") -> Findings:
    """One job: a network enlarged, trained further and measured; or every cut of a network, measured.

    Arrays: the errors of MaxBoxAcc in resamples of the images, by `<change>.<method>`, (3, R) points. Resample i holds
    the same images in every job, so that differences between jobs have paired intervals.
    """
    wanted = Change.named(change, experiment.analysis.interventions.changes)
    if wanted.seed is None:
        return shrunk(experiment, model, paths)
    return trained_further(experiment, model, wanted, paths)


def trained_further(experiment: Experiment, model: str, change: Change, paths: RunPaths) -> Findings:
    """The rows of a further training, and the check that enlarging by itself changed nothing."""
    device = prepare(experiment.compute)
    network, card = trained_network(experiment, model, paths)
    before = copy.deepcopy(network)
    report = apply(change, network)
    if experiment.compute.fast_large_kernels:
        replace_large_kernels(before)
        replace_large_kernels(network)
    images = probes(card.input, experiment, paths)
    with torch.no_grad():
        check_features(features_of(ready(copy.deepcopy(network), experiment.compute, device), images, model), model)
    difference = largest_difference(before, network, images)
    if difference > TOLERANCE:
        raise RuntimeError(
            f"{model}: enlarging its kernels changed its class scores by {difference:.2g} of the largest"
        )
    state = paths.analysis("interventions", model) / change.name / "state"
    load_weights(train_further(experiment, model, change, paths, state), network)
    found = measure(network.to(device), card.input, experiment, paths, f"{model}, {change.name}")
    shutil.rmtree(state)
    job = further(experiment, model, change)
    about = {
        "largest_relative_difference_of_class_scores": difference,
        "difference_note": f"between the trained network and the same with enlarged kernels, before training, on "
        f"{len(images)} test images; 0 up to rounding",
        "changed": list(report.changed),
        "left_out": report.left_out,
        "recipe": job.models[0].training.model_dump(mode="json"),
        "seed_of_training": job.training_seed,
    }
    columns = {"change": change.kind, "kernel_side": change.side or largest_side(network), "seed": change.seed}
    return findings([(columns | {"epochs": job.models[0].training.epochs}, report, network, found)], about)


def shrunk(experiment: Experiment, model: str, paths: RunPaths) -> Findings:
    """The rows of a trained network and of its cuts to each smaller kernel size, without training.

    Sizes that no kernel exceeds have nothing to cut and are left out.
    """
    device = prepare(experiment.compute)
    network, card = trained_network(experiment, model, paths)
    side = largest_side(network)
    made: list[tuple[dict[str, Any], KernelReport, Network, Measured]] = []
    about: dict[str, Any] = {"left_out": {}, "nothing_to_cut": []}
    for k in (None, *sorted(experiment.analysis.interventions.shrink, reverse=True)):
        change = "uncut" if k is None else f"k{k}"
        report = KernelReport((), {}) if k is None else shrink_kernels(network, k)  # each cut lies inside the last one
        if k is not None and not report.changed:
            about["nothing_to_cut"].append(k)
            continue
        about["left_out"][change] = report.left_out
        found = measure(network.to(device), card.input, experiment, paths, f"{model}, {change}")
        columns = {"change": change, "kernel_side": k or side, "seed": None, "epochs": 0}
        made.append((columns, report, network, found))
    return findings(made, about)


def findings(made: list[tuple[dict[str, Any], KernelReport, Network, Measured]], about: dict[str, Any]) -> Findings:
    """The rows and arrays of measured networks: their own columns, which kernels were changed, what was found."""
    rows, arrays = [], {}
    for columns, report, network, found in made:
        for method, localized in found.localized.items():
            arrays[f"{columns['change']}.{method}"] = localized.accuracy.errors  # (3, R)
            rows.append(
                {
                    **columns,
                    "layers_changed": len(report.changed),
                    "layers_left_out": len(report.left_out),
                    "parameters": sum(parameter.numel() for parameter in network.parameters()),
                    "top1_percent": found.top1_percent,
                    "method": method,
                    **localized.columns(),
                    **found.erf,
                }
            )
    without = {columns["change"]: found.without_erf for columns, _, _, found in made if found.without_erf}
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"seed": "Int64"})
    return Findings(table, about | {"without_receptive_field": without}, arrays)


def probes(seen: Input, experiment: Experiment, paths: RunPaths) -> torch.Tensor:
    """A few test images, (B, 3, S, S)."""
    return torch.cat(list(one_by_one(test_images(seen, experiment, paths, PROBES))))


def largest_side(network: Network) -> int:
    """The longest side of a network's depthwise kernels, taps."""
    return max(max(layer.kernel_size) for _, layer in depthwise(network, "measure"))
