"""The experiment on the paper's own weights, end to end, on small stand-ins for the two published files."""

import json
from pathlib import Path
from types import ModuleType

import torch
import yaml

from camagain.config.file import parse_experiment
from camagain.datasets.prepare import prepare_dataset
from camagain.evaluation.evaluate import evaluate_model
from camagain.localization.extract import localize
from camagain.models.checkpoint import load_network
from camagain.training.finetune import finetune

SMALL = {
    "convnext_base_cam": {"depths": [1, 1, 1, 1], "dims": [8, 8, 16, 16]},
    "replknet_31b": {"depths": [1, 1, 1, 1], "widths": [8, 8, 16, 16], "kernels": [13, 13, 13, 13]},
}
FILES = {"convnext_base_cam": "convnext_base_384_in22ft1k_CUB.pth", "replknet_31b": "replknet_31B1K384_CUB.pth"}


def test_the_zoo_runs_without_training_on_the_published_layout(
    root: Path, tmp_path: Path, tiny_values: dict, stand_ins: ModuleType
):
    downloads = tmp_path / "weights"
    values = yaml.safe_load((root / "config" / "experiments" / "zoo.yaml").read_text())
    values["dataset"] = tiny_values["dataset"]
    values["input"]["size"] = 64
    values["training"]["batch_size"] = 4
    values["evaluation"].update(size=64, threshold_step=0.01, bootstrap=100)
    values["compute"] = {"device": "cpu", "threads": 1, "downloads": str(downloads)}
    for model in values["models"]:
        model["options"] = {**model.get("options", {}), **SMALL[model["architecture"]]}
    torch.manual_seed(100)
    classes = tiny_values["dataset"]["classes"]
    published = {
        "convnext_base_cam": stand_ins.convnext_cam(classes=classes, **SMALL["convnext_base_cam"]),
        "replknet_31b": stand_ins.replknet(classes=classes, **SMALL["replknet_31b"]),
    }
    forward = {"convnext_base_cam": stand_ins.convnext_cam_forward, "replknet_31b": stand_ins.replknet_forward}
    downloads.mkdir()
    for name, file in published.items():
        torch.save(dict(file), downloads / FILES[name])
    experiment = parse_experiment(values, "zoo.yaml")
    paths = experiment.paths(tmp_path / "results", tmp_path / "data")
    prepare_dataset(experiment.dataset, paths.dataset_dir)

    images = torch.randn(2, 3, 64, 64)
    for model in experiment.models:
        finetune(experiment, model.name, paths)
        network, card = load_network(paths.model(model.name))
        maps, scores = forward[model.architecture](published[model.architecture], images)
        with torch.no_grad():
            torch.testing.assert_close(network.forward_features(images), maps, rtol=1e-4, atol=1e-4)
            assert torch.equal(network(images).argmax(1), scores.argmax(1))
        assert FILES[model.architecture] in card.starting_weights
        assert "no licence stated" in card.starting_weights
        localize(experiment, model.name, paths)
        evaluate_model(experiment, model.name, paths)
        for method in experiment.localization.methods:
            metrics = json.loads((paths.evaluation(model.name, method) / "metrics.json").read_text())
            assert 0 <= metrics["figures"]["max_box_acc"]["value"] <= 100
    assert sorted(json.loads((downloads / "ledger.json").read_text())) == sorted(FILES.values())
