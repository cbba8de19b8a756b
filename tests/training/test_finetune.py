"""Fine-tuning: the recipe does what it says, the same seed gives the same bits, and a hopeless run stops early."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from camagain.artifacts import sha256
from camagain.compute import seeded
from camagain.config import Augmentation, Training
from camagain.config.file import parse_experiment
from camagain.datasets.images import warp
from camagain.datasets.index import read_index
from camagain.errors import UserError
from camagain.models.checkpoint import load_network
from camagain.models.zoo import create
from camagain.training.augment import AugmentedTable, batch_mixing, training_transform
from camagain.training.finetune import finetune
from camagain.training.optimisation import make_optimizer, make_schedule, parameter_groups


def again(tiny_run, folder, **changes):
    """The tiny experiment with changes, reading the same data and writing elsewhere."""
    experiment, paths = tiny_run
    values = {**experiment.model_dump(mode="json"), **changes}
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
        experiment, paths = again(tiny_run, tmp_path / name, seed=seed)
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
    assert not paths.model("small-resnet").exists()


def test_a_batch_larger_than_the_split_is_refused(tiny_run, tmp_path):
    experiment = tiny_run[0].model_dump(mode="json")
    models = [{**experiment["models"][0], "training": {**experiment["training"], "batch_size": 100}}]
    changed, paths = again(tiny_run, tmp_path, models=models)
    with pytest.raises(UserError, match="batch_size is 100, but the train split has only 18 images"):
        finetune(changed, "small-resnet", paths)


def test_an_augmentation_depends_on_seed_epoch_and_row_alone(tiny_run):
    experiment, paths = tiny_run
    train = read_index(paths.index, "train")

    def table(seed: int, epoch: int) -> AugmentedTable:
        images = AugmentedTable(
            train, paths.index, training_transform(experiment.input, Augmentation(color_jitter=0.4))
        )
        images.seed, images.epoch = seed, epoch
        return images

    first = table(0, 1)
    torch.manual_seed(5)
    _ = first[3]
    image, label, row = first[2]
    assert torch.equal(image, table(0, 1)[2][0])
    assert (label, row) == (train["label"][2], 2)
    assert not torch.equal(image, table(0, 2)[2][0])
    assert not torch.equal(image, table(1, 1)[2][0])


def test_seeding_a_block_leaves_the_global_generators_alone():
    torch.manual_seed(3)
    np.random.seed(3)
    expected = torch.rand(2).tolist(), np.random.rand()
    torch.manual_seed(3)
    np.random.seed(3)
    with seeded(1, 2):
        inside = torch.rand(1).item()
    assert (torch.rand(2).tolist(), np.random.rand()) == expected
    with seeded(1, 2):
        assert torch.rand(1).item() == inside


@pytest.mark.parametrize("frozen", [True, False])
def test_norm_statistics_stay_where_the_recipe_says_so(tiny_run, tmp_path, frozen: bool):
    values = tiny_run[0].model_dump(mode="json")
    recipe = {**values["training"], "epochs": 1, "freeze_norm_statistics": frozen}
    changed, paths = again(tiny_run, tmp_path, models=[{**values["models"][0], "training": recipe}])
    finetune(changed, "small-resnet", paths)
    trained = load_network(paths.model("small-resnet"))[0].state_dict()
    assert bool((trained["bn1.running_mean"] == 0).all()) is frozen
    assert not (trained["bn1.weight"] == 1).all(), "scale and shift learn either way"


def test_parameter_groups_by_hand():
    network = create("resnet_narrow", 4)
    recipe = Training(epochs=1, learning_rate=1e-3, head_learning_rate=1e-2, weight_decay=0.1)
    groups = {(group["lr"], group["weight_decay"]): group["params"] for group in parameter_groups(network, recipe)}
    assert set(groups) == {(1e-3, 0.1), (1e-3, 0.0), (1e-2, 0.1), (1e-2, 0.0)}
    assert [tuple(parameter.shape) for parameter in groups[1e-2, 0.1]] == [(4, 128)]
    assert [tuple(parameter.shape) for parameter in groups[1e-2, 0.0]] == [(4,)]
    assert sum(len(parameters) for parameters in groups.values()) == len(list(network.parameters()))


def test_the_learning_rate_warms_up_and_follows_half_a_cosine():
    recipe = Training(epochs=10, learning_rate=1.0, warmup_epochs=1)
    optimizer = make_optimizer(create("resnet_narrow", 4), recipe)
    schedule = make_schedule(optimizer, recipe, steps_per_epoch=10)
    rates = []
    for step in range(100):
        schedule.step_update(step)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates[0] == pytest.approx(0.01)
    assert rates[5] == pytest.approx(0.01 + 0.99 * 5 / 10)
    assert rates[50] == pytest.approx(0.5)
    assert rates[75] == pytest.approx(0.5 * (1 + np.cos(np.pi * 0.75)))
    assert rates[99] < 1e-3


def test_mixing_is_off_unless_asked_for():
    assert batch_mixing(Augmentation(), 4, 0.1) is None
    mixing = batch_mixing(Augmentation(mixup=0.8), 4, 0.1)
    assert mixing is not None
    _, targets = mixing(torch.rand(4, 3, 8, 8), torch.tensor([0, 1, 2, 3]))
    assert targets.shape == (4, 4)
    torch.testing.assert_close(targets.sum(1), torch.ones(4))


def test_warping_covers_the_whole_image_and_normalises():
    from PIL import Image

    from camagain.config import Input

    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, 4:] = 255
    tensor = warp(Image.fromarray(pixels), Input(size=32, mean=(0.5, 0.5, 0.25), std=(0.5, 0.5, 0.25)))
    assert tensor.shape == (3, 32, 32)
    torch.testing.assert_close(tensor[:, 0, 0], torch.tensor([-1.0, -1.0, -1.0]))
    torch.testing.assert_close(tensor[:, 31, 31], torch.tensor([1.0, 1.0, 3.0]))
