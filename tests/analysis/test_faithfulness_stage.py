"""The stage of faithfulness: whose maps it measures on which images, and what it says without the package grad-cam."""

import dataclasses
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from camagain.analysis.faithfulness.measure import analyze, methods_of
from camagain.analysis.faithfulness.names import REFERENCE
from camagain.analysis.faithfulness.settings import Faithfulness
from camagain.analysis.kit import run as kit
from camagain.config import ANALYSES
from camagain.config.analysis import Chosen
from camagain.config.packages import require_packages
from camagain.datasets.images import read_rgb, warp
from camagain.datasets.index import image_path, read_index
from camagain.errors import UserError
from camagain.evaluation.inputs import read_maps, read_truths
from camagain.evaluation.score_maps import score_maps
from camagain.models.checkpoint import load_network


def asking(experiment):
    """The tiny experiment with this analysis."""
    names = (*experiment.analysis.names, "faithfulness")
    own = Faithfulness(images=4, steps=3, shares=(0.3,))
    return experiment.model_copy(
        update={"analysis": experiment.analysis.model_copy(update={"names": names, "faithfulness": own})}
    )


def test_the_stage_measures_the_maps_that_are_scored(tiny_run, tmp_path: Path):
    experiment, paths = tiny_run
    experiment, model = asking(experiment), "small-resnet"
    copy = dataclasses.replace(paths, results=tmp_path)
    for folder in (paths.model(model), paths.localization(model)):
        shutil.copytree(folder, tmp_path / folder.relative_to(paths.results))
    kit.analyze(experiment, "faithfulness", model, copy)
    table = pd.read_csv(copy.findings("faithfulness", model))
    status = json.loads(copy.status("faithfulness", model).read_text())
    assert status["applies"] and status["images"] == 4
    assert table["method"].unique().tolist() == ["cam", "pc1", REFERENCE], "maps of the true class are left out"

    network, card = load_network(paths.model(model))
    test, rows = read_index(paths.index, "test"), [1, 4, 7, 10]  # of 12
    truth = read_truths(paths.index, experiment.evaluation.size)["test"]
    stored = read_maps(paths.maps(model), "pc1", {"test": truth})["test"][rows]
    maps = score_maps(stored, card.input.size, "linear", experiment.localization.variant)
    drops = []
    for path, score_map in zip(test.iloc[rows]["path"], maps, strict=True):
        pixels = torch.as_tensor(warp(read_rgb(image_path(paths.index, path)), card.input))
        with torch.no_grad():
            both = torch.stack([pixels, pixels * torch.from_numpy(score_map).float()])
            said = network.eval()(both).double().softmax(1)
        own, masked = said[:, said[0].argmax()].tolist()
        drops.append(100 * max(0, own - masked) / own)
    row = table[(table["method"] == "pc1") & (table["measure"] == "average_drop")].iloc[0]
    assert row["value"] == pytest.approx(np.mean(drops), abs=0.01)


def test_methods_of_the_true_class_are_measured_where_there_are_no_others(tiny_run):
    experiment, _ = tiny_run
    only = experiment.localization.model_copy(update={"methods": ("cam-gt",)})
    assert methods_of(experiment) == ["cam", "pc1"]
    assert methods_of(experiment.model_copy(update={"localization": only})) == ["cam-gt"]


def test_without_the_package_the_experiment_is_refused_before_anything_runs(tiny_run, monkeypatch):
    experiment, paths = tiny_run
    monkeypatch.setitem(sys.modules, "pytorch_grad_cam", None)  # as if it were not installed
    require_packages(experiment)
    needing = asking(experiment)
    for refuse in (lambda: require_packages(needing), lambda: analyze(needing, "small-resnet", paths)):
        with pytest.raises(
            UserError, match=r"'faithfulness' needs the optional package grad-cam.*pip install 'camagain"
        ):
            refuse()


def test_what_needs_a_package_has_to_be_named():
    assert "faithfulness" in ANALYSES and "faithfulness" not in Chosen().names
    assert Chosen(names=("faithfulness",)).names == ("faithfulness",)
