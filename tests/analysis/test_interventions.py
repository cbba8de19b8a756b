"""Kernels as the only change: the function stays until trained, the control is plain further training."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from camagain.analysis.interventions import change as interventions
from camagain.analysis.interventions import measure as stage
from camagain.analysis.interventions.change import Change, apply, further, train_further, trained_network
from camagain.analysis.kit.localizer import localize_by
from camagain.analysis.kit.run import analyze
from camagain.artifacts import RunPaths
from camagain.config import Experiment
from camagain.config.file import parse_experiment
from camagain.errors import UserError
from camagain.evaluation.inputs import read_maps, read_truths
from camagain.models import create
from camagain.training.finetune import finetune
from camagain.training.state import StateFile

MODEL = "small-convnext"
FAMILIES = {"convnext": "convnext_narrow", "replknet": "replknet_narrow", "slak": "slak_narrow"}
JOB = {"enlarge": [13], "shrink": [3], "seeds": 2, "epochs": 1}


def again(tiny_run, results: Path, changed_models: list[str], **changes) -> tuple[Experiment, RunPaths]:
    """The tiny experiment with these models for the interventions, and a folder of its own for results."""
    experiment, paths = tiny_run
    values = {**experiment.model_dump(mode="json"), **changes}
    job = {**JOB, **values.pop("interventions", {}), "models": changed_models}
    values["analysis"] = {"interventions": job, "erf": {"images": 4}}
    changed = parse_experiment(values, "changed")
    return changed, changed.paths(results, paths.data)


@pytest.fixture
def own(tiny_run, tmp_path: Path) -> Callable[..., tuple[Experiment, RunPaths]]:
    """(settings) -> experiment and paths of a copy of the tiny run's trained models, which a test may write to."""

    def make(name: str = "own", **changes) -> tuple[Experiment, RunPaths]:
        experiment, paths = again(tiny_run, tmp_path / name, ["small-convnext", "small-resnet"], **changes)
        for model in ("small-convnext", "small-resnet"):
            shutil.copytree(tiny_run[1].model(model), paths.model(model), dirs_exist_ok=True)
        return experiment, paths

    return make


@pytest.fixture(scope="module")
def families(tiny_run, tmp_path_factory) -> tuple[Experiment, RunPaths]:
    """A network of each family with depthwise kernels, with random weights."""
    recipe = {**tiny_run[0].model_dump(mode="json")["training"], "epochs": 0}
    models = [{"name": name, "architecture": architecture} for name, architecture in FAMILIES.items()]
    experiment, paths = again(
        tiny_run, tmp_path_factory.mktemp("families"), list(FAMILIES), training=recipe, models=models
    )
    for name in FAMILIES:
        finetune(experiment, name, paths)
    return experiment, paths


def written(experiment: Experiment, paths: RunPaths, change: str, model: str = MODEL) -> tuple[pd.DataFrame, dict]:
    """What a job wrote: table and status."""
    analyze(experiment, "interventions", model, paths, change)
    folder = paths.analysis("interventions", model) / change
    assert {path.name for path in folder.iterdir()} == {"table.csv", "status.json", "arrays.npz"}
    return pd.read_csv(folder / "table.csv"), json.loads((folder / "status.json").read_text())


def weights_of(experiment: Experiment, paths: RunPaths, change: str, folder: Path) -> dict[str, torch.Tensor]:
    """The weights of a further training."""
    named = Change.named(change, experiment.analysis.interventions.changes)
    return load_file(train_further(experiment, MODEL, named, paths, folder))


