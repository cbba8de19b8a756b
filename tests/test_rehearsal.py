"""Rehearsals: the reduced file keeps what decides on the code that runs, and stand-ins are what the readers expect."""

import re
from collections import Counter
from pathlib import Path

import huggingface_hub.constants as hub
import pytest
import yaml

from camagain.config import Experiment
from camagain.config.file import load_experiment, parse_experiment
from camagain.datasets.cub import read_cub
from camagain.datasets.sizes import sizes_of
from camagain.errors import UserError
from camagain.models.weights import starting_network
from camagain.rehearsal import images
from camagain.rehearsal.choice import chosen
from camagain.rehearsal.images import draw, write_images
from camagain.rehearsal.reduce import changes, reduced
from camagain.rehearsal.weights import HUB, write_weights
from camagain.rehearsal.write import rehearse

FULL_SCALE = ("zoo", "teaser", "finetune", "augmentation", "wsolevaluation-cub")

SHORTENED = {"epochs", "warmup_epochs", "step_epochs", "snapshot_every", "augmentation.crop_from"}
"""Keys of a recipe that a rehearsal may change."""

SMALLER = {
    "run", "input.size", "compute.threads", "evaluation.bootstrap", "figures.heatmap_images", "analysis.erf.images",
    "analysis.erf.other_sizes", "analysis.initialization.seeds", "analysis.initialization.images",
    "analysis.texture.images", "analysis.texture.smoothing", "analysis.remedies.head_weight_decay",
    "dataset.val_per_class", "dataset.sha256",
}  # fmt: skip
"""Other keys that it may change in these experiments."""


def full(root: Path, name: str) -> Experiment:
    return load_experiment(root / "config" / "experiments" / f"{name}.yaml")


def rehearsal(experiment: Experiment, narrow: bool = True) -> Experiment:
    """Without its stand-ins."""
    return reduced(experiment, experiment.dataset.model_dump(mode="json"), narrow)


@pytest.mark.parametrize("name", FULL_SCALE)
def test_what_decides_on_the_code_stays(root: Path, name: str):
    before = full(root, name)
    after = rehearsal(before, narrow=False)
    keys = {line.partition(": ")[0] for line in changes(before, after)} - {"models", "seeds"}
    recipe = {key.partition(".training.")[2] for key in keys if key.startswith("models.")}
    assert recipe <= SHORTENED
    assert {key for key in keys if not key.startswith("models.")} <= SMALLER
    assert after.localization == before.localization and after.analysis.names == before.analysis.names


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("zoo", ["convnext_base", "replknet_31b"]),
        ("finetune", ["replknet_31b", "convnext_base"]),
        ("wsolevaluation-cub", ["resnet50"]),
        (
            "teaser",
            [
                "resnet50-plain",
                "convnext_tiny.fb_in1k-augmented",
                "replknet_31b.in1k_224-plain",
                "slak_tiny.in1k_300ep-plain",
            ],
        ),
        ("augmentation", ["resnet-none", "convnext-all", "replknet-none", "slak-none"]),
    ],
)
def test_the_fewest_models_with_every_kind_are_kept(root: Path, name: str, kept: list[str]):
    assert [model.name for model in chosen(full(root, name))] == kept


def test_a_model_that_an_analysis_names_is_kept(root: Path, tiny_values: dict):
    values = yaml.safe_load(yaml.safe_dump(tiny_values))
    values["models"] = [{"name": name, "architecture": "convnext_narrow"} for name in ("a", "b")]
    values["analysis"] |= {"interventions": {"models": []}, "cuts": {"models": ["b"]}}
    assert [model.name for model in chosen(parse_experiment(values, "test"))] == ["b"]


def test_schedules_keep_their_shares(root: Path):
    recipe = rehearsal(full(root, "wsolevaluation-cub")).models[0].training
    assert (recipe.epochs, recipe.step_epochs, recipe.augmentation.crop_from) == (1, 15 / 50, round(256 * 64 / 224))
    assert rehearsal(full(root, "finetune")).models[0].training.warmup_epochs == 5 / 100
    assert rehearsal(full(root, "zoo")).models[0].training.epochs == 0
    assert rehearsal(full(root, "teaser")).analysis.erf.other_sizes == (37, 171)
    assert rehearsal(full(root, "wsolevaluation-cub")).seeds == (0, 1)


@pytest.mark.parametrize(("most", "shared"), [(64, 1), (2, 2)])
def test_birds_come_in_as_many_classes_as_the_dataset_has(tmp_path: Path, monkeypatch, most: int, shared: int):
    monkeypatch.setattr(images, "MAX_CLASSES", most)
    classes = 3
    draw(tmp_path / "birds", classes, train_per_class=1)
    index = read_cub(tmp_path / "birds", val_per_class=1)
    assert set(Counter(zip(index["label"], index["split"], strict=True)).values()) == {1}
    assert len(index) == 3 * classes and index["label"].nunique() == classes
    drawn = index["path"].map(lambda path: path.split("/")[1])
    assert index.groupby(drawn)["label"].nunique().max() == shared


def test_wsolevaluations_files_lie_where_the_experiment_looks(root: Path, tmp_path: Path, monkeypatch):
    values = full(root, "finetune").model_dump(mode="json")
    values["dataset"] |= {"classes": 3, "path": "/somewhere/CUB"}
    for model in values["models"]:
        model["training"] |= {"batch_size": 4, "accumulation": 1}
    monkeypatch.chdir(tmp_path)
    settings = write_images(parse_experiment(values, "test"), tmp_path)
    assert settings["path"] == "downloads/CUB" and settings["metadata"] == "downloads/wsolevaluation/metadata/CUB"
    sizes = sizes_of(parse_experiment({**values, "dataset": settings}, "test").dataset)
    assert sizes is not None and (sizes.train, sizes.val, sizes.test) == (9, 3, 3)  # two steps of 4 and more


def test_a_kind_without_stand_in_is_refused(tmp_path: Path, tiny_values: dict):
    with pytest.raises(UserError, match=r"'synthbirds' has no stand-in; expected one of \['cub'"):
        write_images(parse_experiment(tiny_values, "tiny"), tmp_path)


def test_nothing_else_is_replaced(root: Path, tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="something else than a rehearsal lies there"):
        rehearse(full(root, "zoo"), "zoo.yaml", tmp_path)


@pytest.mark.parametrize("name", FULL_SCALE)
def test_every_network_starts_from_its_stand_in(root: Path, tmp_path: Path, monkeypatch, caplog, name: str):
    after = rehearsal(full(root, name))
    files = write_weights(after, tmp_path, 200, narrow=True)
    assert sum(file.stat().st_size for file in files) < 20e6
    monkeypatch.setattr(hub, "HF_HUB_CACHE", str(tmp_path / HUB / "hub"))
    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
    caplog.set_level("INFO")
    for model in after.models:
        network, source = starting_network(model, 200, seed=0, downloads=tmp_path / after.compute.downloads)
        assert model.weights in source and network.get_classifier().out_features == 200
    # What timm says of files that do not fit: the new classifier, and the norm that the authors' head leaves out.
    said = {
        key for found in re.findall(r"(?:Missing|Unexpected) keys \((.*?)\)", caplog.text) for key in found.split(", ")
    }
    head = ("fc", "head.fc", "head.norm")
    assert said <= {f"{layer}.{part}" for layer in head for part in ("weight", "bias")}
