"""Weights along a training: which epochs, whose weights, and what becomes of those of an earlier training."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from camagain.artifacts import sha256
from camagain.config import Training
from camagain.models.checkpoint import snapshot_path
from camagain.training import snapshots
from camagain.training.finetune import finetune
from camagain.training.loop import Loop
from camagain.training.snapshots import link
from camagain.training.state import StateFile


def epochs_in(folder: Path) -> list[int]:
    return [int(path.stem.removeprefix("epoch-")) for path in sorted((folder / "snapshots").iterdir())]


def weights_of(folder: Path, epoch: int) -> dict[str, torch.Tensor]:
    return load_file(folder / "snapshots" / f"epoch-{epoch:04d}.safetensors")


@pytest.mark.parametrize(
    "every, epochs, kept",
    [(0, 5, ()), (1, 3, (0, 1, 2, 3)), (2, 5, (0, 2, 4, 5)), (2, 4, (0, 2, 4)), (9, 4, (0, 4)), (3, 0, (0,))],
)
def test_the_start_every_kth_epoch_and_the_last_are_kept(every: int, epochs: int, kept: tuple[int, ...]):
    recipe = Training(epochs=epochs, learning_rate=1e-3, snapshot_every=every)
    assert recipe.snapshot_epochs == kept


@pytest.mark.parametrize("ema_decay", [0.0, 0.6])
def test_a_snapshot_is_what_a_training_of_so_many_epochs_would_keep(variant, monkeypatch, ema_decay: float):
    """Weights after each epoch by an independent route: noted down as each is validated."""
    seen = []
    validate = Loop.validate

    def watched(self, network):
        seen.append({key: tensor.clone() for key, tensor in network.state_dict().items()})
        return validate(self, network)

    monkeypatch.setattr(Loop, "validate", watched)
    settings = {"architecture": "test_resnet", "epochs": 3, "ema_decay": ema_decay, "precision": "bf16"}
    experiment, paths = variant("kept", snapshot_every=1, **settings)
    finetune(experiment, "net", paths)
    folder = paths.model("net")
    assert epochs_in(folder) == [0, 1, 2, 3]
    for epoch, expected in enumerate(seen, start=1):
        found = weights_of(folder, epoch)
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[key], expected[key]) for key in expected), epoch
        assert {tensor.dtype for tensor in found.values()} == {torch.float32, torch.int64}  # int64 counts batches
    assert sha256(folder / "snapshots" / "epoch-0003.safetensors") == sha256(folder / "model.safetensors")

    start = variant("start", **{**settings, "epochs": 0})
    finetune(start[0], "net", start[1])
    untrained = start[1].model("net") / "model.safetensors"
    assert sha256(folder / "snapshots" / "epoch-0000.safetensors") == sha256(untrained)


def test_snapshots_change_no_bit_of_a_training(variant):
    digests = set()
    for every in (0, 1):
        experiment, paths = variant(f"every-{every}", snapshot_every=every)
        finetune(experiment, "net", paths)
        digests.add(sha256(paths.model("net") / "model.safetensors"))
    assert len(digests) == 1


def test_snapshots_of_an_earlier_training_do_not_stay(variant):
    experiment, paths = variant("one", epochs=3, snapshot_every=1)
    finetune(experiment, "net", paths)
    first = sha256(paths.model("net") / "snapshots" / "epoch-0003.safetensors")
    experiment, _ = variant("one", epochs=3, snapshot_every=3, learning_rate=2e-3)
    finetune(experiment, "net", paths)
    assert epochs_in(paths.model("net")) == [0, 3]
    assert sha256(paths.model("net") / "snapshots" / "epoch-0003.safetensors") != first
    experiment, _ = variant("one", epochs=3, snapshot_every=0)
    finetune(experiment, "net", paths)
    assert not (paths.model("net") / "snapshots").exists()


def test_what_an_unfinished_training_gathered_is_not_taken_for_that_of_another(variant, monkeypatch):
    experiment, paths = variant("one", epochs=3, snapshot_every=1, compute={"checkpoint_minutes": 0})

    class Stop(BaseException):
        pass

    def stop(self, state):
        raise Stop

    with monkeypatch.context() as patch, pytest.raises(Stop):
        patch.setattr(StateFile, "write", stop)
        finetune(experiment, "net", paths)
    assert epochs_in(paths.model("net") / "state") == [0, 1]
    experiment, _ = variant("one", epochs=3, snapshot_every=1, learning_rate=2e-3)
    disk_full_in_epoch_1(monkeypatch)
    finetune(experiment, "net", paths)
    assert epochs_in(paths.model("net")) == [0, 2, 3]


def disk_full_in_epoch_1(monkeypatch) -> None:
    save = snapshots.save_weights

    def full(path, network):
        if path.stem == "epoch-0001":
            raise OSError(28, "No space left on device")
        save(path, network)

    monkeypatch.setattr(snapshots, "save_weights", full)


def test_a_training_that_keeps_no_snapshots_removes_those_of_the_one_before(variant):
    experiment, paths = variant("bare", snapshot_every=0)
    snapshot_path(paths.model("net"), 0).parent.mkdir(parents=True)
    finetune(experiment, "net", paths)
    assert not snapshot_path(paths.model("net"), 0).parent.exists()


def test_a_full_disk_costs_the_snapshot_and_not_the_training(variant, monkeypatch, capsys):
    experiment, paths = variant("full", snapshot_every=1)
    disk_full_in_epoch_1(monkeypatch)
    finetune(experiment, "net", paths)
    said = capsys.readouterr().out
    assert "net: cannot keep the weights of epoch 1 ([Errno 28] No space left on device); training goes on" in said
    assert "net: no weights were kept of the epochs [1]; analyses go without them" in said
    assert epochs_in(paths.model("net")) == [0, 2]


def test_the_state_is_deleted_before_the_snapshots_that_it_needs(tmp_path, monkeypatch):
    file = StateFile(tmp_path / "state" / "resume.pt", {})
    file.write({"history": []})

    def killed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        file.delete()
    assert not file.path.exists()


def test_files_are_copied_where_there_are_no_links(tmp_path, monkeypatch):
    def unknown(*_):
        raise OSError(95, "Operation not supported")

    (tmp_path / "a").write_bytes(b"weights")
    monkeypatch.setattr("os.link", unknown)
    link(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"weights"
