"""The extraction pass: its files agree with each other, with the index, and with the network run by hand."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from camagain.config import packages
from camagain.config.file import parse_experiment
from camagain.datasets.images import read_rgb, warp
from camagain.datasets.index import image_path, read_index
from camagain.errors import UserError
from camagain.localization import extract, forward
from camagain.localization.extract import check_classes, localize
from camagain.models.checkpoint import load_network
from camagain.training.finetune import finetune

MODEL = "small-resnet"


@pytest.fixture(scope="module")
def maps(tiny_run) -> dict[str, np.ndarray]:
    with np.load(tiny_run[1].localization(MODEL) / "maps.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def test_every_val_and_test_image_has_one_map_per_method(tiny_run, maps):
    index = read_index(tiny_run[1].index)
    index = index[index["split"] != "train"]
    assert maps["image_id"].tolist() == index["image_id"].astype(str).tolist()
    assert maps["split"].tolist() == index["split"].tolist()
    for method in ("cam", "cam-gt"):
        assert maps[method].shape == (len(index), 6, 6)  # 48 px at stride 8
        assert maps[method].dtype == np.float32
        assert maps[method].min() >= 0 and maps[method].max() <= 1


def test_the_maps_are_those_of_the_network_run_by_hand(tiny_run, maps):
    paths = tiny_run[1]
    network, card = load_network(paths.model(MODEL))
    index = read_index(paths.index, "test")
    predictions = pd.read_parquet(paths.localization(MODEL) / "predictions.parquet").set_index("image_id")
    channels = np.load(paths.localization(MODEL) / "channels.npz")
    row = index.iloc[1]
    position = maps["image_id"].tolist().index(str(row["image_id"]))
    image = warp(read_rgb(image_path(paths.index, row["path"])), card.input)[None]
    with torch.inference_mode():
        features = network.forward_features(image)[0].numpy()  # (C, h, w)
        scores = network(image)[0].softmax(0).numpy()
    found = predictions.loc[row["image_id"]]
    assert found["top5_class"][0] == scores.argmax()
    np.testing.assert_allclose(found["top5_score"], np.sort(scores)[::-1][:5], rtol=1e-4)
    weight = network.get_classifier().weight.detach().numpy()
    for method, label in (("cam", scores.argmax()), ("cam-gt", row["label"])):
        evidence = np.maximum(np.tensordot(weight[label], features, 1), 0)
        np.testing.assert_allclose(maps[method][position], evidence / evidence.max(), atol=1e-4)
    np.testing.assert_allclose(channels["gap_value"][position], features.mean((1, 2)), atol=1e-4)
    np.testing.assert_allclose(channels["class_weight"], weight)
    active = (features > 0.5 * features.max((1, 2), keepdims=True)).sum((1, 2)) * (features.max((1, 2)) > 0)
    assert (np.abs(channels["activated_cells"][2, position] - active) <= 1).all()


def test_the_summary_says_that_the_map_decomposes_the_score(tiny_run):
    summary = json.loads((tiny_run[1].localization(MODEL) / "summary.json").read_text())
    assert summary["images"] == 18
    assert summary["head_error"] < 1e-4


def test_maps_without_evidence_become_zeros_and_are_counted(tiny_run, monkeypatch, tmp_path, capsys):
    experiment, paths = tiny_run
    empty = lambda features, weights, variant: features[:, 0] * float("nan")  # noqa: E731
    monkeypatch.setattr("camagain.localization.methods.cam.cam", empty)
    written = {}
    monkeypatch.setattr(extract, "write_npz", lambda path, **arrays: written.setdefault(path.name, arrays))
    monkeypatch.setattr(extract, "write_parquet", lambda path, table: None)
    monkeypatch.setattr(extract, "write_json", lambda path, value: written.setdefault(path.name, value))
    localize(experiment, MODEL, paths)
    assert not written["maps.npz"]["cam"].any()
    counts = written["summary.json"]["maps_without_positive_evidence"]
    assert counts["cam"] == counts["cam-gt"] == counts["cam.described"] == 18
    assert "18 of 18 'cam' maps have no positive evidence" in capsys.readouterr().out


@pytest.fixture
def variation(tiny_run, tmp_path, tiny_values):
    """Localizes the tiny run's data again with other settings, by a network without training."""

    def run(architecture: str, **settings) -> tuple[dict[str, np.ndarray], dict]:
        values = {**tiny_values, "models": [{"name": "other", "architecture": architecture}], "analysis": {}}
        values["training"] = {"epochs": 0, "batch_size": 6, "learning_rate": 1.0e-3}
        values["localization"] = {"methods": ["cam"], **settings}
        values["input"] = {"size": 96}  # 3 x 3 cells at stride 32
        experiment = parse_experiment(values, "variation")
        paths = experiment.paths(tmp_path / "results", tiny_run[1].dataset_dir.parent)
        finetune(experiment, "other", paths)
        localize(experiment, "other", paths)
        with np.load(paths.localization("other") / "maps.npz") as arrays:
            return dict(arrays), json.loads((paths.localization("other") / "summary.json").read_text())

    return run


def test_after_the_norm_maps_add_up_to_the_class_score(variation):
    before, before_summary = variation("convnext_atto")
    after, after_summary = variation("convnext_atto", tap="after-norm")
    assert before_summary["norm_before_classifier"] and after_summary["norm_before_classifier"]
    assert after_summary["head_error"] < 1e-4 < before_summary["head_error"]
    np.testing.assert_allclose(after["cam"], before["cam.after-norm"])
    np.testing.assert_allclose(after["cam.before-norm"], before["cam"])
    assert np.abs(after["cam"] - before["cam"]).max() > 0.01


def test_bfloat16_is_near_and_labelled(variation):
    exact, exact_summary = variation("resnet_narrow")
    half, half_summary = variation("resnet_narrow", precision="bfloat16")
    assert (exact_summary["precision"], half_summary["precision"]) == ("float32", "bfloat16")
    assert half["cam"].dtype == np.float32
    difference = np.abs(half["cam"] - exact["cam"])
    assert 0 < difference.mean() < 0.05


def test_methods_of_the_optional_package_come_from_the_same_pass(variation, monkeypatch):
    pytest.importorskip("pytorch_grad_cam", reason="needs the optional package grad-cam")
    calls = []
    original = forward.feature_maps
    monkeypatch.setattr(forward, "feature_maps", lambda *args: calls.append(1) or original(*args))
    maps, _ = variation("resnet_narrow", methods=["cam", "grad-cam", "layer-cam-gt"], batch_size=18)
    assert len(calls) == 1
    assert maps["grad-cam"].shape == maps["layer-cam-gt"].shape == maps["cam"].shape


def test_a_missing_package_is_said_before_any_work(variation, monkeypatch):
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    monkeypatch.setattr(extract, "load_network", lambda path: pytest.fail("the network was loaded"))
    with pytest.raises(UserError, match=r"'grad-cam' needs the optional package grad-cam; install"):
        variation("resnet_narrow", methods=["grad-cam"])


def test_a_model_of_other_classes_is_refused():
    index = pd.DataFrame({"label": [0, 1], "class_name": ["a", "b"]})
    check_classes(("a", "b"), index, "m")
    with pytest.raises(UserError, match="'b' of the index is not among them"):
        check_classes(("a", "c"), index, "m")
    with pytest.raises(UserError, match="knows 1 classes"):
        check_classes(("a",), index, "m")
