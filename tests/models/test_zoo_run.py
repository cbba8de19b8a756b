"""The rehearsal of the experiment on the paper's own weights, from download to report, with narrow networks.

Its files of weights are checked against the stand-ins of `stand_ins.py`, which know nothing of `camagain`.
"""

import json
import shutil
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from types import ModuleType

import pytest
import torch
import yaml

from camagain.config.file import load_experiment, parse_experiment
from camagain.models.checkpoint import load_network
from camagain.rehearsal.write import FILE, rehearse
from tests.conftest import run_all

FILES = {"convnext_base_cam": "convnext_base_384_in22ft1k_CUB.pth", "replknet_31b": "replknet_31B1K384_CUB.pth"}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.mark.long
def test_the_zoo_runs_from_download_to_report(
    root: Path, tmp_path: Path, stand_ins: ModuleType, serve: Callable, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "zoo"
    rehearse(load_experiment(root / "config" / "experiments" / "zoo.yaml"), "zoo.yaml", folder, narrow=True)
    (tmp_path / "site").mkdir()
    shutil.move(folder / "downloads" / "CUB_200_2011.tgz", tmp_path / "site")  # so that it has to be downloaded
    values = yaml.safe_load((folder / FILE).read_text())
    values["dataset"]["url"] = f"{serve(partial(Quiet, directory=str(tmp_path / 'site')))}/CUB_200_2011.tgz"
    values["evaluation"] |= {"size": 64, "threshold_step": 0.01}  # to save time
    experiment = parse_experiment(values, "zoo.yaml")
    monkeypatch.chdir(folder)
    paths = experiment.paths()
    run_all(experiment, paths)

    forward = {"convnext_base_cam": stand_ins.convnext_cam_forward, "replknet_31b": stand_ins.replknet_forward}
    images = torch.randn(2, 3, 64, 64)
    for model in experiment.models:
        network, card = load_network(paths.model(model.name))
        published = stand_ins.Checkpoint(torch.load(Path("downloads", FILES[model.architecture])))
        maps, scores = forward[model.architecture](published, images)
        with torch.no_grad():
            torch.testing.assert_close(network.forward_features(images), maps, rtol=1e-4, atol=1e-4)
            assert torch.equal(network(images).argmax(1), scores.argmax(1))
        assert FILES[model.architecture] in card.starting_weights
        assert "no licence stated" in card.starting_weights
        for method in experiment.localization.methods:
            metrics = json.loads(paths.metrics(model.name, method).read_text())
            assert 0 <= metrics["figures"]["max_box_acc"]["value"] <= 100
    assert sorted(json.loads(Path("downloads/ledger.json").read_text())) == sorted(FILES.values())
    assert json.loads(paths.description.read_text())["splits"] == {"train": 200, "val": 200, "test": 200}
    assert "its numbers mean nothing" in paths.report.read_text().lower()
