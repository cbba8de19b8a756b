"""Fine-tuning: the recipe does what it says, the same seed gives the same bits, and a hopeless run stops early."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from camagain.artifacts import sha256
from camagain.config.file import parse_experiment
from camagain.errors import UserError
from camagain.models.checkpoint import load_network, snapshot_path
from camagain.training.finetune import finetune


def again(tiny_run, folder, **changes):
    """The tiny experiment with changes and without analyses, reading the same data and writing elsewhere."""
    experiment, paths = tiny_run
    values = {**experiment.model_dump(mode="json"), "analysis": {"names": []}, **changes}
    changed = parse_experiment(values, "changed")
    return changed, changed.paths(folder, paths.data)


def test_the_artifact_says_what_was_trained(tiny_run):
    paths = tiny_run[1]
    card = json.loads((paths.model("small-resnet") / "model.json").read_text())
    assert card["sha256"] == sha256(paths.model("small-resnet") / "model.safetensors")
    assert card["train_images"] == 18
    assert len(card["classes"]) == 3
    assert card["training"]["epochs"] == 2
    assert card["device"].startswith("cpu")
    history = pd.read_csv(paths.model("small-resnet") / "history.csv")
    assert history["epoch"].tolist() == [1, 2]
    assert len(pd.read_csv(paths.model("small-convnext") / "history.csv")) == 1


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(tiny_run, tmp_path):
    weights = {}
    for name, seed in (("same", 0), ("other", 1)):
        experiment, paths = again(tiny_run, tmp_path / name, seed=seed, seeds=[seed])
        finetune(experiment, "small-convnext", paths)
        weights[name] = sha256(paths.model("small-convnext") / "model.safetensors")
    assert weights["same"] == sha256(tiny_run[1].model("small-convnext") / "model.safetensors")
    assert weights["other"] != weights["same"]


def test_zero_epochs_keep_the_starting_weights(tiny_run, tmp_path):
    experiment = tiny_run[0].model_dump(mode="json")
    models = [{**experiment["models"][0], "training": {**experiment["training"], "epochs": 0}}]
    changed, paths = again(tiny_run, tmp_path, models=models)
    finetune(changed, "small-resnet", paths)
    assert pd.read_csv(paths.model("small-resnet") / "history.csv").empty


def test_a_data_set_without_val_trains_and_has_no_numbers_of_it(tiny_run, tmp_path):
    experiment, paths = tiny_run
    changed = experiment.paths(tmp_path / "results", tmp_path / "data")
    shutil.copytree(paths.index.parent, changed.index.parent)
    index = pd.read_parquet(changed.index)
    index[index["split"] != "val"].to_parquet(changed.index)
    finetune(experiment, "small-convnext", changed)
    history = pd.read_csv(changed.model("small-convnext") / "history.csv")
    assert np.isfinite(history["train_loss"]).all()
    assert history.filter(like="val_").shape[1] == 2
    assert history.filter(like="val_").isna().all(axis=None)


def test_mixing_and_all_augmentations_train(tiny_run, tmp_path):
    experiment = tiny_run[0].model_dump(mode="json")
    augmentation = {
        "auto_augment": "rand-m9-mstd0.5-inc1",
        "color_jitter": 0.4,
        "random_erasing": 0.25,
        "mixup": 0.8,
        "cutmix": 1.0,
    }
    recipe = {**experiment["training"], "epochs": 1, "augmentation": augmentation, "clip_gradient": 1.0}
    models = [{**experiment["models"][1], "training": {**recipe, "drop_path": 0.1, "label_smoothing": 0.1}}]
    changed, paths = again(tiny_run, tmp_path, models=models)
    finetune(changed, "small-convnext", paths)
    assert np.isfinite(pd.read_csv(paths.model("small-convnext") / "history.csv")["train_loss"]).all()


def test_a_loss_that_is_not_finite_stops_and_leaves_no_weights(tiny_run, tmp_path):
    experiment = tiny_run[0].model_dump(mode="json")
    models = [{**experiment["models"][0], "training": {**experiment["training"], "learning_rate": 1e30}}]
    changed, paths = again(tiny_run, tmp_path, models=models)
    with pytest.raises(UserError, match=r"the loss became .* in epoch \d, step \d"):
        finetune(changed, "small-resnet", paths)
    assert {path.name for path in paths.model("small-resnet").iterdir()} == {"state"}


def test_a_batch_larger_than_the_split_is_refused(tiny_run, tmp_path):
    experiment = tiny_run[0].model_dump(mode="json")
    models = [{**experiment["models"][0], "training": {**experiment["training"], "batch_size": 100}}]
    changed, paths = again(tiny_run, tmp_path, models=models)
    with pytest.raises(
        UserError, match="batch_size of 'small-resnet' is 100, but 'tiny-birds' has only 18 training images"
    ):
        finetune(changed, "small-resnet", paths)


@pytest.mark.parametrize("frozen", [True, False])
def test_norm_statistics_stay_where_the_recipe_says_so(tiny_run, tmp_path, frozen: bool):
    values = tiny_run[0].model_dump(mode="json")
    recipe = {**values["training"], "epochs": 1, "freeze_norm_statistics": frozen}
    changed, paths = again(tiny_run, tmp_path, models=[{**values["models"][0], "training": recipe}])
    finetune(changed, "small-resnet", paths)
    trained = load_network(paths.model("small-resnet"))[0].state_dict()
    assert bool((trained["bn1.running_mean"] == 0).all()) is frozen
    assert not (trained["bn1.weight"] == 1).all(), "scale and shift learn either way"


@pytest.mark.parametrize("others", [(), ("layer4",)])
def test_a_recipe_for_the_head_alone_leaves_all_else_as_it_started(tiny_run, tmp_path, others: tuple[str, ...]):
    values = tiny_run[0].model_dump(mode="json")
    recipe = {**values["training"], "epochs": 1, "head_only": True, "head_layers": others, "snapshot_every": 1}
    changed, paths = again(tiny_run, tmp_path, models=[{**values["models"][0], "training": recipe}])
    finetune(changed, "small-resnet", paths)
    start, end = (load_file(snapshot_path(paths.model("small-resnet"), epoch)) for epoch in (0, 1))
    for name, value in end.items():
        assert torch.equal(value, start[name]) is not name.startswith(("fc.", *others)), name
