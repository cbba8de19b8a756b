"""The steps: what each key of a recipe does to the weights, by an independent route where there is one."""

import pytest
import torch
from safetensors.torch import load_file

from camagain.errors import UserError
from camagain.training.finetune import finetune
from camagain.training.modes import statistics_kept


def distance(a: dict, b: dict) -> float:
    """The largest difference between two sets of weights."""
    return max((a[key].double() - b[key].double()).abs().max().item() for key in a)


SGD = {"optimizer": "sgd", "learning_rate": 0.05, "weight_decay": 0.0, "epochs": 1, "warmup_epochs": 0}
"""Its steps are proportional to gradients, so equal weights mean equal gradients (Adam would hide a factor)."""


@pytest.mark.parametrize("clip", [None, 0.5])
def test_accumulated_gradients_are_those_of_the_whole_batch(trained, clip: float | None):
    recipe = {**SGD, "clip_gradient": clip, "ema_decay": 0.5, "augmentation": {"mixup": 0.8, "cutmix": 1.0}}
    whole, history = trained("whole", **recipe)
    for parts in (2, 6):
        weights, found = trained(f"parts-{parts}", accumulation=parts, **recipe)
        assert distance(whole, weights) < 1e-6, parts
        assert found["train_loss"][0] == pytest.approx(history["train_loss"][0], rel=1e-6)
    start, _ = trained("start", **{**recipe, "epochs": 0})
    assert distance(whole, start) > 1e-3


def test_clipping_bounds_a_step(trained):
    recipe = {**SGD, "batch_size": 18, "learning_rate": 1.0, "optimizer": "momentum"}  # one step, without Nesterov
    start, _ = trained("start", **{**recipe, "epochs": 0})
    clipped, _ = trained("clipped", clip_gradient=0.01, **recipe)
    free, _ = trained("free", **recipe)

    def moved(weights: dict) -> float:
        return sum((weights[key] - start[key]).square().sum().item() for key in start) ** 0.5

    assert moved(clipped) == pytest.approx(0.01, rel=1e-3)
    assert moved(free) > 0.02


def test_the_moving_average_is_validated_and_kept(variant, monkeypatch):
    """Recomputed from the raw weights after each step; buffers are averaged, too."""
    from camagain.training.loop import Loop

    raw: list[dict] = []
    step = Loop.step

    def watched(self, number, pixels, labels, prepared, optimizer):
        found = step(self, number, pixels, labels, prepared, optimizer)
        raw.append({key: tensor.clone() for key, tensor in prepared.state_dict().items()})
        return found

    monkeypatch.setattr(Loop, "step", watched)
    start = variant("start", architecture="test_resnet", epochs=0, ema_decay=0.8)
    finetune(start[0], "net", start[1])
    average = load_file(start[1].model("net") / "model.safetensors")
    experiment, paths = variant("average", architecture="test_resnet", ema_decay=0.8)
    finetune(experiment, "net", paths)
    assert len(raw) == 6
    for weights in raw:
        for key, tensor in weights.items():
            average[key] = 0.8 * average[key] + 0.2 * tensor if tensor.is_floating_point() else tensor
    kept = load_file(paths.model("net") / "model.safetensors")
    assert distance(kept, average) < 1e-5
    assert distance(kept, raw[-1]) > 1e-4
    assert any("running_mean" in key for key in kept)


@pytest.mark.parametrize("architecture", ["test_convnext", "test_resnet"])
def test_gradient_checkpointing_gives_the_same_network(trained, architecture: str):
    recipe = {"architecture": architecture, "drop_path": 0.2, "epochs": 1, "ema_decay": 0.5}
    plain, _ = trained("plain", **recipe)
    checkpointed, _ = trained("checkpointed", gradient_checkpointing=True, **recipe)
    assert distance(plain, checkpointed) == 0


def test_gradient_checkpointing_is_refused_where_a_network_has_none(trained, monkeypatch):
    from timm.models.convnext import ConvNeXt

    monkeypatch.delattr(ConvNeXt, "set_grad_checkpointing")
    with pytest.raises(UserError, match="gradient_checkpointing: a ConvNeXt does not offer it"):
        trained("refused", gradient_checkpointing=True)


def test_statistics_stay_though_batches_are_normalised():
    norm = torch.nn.BatchNorm1d(2)
    images = torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    with statistics_kept(norm):
        inside = norm(images)
    assert norm.running_mean.tolist() == [0, 0]
    assert norm.num_batches_tracked == 0
    assert torch.equal(inside, norm(images))
    assert norm.running_mean.tolist() == pytest.approx([0.2, 0.4])


def test_bfloat16_is_used_in_training_and_weights_and_validation_stay_in_full_precision(trained, monkeypatch):
    from timm.models.convnext import ConvNeXt

    seen = set()
    forward = ConvNeXt.forward

    def watched(self, images):
        logits = forward(self, images)
        seen.add((self.training, logits.dtype, self.head.fc.weight.dtype))
        return logits

    monkeypatch.setattr(ConvNeXt, "forward", watched)
    half, history = trained("half", precision="bf16", ema_decay=0.5)
    assert seen == {(True, torch.bfloat16, torch.float32), (False, torch.float32, torch.float32)}
    assert {tensor.dtype for tensor in half.values()} == {torch.float32}
    full, expected = trained("full", ema_decay=0.5)
    assert 0 < distance(half, full) < 1e-2
    assert history["train_loss"][0] == pytest.approx(expected["train_loss"][0], rel=0.02)


def test_drop_path_and_label_smoothing_reach_the_network(trained):
    plain, history = trained("plain")
    smooth, smoothed = trained("smooth", label_smoothing=0.3)
    dropped, _ = trained("dropped", drop_path=0.5)
    assert distance(plain, smooth) > 0
    assert distance(plain, dropped) > 0
    assert smoothed["train_loss"][1] != history["train_loss"][1]


def test_a_loss_that_is_not_finite_names_the_last_good_state(variant, monkeypatch):
    from camagain.training.loop import Loop

    step = Loop.step

    def exploding(self, number, pixels, labels, prepared, optimizer):
        return step(self, number, pixels * float("inf") if number == 7 else pixels, labels, prepared, optimizer)

    monkeypatch.setattr(Loop, "step", exploding)
    experiment, paths = variant("with", compute={"checkpoint_minutes": 0}, epochs=4)
    with pytest.raises(UserError, match=r"became nan in epoch 3, step 2\. .*resume\.pt, is that after epoch 2;"):
        finetune(experiment, "net", paths)
    experiment, paths = variant("without", epochs=4)
    with pytest.raises(UserError, match=r"epoch 3, step 2\. Lower .* No state had been saved before\."):
        finetune(experiment, "net", paths)
    assert not paths.model("net").exists()