def assert_equal(weights: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> None:
    assert weights.keys() == others.keys()
    assert all(torch.equal(weights[key], others[key]) for key in weights)


# --- enlarging ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_a_job_proves_that_enlarging_changed_nothing_and_trains_what_is_new(families, family: str):
    table, status = written(*families, "K13-seed0", family)
    assert status["largest_relative_difference_of_class_scores"] < 1e-5
    network = create(FAMILIES[family], 3)
    kernels = {name: layer.kernel_size for name, layer in interventions.depthwise(network, "test")}
    covered = {name for name in kernels if family == "replknet" and ".small." in name}
    strips = {name for name, (height, width) in kernels.items() if height != width and max(height, width) < 13}
    changed = {name for name, sides in kernels.items() if max(sides) < 13} - covered - strips
    assert set(status["changed"]) == changed != set()
    assert set(status["left_out"]) == covered | strips
    added = sum((13**2 - np.prod(kernels[name])) * network.get_submodule(name).in_channels for name in changed)
    assert set(table["parameters"]) == {sum(parameter.numel() for parameter in network.parameters()) + added}
    assert set(table["layers_changed"]) == {len(changed)} and set(table["kernel_side"]) == {13}
    assert table["method"].tolist() == ["cam", "cam-gt"]


def test_a_job_stops_where_enlarging_changes_class_scores(own, monkeypatch):
    def broken(change, network):
        report = apply(change, network)
        for name in report.changed:
            network.get_submodule(name).weight.data[..., 0, 0] = 0.1
        return report

    monkeypatch.setattr(stage, "apply", broken)
    monkeypatch.setattr(stage, "train_further", lambda *_: pytest.fail("trained nevertheless"))
    with pytest.raises(RuntimeError, match="enlarging its kernels changed its class scores by"):
        analyze(*(own()[0], "interventions", MODEL, own()[1], "K13-seed0"))


def test_the_new_taps_are_trained_and_what_was_trained_is_measured(own, tmp_path, monkeypatch):
    experiment, paths = own()
    expected = weights_of(experiment, paths, "K13-seed0", tmp_path)
    taps = expected["stages.0.blocks.0.conv_dw.weight"]
    assert taps.shape[2:] == (13, 13)
    assert taps[:, :, 0].abs().min() > 0

    measured, measure = [], stage.measure
    monkeypatch.setattr(stage, "measure", lambda network, *rest: measured.append(network) or measure(network, *rest))
    written(experiment, paths, "K13-seed0")
    assert_equal(measured[0].state_dict(), expected)


# --- the control ----------------------------------------------------------------------------------------------------


def test_the_control_is_plain_further_training(own, tmp_path, monkeypatch):
    experiment, paths = own()
    control = weights_of(experiment, paths, "own-seed1", tmp_path / "control")

    change = Change.named("own-seed1", experiment.analysis.interventions.changes)
    plain, name = further(experiment, MODEL, change), f"{MODEL}, own-seed1"
    start = trained_network(experiment, MODEL, paths)[0]
    monkeypatch.setattr("camagain.training.finetune.starting_network", lambda *_, **__: (start, "trained before"))
    finetune(plain, name, dataclasses.replace(paths, results=tmp_path / "plain"))
    folder = dataclasses.replace(paths, results=tmp_path / "plain").model(name)
    assert_equal(control, load_file(folder / "model.safetensors"))
    before = load_file(paths.model(MODEL) / "model.safetensors")
    assert any(not torch.equal(control[key], before[key]) for key in before)


def test_seeds_differ_from_each_other_and_from_the_training_before_and_repeat_themselves(own, tmp_path):
    experiment, paths = own()
    found = [weights_of(experiment, paths, f"own-seed{seed}", tmp_path / str(i)) for i, seed in enumerate((0, 1, 0))]
    assert_equal(found[0], found[2])
    assert any(not torch.equal(found[0][key], found[1][key]) for key in found[0])
    known = experiment.analysis.interventions.changes
    seeds = {
        name: further(experiment, MODEL, Change.named(name, known)).training_seed for name in known if name != "shrunk"
    }
    assert seeds["own-seed0"] == seeds["K13-seed0"], "the same images in the same order, whatever the kernels"
    assert len({*seeds.values(), experiment.training_seed}) == 3


def test_the_recipe_is_the_models_own_but_for_its_length(own):
    changed = {"epochs": 10, "warmup_epochs": 5, "learning_rate": 0.001, "head_learning_rate": 0.002, "first_size": 32}
    recipe = own()[0].model("small-resnet").training.model_copy(update=changed)
    model = {"architecture": "convnext_narrow", "training": recipe.model_dump(mode="json")}
    models = [{"name": MODEL, **model}, {"name": "small-resnet", **model}]
    cases = ((1, 1, (0.5, 0.001, 0.002)), (4, 0.5, (2, 0.0005, 0.001)), (None, 1, (5, 0.001, 0.002)))
    for epochs, factor, expected in (*cases, (20, 1, (5, 0.001, 0.002))):
        settings = {"epochs": epochs, "learning_rate_factor": factor}
        experiment, _ = own(models=models, interventions=settings)
        found = further(experiment, MODEL, Change.named("own-seed0", ("own-seed0",))).models[0].training
        assert found.epochs == (epochs or 10)
        assert (found.warmup_epochs, found.learning_rate, found.head_learning_rate) == expected
        assert found.snapshot_every == 0 and found.first_size is None
        assert found.model_copy(update=changed | {"snapshot_every": recipe.snapshot_every}) == recipe


def test_a_model_without_training_needs_its_epochs_given(families):
    experiment, _ = families
    chosen = experiment.analysis.interventions.model_copy(update={"epochs": None})
    analysis = experiment.analysis.model_copy(update={"interventions": chosen})
    with pytest.raises(UserError, match=r"'slak' is not trained \(0 epochs\): set analysis.interventions.epochs"):
        further(experiment.model_copy(update={"analysis": analysis}), "slak", Change("own-seed0", None, 0))


def test_drop_path_of_the_training_is_there_again(own):
    values = own()[0].model_dump(mode="json")["models"]
    values[1]["training"]["drop_path"] = 0.5
    network, _ = trained_network(*(lambda made: (made[0], MODEL, made[1]))(own(models=values)))
    assert any(getattr(module, "drop_prob", 0) == 0.5 for module in network.modules())


# --- killed, and resumed --------------------------------------------------------------------------------------------


class Stop(BaseException):
    """Somebody pulls the plug."""


@pytest.fixture
def killed(own, monkeypatch) -> Callable[[str], tuple[Experiment, RunPaths]]:
    """Starts a job of two epochs and stops it when its state after the first one is written."""
    monkeypatch.setattr("camagain.training.state.code_digest", lambda *modules, **used: "unchanged")
    monkeypatch.setattr(interventions, "code_digest", lambda *modules, **used: "unchanged")

    def make(change: str) -> tuple[Experiment, RunPaths]:
        write = StateFile.write

        def stopping(self, state):
            write(self, state)
            raise Stop

        compute = {"device": "cpu", "threads": 1, "checkpoint_minutes": 0}
        experiment, paths = own(interventions={"epochs": 2}, compute=compute)
        with monkeypatch.context() as patch, pytest.raises(Stop):
            patch.setattr(StateFile, "write", stopping)
            analyze(experiment, "interventions", MODEL, paths, change)
        return experiment, paths

    return make


def test_a_killed_job_goes_on_and_finds_the_same(killed, own, capsys):
    experiment, paths = killed("K13-seed0")
    state = paths.analysis("interventions", MODEL) / "K13-seed0" / "state" / "resume.pt"
    assert state.is_file()
    table, _ = written(experiment, paths, "K13-seed0")
    assert f"small-convnext, K13-seed0: goes on from {state}, after epoch 1/2" in capsys.readouterr().out
    whole = own("whole")[1]
    pd.testing.assert_frame_equal(table, written(experiment, whole, "K13-seed0")[0], check_exact=True)


def test_a_state_of_another_job_or_of_other_weights_is_left_alone(killed, capsys):
    experiment, paths = killed("own-seed0")
    folder = paths.analysis("interventions", MODEL)
    shutil.copytree(folder / "own-seed0", folder / "K13-seed0")
    written(experiment, paths, "K13-seed0")
    assert "is of another training (change was own-seed0, is K13-seed0; " in capsys.readouterr().out

    card = json.loads((paths.model(MODEL) / "model.json").read_text())
    finetune(experiment.model_copy(update={"seeds": (5,)}), MODEL, paths)
    written(experiment, paths, "own-seed0")
    said = capsys.readouterr().out
    assert f"is of another training (weights was {card['sha256']}, is " in said


# --- cutting --------------------------------------------------------------------------------------------------------


def test_cuts_are_measured_and_sizes_that_no_kernel_exceeds_are_left_out(own, tiny_run):
    experiment, paths = own(interventions={"shrink": [13, 3, 7]})
    table, status = written(experiment, paths, "shrunk")
    assert table["change"].tolist() == ["uncut", "uncut", "k3", "k3"]
    assert table["kernel_side"].tolist() == [7, 7, 3, 3]
    assert status["nothing_to_cut"] == [13, 7]
    assert table["seed"].isna().all() and not table["epochs"].any()

    truths = read_truths(paths.index, experiment.evaluation.size)
    for method, name in (("cam", "cam.described"), ("cam-gt", "cam-gt.described")):
        stored = read_maps(tiny_run[1].localization(MODEL) / "maps.npz", name, truths)["test"]
        expected = localize_by(stored, truths["test"], experiment)
        row = table[(table["change"] == "uncut") & (table["method"] == method)].iloc[0]
        assert row["max_box_acc_percent"] == expected.percent
        with np.load(paths.analysis("interventions", MODEL) / "shrunk" / "arrays.npz") as arrays:
            np.testing.assert_array_equal(arrays[f"uncut.{method}"], expected.accuracy.errors)
    uncut, cut = (table[table["change"] == change].iloc[0] for change in ("uncut", "k3"))
    assert cut["erf_area_ratio_t50"] < uncut["erf_area_ratio_t50"], "a smaller kernel sees less"


# --- where it does not apply ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["own-seed0", "K13-seed1", "shrunk"])
def test_a_resnet_has_no_kernels_to_change(own, change: str):
    experiment, paths = own()
    table, status = written(experiment, paths, change, "small-resnet")
    assert table.empty and tuple(table.columns) == stage.COLUMNS
    assert not status["applies"] and "no depthwise kernel to" in status["reason"] and "\n" not in status["reason"]


def test_a_size_that_enlarges_nothing_does_not_apply(own):
    table, status = written(*own(interventions={"enlarge": [7]}), "K7-seed0")
    assert table.empty
    assert status["reason"] == "K7: none of its 5 depthwise kernels, of 7 to 7 taps a side, can be enlarged to 7 x 7."


def test_maps_of_one_cell_are_refused_before_anything_is_trained(tiny_run, tmp_path, monkeypatch):
    recipe = {**tiny_run[0].model_dump(mode="json")["training"], "epochs": 0}
    models = [{"name": "coarse", "architecture": "test_convnext"}]
    experiment, paths = again(tiny_run, tmp_path, ["coarse"], training=recipe, models=models)
    finetune(experiment, "coarse", paths)
    monkeypatch.setattr(stage, "train_further", lambda *_: pytest.fail("trained nevertheless"))
    for change in ("own-seed0", "shrunk"):
        assert "has a single cell" in written(experiment, paths, change, "coarse")[1]["reason"]


def test_a_change_is_named_in_full(own):
    experiment, paths = own()
    with pytest.raises(UserError, match=r"found the change 'K13'; expected one of \['own-seed0', .*'shrunk'\]"):
        analyze(experiment, "interventions", MODEL, paths, "K13")
    with pytest.raises(UserError, match="interventions are several jobs; say which by --job"):
        analyze(experiment, "interventions", MODEL, paths)
