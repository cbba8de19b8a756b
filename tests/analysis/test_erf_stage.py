"""The stage of the effective receptive field: against a plain loop on whole images, and where it does not apply."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from camagain.analysis.erf import measure as erf
from camagain.analysis.erf.area import area_ratios, free_area_ratios, linear_area_ratios, linear_free_area_ratios
from camagain.analysis.erf.contribution import measure as contribution_of
from camagain.analysis.erf.contribution import measure_everywhere
from camagain.analysis.erf.readings import as_upstream
from camagain.analysis.erf.settings import Erf
from camagain.analysis.kit.run import analyze
from camagain.datasets.images import read_rgb, warp
from camagain.datasets.index import image_path, read_index
from camagain.models import create
from camagain.models.checkpoint import load_network
from camagain.models.weights import starting_network

MODEL = "small-convnext"


@pytest.fixture
def own(tiny_run, tmp_path: Path):
    """The tiny experiment and the paths of a copy of its run, which a test may write to."""
    experiment, paths = tiny_run
    copy = dataclasses.replace(paths, results=tmp_path)
    shutil.copytree(paths.model(MODEL), copy.model(MODEL))
    return experiment, copy


@pytest.fixture
def run(own):
    """(settings of erf) -> what the stage wrote of one model: table, arrays, status."""
    experiment, paths = own

    def make(**settings) -> tuple[pd.DataFrame, dict[str, np.ndarray], dict]:
        analysis = experiment.analysis.model_copy(update={"erf": Erf(**settings)})
        analyze(experiment.model_copy(update={"analysis": analysis}), "erf", MODEL, paths)
        folder = paths.analysis("erf", MODEL)
        with np.load(folder / "arrays.npz") as arrays:
            kept = dict(arrays)
        return pd.read_csv(folder / "table.csv"), kept, json.loads((folder / "status.json").read_text())

    return make


@pytest.fixture
def trained(own, monkeypatch: pytest.MonkeyPatch):
    """(network) -> the stage measures it as if it were the trained one."""
    card = load_network(own[1].model(MODEL))[1]

    def use(network: nn.Module) -> None:
        monkeypatch.setattr(erf, "load_network", lambda folder: (network.eval(), card))

    return use


def plain(network: nn.Module, images: list[torch.Tensor]) -> np.ndarray:
    """Upstream's loop: whole images, gradients of the parameters too."""
    total = np.zeros(images[0].shape[1:])
    for image in images:
        samples = image[None].clone().requires_grad_()
        outputs = network.forward_features(samples)
        centre = outputs[:, :, outputs.shape[2] // 2, outputs.shape[3] // 2].relu().sum()
        total += torch.autograd.grad(centre, samples)[0].relu().sum((0, 1)).numpy()
    return total / len(images)


def test_each_state_is_upstreams_loop_over_evenly_spread_images(own, run):
    experiment, paths = own
    table, arrays, status = run(images=3, size=64)
    rows = read_index(paths.index, "test").iloc[[2, 6, 10]]  # of 12
    trained, card = load_network(paths.model(MODEL))
    seen = card.input.model_copy(update={"size": 64})
    images = [warp(read_rgb(image_path(paths.index, path)), seen) for path in rows["path"]]
    random = starting_network(experiment.model(MODEL), 3, experiment.seed)[0].eval()
    for state, network in (("random", random), ("finetuned", trained)):
        expected = plain(network, images)
        assert np.abs(arrays[state] - expected).max() < 1e-5 * expected.max()
    assert np.abs(arrays["random"] - arrays["finetuned"]).max() > 0.01 * arrays["random"].max()
    assert set(arrays) == set(table["state"]) == {"random", "finetuned"}, "training starts from the random weights"
    assert (table["images"] == 3).all() and (table["input_pixels"] == 64).all()
    assert status["skipped_images"] == {"random": 0, "finetuned": 0} and status["applies"]


def test_the_table_holds_the_areas_of_the_stored_maps(run):
    table, arrays, _ = run(images=2, states=("finetuned",))
    table = as_upstream(table)
    for column, measure in (("area_ratio", area_ratios), ("linear_area_ratio", linear_area_ratios)):
        expected = [
            np.nan if found is None else found[1] for found in measure(arrays["finetuned"], erf.CURVE_SHARES).values()
        ]
        np.testing.assert_array_equal(table[column], expected)
    known = table.dropna()
    assert set(erf.THRESHOLDS) < set(table["t"]) and len(known) > 10
    np.testing.assert_allclose(known["area_ratio"], known["side_pixels"] ** 2 / 48**2)
    assert known["area_ratio"].is_monotonic_increasing
    for column, measure in (("free_area_ratio", free_area_ratios), ("linear_free_area_ratio", linear_free_area_ratios)):
        np.testing.assert_array_equal(table[column], list(measure(arrays["finetuned"], erf.CURVE_SHARES).values()))


def test_other_readings_are_those_of_the_fine_tuned_network(own, run):
    _, paths = own
    table, _, status = run(images=4, states=("random", "finetuned"), other_sizes=(64, 48), grid=2)
    others = table[table["cells"].ne("centre") | table["input"].ne("own")]
    assert set(others["state"]) == {"finetuned"} and not status["without_readings"]
    made = others[["input", "cells", "gradients"]].drop_duplicates().to_numpy().tolist()
    assert made == [
        [side, cells, gradients]
        for side, cells in (("own", "mean"), ("64", "centre"), ("48", "centre"))
        for gradients in ("positive", "absolute")
    ]
    network, card = load_network(paths.model(MODEL))
    rows = read_index(paths.index, "test").iloc[[1, 4, 7, 10]]  # of 12
    shown = {
        side: [
            torch.as_tensor(warp(read_rgb(image_path(paths.index, path)), card.input.model_copy(update={"size": side})))
            for path in rows["path"]
        ]
        for side in (48, 64)
    }
    everywhere = measure_everywhere(network.eval(), [image[None] for image in shown[48]], grid=2)
    larger = contribution_of(network, torch.stack(shown[64]))
    for reading, values in (
        (("own", "mean", "positive"), everywhere.values),
        (("own", "mean", "absolute"), everywhere.absolute),
        (("64", "centre", "positive"), larger.values),
        (("64", "centre", "absolute"), larger.absolute),
    ):
        side = 48 if reading[0] == "own" else 64
        own_rows = others[(others[["input", "cells", "gradients"]] == list(reading)).all(axis=1)].set_index("t")
        for t, found in area_ratios(values).items():
            expected = np.nan if found is None else found[0] ** 2 / side**2
            assert own_rows.loc[t, "area_ratio"] == pytest.approx(expected, rel=1e-6, nan_ok=True)
        for t, share in linear_free_area_ratios(values).items():
            expected = share * values.size / side**2
            assert own_rows.loc[t, "linear_free_area_ratio"] == pytest.approx(expected, abs=2 / side**2)
    here, same = (
        table[(table["input"] == side) & (table["cells"] == "centre") & (table["state"] == "finetuned")]
        for side in ("own", "48")
    )
    joined = here[here["t"].isin(erf.THRESHOLDS)].drop(columns="input").reset_index(drop=True)
    pd.testing.assert_frame_equal(joined, same.drop(columns="input").reset_index(drop=True))


@pytest.mark.parametrize(
    ("given", "says"),
    [({"other_sizes": (224, 16)}, "found 16; a side has at least 32"), ({"other_sizes": (64, 64)}, "named twice")],
)
def test_wrong_sizes_are_refused(given: dict, says: str):
    with pytest.raises(ValueError, match=says):
        Erf(**given)


def test_the_start_is_that_of_the_fine_tuning_and_random_weights_are_random(own, monkeypatch: pytest.MonkeyPatch):
    experiment, paths = own
    asked = []

    def fake(model, classes, seed, *, downloads):
        asked.append((model.weights, model.architecture, classes, seed))
        return create("resnet_narrow" if model.weights == "timm" else "convnext_narrow", classes), ""

    monkeypatch.setattr(erf, "starting_network", fake)
    pretrained = experiment.model(MODEL).model_copy(update={"weights": "timm"})
    changed = experiment.model_copy(
        update={
            "models": (pretrained,),
            "analysis": experiment.analysis.model_copy(update={"erf": Erf(images=1)}),
        }
    )
    analyze(changed, "erf", MODEL, paths)
    assert asked == [("random", "convnext_narrow", 3, 0), ("timm", "convnext_narrow", 3, 0)]
    table = pd.read_csv(paths.analysis("erf", MODEL) / "table.csv")
    assert list(table["state"].unique()) == ["random", "start", "finetuned"]


@pytest.mark.parametrize(
    ("weights", "epochs", "expected"),
    [
        ("timm", 3, ["random", "start", "finetuned"]),
        ("random", 3, ["random", "finetuned"]),  # starts from the random ones
        ("timm", 0, ["random", "finetuned"]),  # ends with those of the start
    ],
)
def test_no_weights_are_measured_twice(own, weights: str, epochs: int, expected: list[str]):
    experiment, _ = own
    model = experiment.model(MODEL)
    recipe = model.training.model_copy(update={"epochs": epochs})
    model = model.model_copy(update={"weights": weights, "training": recipe})
    analysis = experiment.analysis.model_copy(update={"erf": Erf(images=1)})
    changed = experiment.model_copy(update={"models": (model,), "analysis": analysis})
    assert erf.states(changed, MODEL) == expected


def spoiled(value: float) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        network = create("resnet_narrow", 3)
        nn.init.constant_(network.layer4[0].conv2.weight, value)
        nn.init.constant_(network.layer4[0].downsample[0].weight, value)
        return network

    return make


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (spoiled(torch.nan), "gradients are not finite in any of 2 images"),
        (spoiled(0.0), "no square holds a share"),
        (lambda: create("vit_tiny_patch16_224", 3, depth=1, img_size=48), "Choose a convolutional network"),
        (lambda: nn.Linear(2, 2), "a Linear has no `forward_features`"),
        (lambda: create("resnet18", 3, global_pool="", drop_rate=0.0), "computes no feature maps of 48 x 48 pixels"),
    ],
)
def test_what_has_no_receptive_field_gets_one_line_and_an_empty_table(run, trained, make: Callable, says: str):
    network = make()
    if "48 x 48" in says:
        network.conv1 = nn.Conv2d(3, 64, 64, stride=64)  # sees no image that is smaller
    trained(network)
    table, arrays, status = run(images=2, states=("finetuned",))
    assert table.empty and tuple(table.columns) == erf.COLUMNS and not arrays
    assert not status["applies"] and says in status["reason"] and "\n" not in status["reason"]


def test_a_state_that_cannot_be_measured_leaves_the_others(run, trained):
    trained(spoiled(torch.nan)())
    table, arrays, status = run(images=2)
    assert set(table["state"]) == set(arrays) == {"random"}
    assert status["applies"] and "not finite in any of 2 images" in status["without"]["finetuned"]


def test_a_skipped_image_is_counted(run, trained):
    class Once(nn.Module):
        """Spoils the gradient of the second image that it sees."""

        def __init__(self) -> None:
            super().__init__()
            self.seen = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.requires_grad:
                self.seen += 1
            return x * torch.nan if x.requires_grad and self.seen == 2 else x

    network = create("resnet_narrow", 3)
    network.act1 = nn.Sequential(network.act1, Once())
    trained(network)
    table, _, status = run(images=3, states=("finetuned",))
    assert status["skipped_images"] == {"finetuned": 1} and (as_upstream(table)["images"] == 2).all()


def test_a_lack_of_memory_is_no_property_of_the_network(run, trained):
    class Greedy(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 10 bytes.")

    network = create("resnet_narrow", 3)
    network.layer4 = Greedy()
    trained(network)
    with pytest.raises(RuntimeError, match="allocate memory"):
        run(images=1, states=("finetuned",))
