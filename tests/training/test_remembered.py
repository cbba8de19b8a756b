"""Features of frozen layers are made once for each view, and training ends as it does when they are made anew."""

from camagain import _timm  # isort: skip  # noqa: F401  # before timm

import pytest
import timm
import torch

from camagain.config import Training
from camagain.training import finetune as finetune_module
from camagain.training.remembered import remembers

ALONE = {"head_only": True, "epochs": 3, "augmentation": {"flip": 0.5, "crop_scale": None}}


def counted(monkeypatch) -> list[int]:
    """The batch sizes that the stem of every network sees from now on."""
    sizes: list[int] = []
    made = finetune_module.starting_network

    def counting(*arguments, **named):
        network, source = made(*arguments, **named)
        stem = next(layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d))
        stem.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
        return network, source

    monkeypatch.setattr(finetune_module, "starting_network", counting)
    return sizes


def test_weights_are_those_of_a_training_that_runs_every_image(trained, monkeypatch):
    sizes = counted(monkeypatch)
    once, history = trained("once", **ALONE)
    views = sum(sizes)
    sizes.clear()
    monkeypatch.setattr("camagain.training.remembered.remembers", lambda *_: False)
    always, expected = trained("always", **ALONE)
    assert views < sum(sizes) / 1.5
    for name, weight in always.items():
        torch.testing.assert_close(once[name], weight, rtol=1e-4, atol=1e-6)
    assert history["val_top1_percent"].tolist() == expected["val_top1_percent"].tolist()
    assert history["train_loss"].tolist() == pytest.approx(expected["train_loss"].tolist(), rel=1e-4)


@pytest.mark.parametrize(
    "other",
    [
        {"head_only": False},
        {"head_layers": ["layer4"]},
        {"ema_decay": 0.9},
        {"augmentation": {"crop_scale": [0.5, 1.0]}},
        {"augmentation": {"crop_scale": None, "mixup": 0.2}},
        {"augmentation": {"crop_scale": None, "color_jitter": 0.2}},
    ],
    ids=str,
)
def test_what_changes_pixels_or_learns_elsewhere_runs_every_image(other):
    assert remembers(*prepared(ALONE))
    assert not remembers(*prepared({**ALONE, **other}))


@pytest.mark.parametrize("rate", ["drop_rate", "drop_path_rate"])
def test_dropout_and_drop_path_run_every_image(rate):
    assert not remembers(*prepared(ALONE, **{rate: 0.1}))


def prepared(values: dict, **options):
    from camagain.training.modes import ready_for_training

    recipe = Training.model_validate({"epochs": 1, "learning_rate": 0.1, **values})
    return ready_for_training(timm.create_model("resnet18", **options), recipe, torch.device("cpu"), 1), recipe
