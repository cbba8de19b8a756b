"""Resuming: killed at any moment, a training ends in the same bits; a state of another training is left alone."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from camagain.artifacts import sha256
from camagain.config.file import dump_experiment
from camagain.training.finetune import finetune
from camagain.training.state import StateFile, flat, state_file

RECIPE = {
    "epochs": 5,
    "drop_path": 0.3,
    "ema_decay": 0.9,
    "accumulation": 2,
    "batch_size": 8,
    "warmup_epochs": 1,
    "snapshot_every": 2,
    "first_size": 32,
    "augmentation": {"auto_augment": "rand-m9-mstd0.5-inc1", "random_erasing": 0.3, "mixup": 0.8, "cutmix": 1.0},
}
EVERY_EPOCH = {"checkpoint_minutes": 0}

KILLED = """
import os, signal, sys
from pathlib import Path

import torch
from camagain.config.file import load_experiment
from camagain.models import checkpoint
from camagain.training import finetune as module, state
from camagain.training.loop import Loop
from camagain.training.snapshots import Snapshots
from camagain.training.state import StateFile
from camagain.warm.server import load

load(Path(sys.argv[1]), ["finetune"])  # once, not in every process that is killed
state.code_digest = lambda *modules, **used: "unchanged"
experiment, data = load_experiment(Path(sys.argv[1])), Path(sys.argv[2])

def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def in_the_third_epoch():
    step = Loop.step
    Loop.step = lambda self, number, *rest: kill() if number == 5 else step(self, number, *rest)

def while_the_second_state_is_written():
    save, written = torch.save, []
    def half(state, file):
        written.append(0)
        if len(written) < 2:
            return save(state, file)
        import io
        buffer = io.BytesIO()
        save(state, buffer)
        file.write(buffer.getvalue()[: buffer.tell() // 2])
        file.flush()
        kill()
    torch.save = half

def before_the_second_state_gets_its_name():
    replace, written = Path.replace, []
    def late(self, target):
        written.append(Path(target).name)
        kill() if written.count("resume.pt") == 2 else replace(self, target)
    Path.replace = late

def while_the_second_snapshot_is_written():
    save, written = checkpoint.save, []
    def half(tensors):
        written.append(0)
        if len(written) < 2:
            return save(tensors)
        os.fsync = kill
        return save(tensors)[:5000]
    checkpoint.save = half

def between_snapshot_and_state():
    keep = Snapshots.keep
    Snapshots.keep = lambda self, epoch, network: (keep(self, epoch, network), epoch == 4 and kill())

def between_weights_and_snapshots():
    Snapshots.publish = kill

def before_the_snapshots_get_their_place():
    replace = Path.replace
    Path.replace = lambda self, target: kill() if self.name == "ready" else replace(self, target)

def between_history_and_weights():
    module.save_network = kill

def before_the_state_is_deleted():
    StateFile.delete = kill

for moment in sys.argv[4:]:
    if os.fork() == 0:
        globals()[moment]()
        module.finetune(experiment, "net", experiment.paths(Path(sys.argv[3]) / moment, data))
        os._exit(0)
    assert os.WTERMSIG(os.wait()[1]) == signal.SIGKILL, moment
"""


@pytest.fixture(autouse=True)
def unchanged_code(monkeypatch):
    """Somebody may be editing the code while these tests run."""
    monkeypatch.setattr("camagain.training.state.code_digest", lambda *modules, **used: "unchanged")


MOMENTS = {
    "in_the_third_epoch": "after epoch 2/5",
    "while_the_second_state_is_written": "after epoch 1/5",
    "before_the_second_state_gets_its_name": "after epoch 1/5",
    "while_the_second_snapshot_is_written": "after epoch 1/5",
    "between_snapshot_and_state": "after epoch 3/5",
    "between_history_and_weights": "after epoch 4/5",
    "between_weights_and_snapshots": "after epoch 4/5",
    "before_the_snapshots_get_their_place": "after epoch 4/5",
    "before_the_state_is_deleted": "after epoch 4/5",
}
"""Where SIGKILL hits, and what is left by then."""

OUTPUTS = {
    "model.safetensors",
    "model.json",
    "history.csv",
    *(f"snapshots/epoch-000{epoch}.safetensors" for epoch in (0, 2, 4, 5)),
}


def files(folder: Path) -> dict[str, str]:
    """Every file of a model's folder, hidden ones too, by digest."""
    return {path.relative_to(folder).as_posix(): sha256(path) for path in folder.rglob("*") if path.is_file()}


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def test_a_training_killed_at_any_moment_ends_in_the_same_bits(variant, tmp_path, capsys):
    experiment, paths = variant("whole", compute=EVERY_EPOCH, **RECIPE)
    finetune(experiment, "net", paths)
    expected = files(paths.model("net"))
    assert set(expected) == OUTPUTS

    (tmp_path / "experiment.yaml").write_text(dump_experiment(experiment))
    arguments = [str(tmp_path / "experiment.yaml"), str(paths.data), str(tmp_path / "killed"), *MOMENTS]
    subprocess.run([sys.executable, "-c", KILLED, *arguments], check=True, timeout=300, stdout=subprocess.DEVNULL)
    for moment, left in MOMENTS.items():
        killed = experiment.paths(tmp_path / "killed" / moment, paths.data)
        assert (killed.model("net") / "state" / "resume.pt").is_file(), moment
        for name in ("snapshots", "model.safetensors", "model.json", "history.csv"):
            remove(killed.model("net") / name)  # as Snakemake does with the outputs of a job that failed
        capsys.readouterr()
        finetune(experiment, "net", killed)
        said = capsys.readouterr().out
        assert f"net: goes on from {killed.model('net')}/state/resume.pt, {left}" in said, moment
        assert files(killed.model("net")) == expected, moment


@pytest.fixture
def interrupted(variant, monkeypatch) -> Callable:
    """Trains until the state after epoch 2 is written, then stops; returns (experiment, paths, state file)."""

    class Stop(BaseException):
        pass

    def make(name: str = "interrupted", **settings):
        write = StateFile.write

        def stopping(self, state):
            write(self, state)
            if len(state["history"]) == 2:
                raise Stop

        experiment, paths = variant(name, **{"compute": EVERY_EPOCH, **RECIPE, **settings})
        with monkeypatch.context() as patch, pytest.raises(Stop):
            patch.setattr(StateFile, "write", stopping)
            finetune(experiment, "net", paths)
        return experiment, paths, state_file(experiment, "net", paths, torch.device("cpu"))

    return make


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"seed": 1}, "seed was 0, is 1"),
        ({"learning_rate": 2e-3}, r"model\.training\.learning_rate was 0\.001, is 0\.002"),
        ({"compute": {"fast_large_kernels": False}}, r"compute\.fast_large_kernels was True, is False"),
        ({"ema_decay": 0.0}, r"model\.training\.ema_decay was 0\.9, is 0\.0"),
    ],
)
def test_a_state_of_other_settings_is_left_alone(interrupted, variant, capsys, change: dict, reason: str):
    _, paths, _ = interrupted()
    experiment, _ = variant("interrupted", **{**RECIPE, **change})
    finetune(experiment, "net", paths)
    fresh = variant("fresh", **{**RECIPE, **change})[1]
    said = capsys.readouterr().out
    assert re.search(rf"is of another training \({reason}\); training starts anew", said)
    finetune(experiment, "net", fresh)
    assert files(paths.model("net")) == files(fresh.model("net"))


def test_settings_that_change_no_bit_do_not_prevent_resuming(interrupted, variant, capsys):
    _, paths, _ = interrupted()
    compute = {"workers": 1, "cache_images": True, "checkpoint_minutes": 10, "downloads": "elsewhere"}
    other, _ = variant("interrupted", compute=compute, **RECIPE)
    finetune(other, "net", paths)
    assert "goes on from" in capsys.readouterr().out


def test_other_images_code_or_versions_prevent_resuming(interrupted, monkeypatch, tmp_path):
    experiment, paths, file = interrupted()
    assert file.read()[0] is not None

    def why() -> str:
        state, reason = state_file(experiment, "net", paths, torch.device("cpu")).read()
        assert state is None
        return reason

    with monkeypatch.context() as patch:
        patch.setattr("camagain.training.state.code_digest", lambda *modules, **used: "edited")
        assert "code was" in why()
    with monkeypatch.context() as patch:
        patch.setattr("camagain.training.state.package_versions", lambda names: dict.fromkeys(names, "9"))
        assert "packages.torch was" in why()
    with monkeypatch.context() as patch:
        patch.setattr("camagain.training.state.read_json", lambda path: {"fingerprint": "others"})
        assert "dataset was" in why()


@pytest.mark.parametrize("content", [b"", b"no state", b"PK\x03\x04 half a state"])
def test_a_damaged_state_is_said_and_left_alone(interrupted, capsys, content: bytes):
    experiment, paths, file = interrupted()
    if content.startswith(b"PK"):
        content = file.path.read_bytes()[:5000]
    file.path.write_bytes(content)
    finetune(experiment, "net", paths)
    assert "cannot be read" in capsys.readouterr().out
    assert not file.path.parent.exists()


def test_a_state_is_written_only_after_so_many_minutes(variant, monkeypatch):
    written = []
    monkeypatch.setattr(StateFile, "write", lambda self, state: written.append(len(state["history"])))
    for minutes, expected in ((0, [1, 2]), (60, [])):
        written.clear()
        experiment, paths = variant(f"minutes-{minutes}", compute={"checkpoint_minutes": minutes}, epochs=3)
        finetune(experiment, "net", paths)
        assert written == expected


def test_a_state_without_outputs_makes_the_outputs_that_it_would_have_made(interrupted, variant):
    """Snakemake deletes the outputs of a failed job and knows nothing of the state."""
    experiment, paths, _ = interrupted()
    whole = variant("whole", compute=EVERY_EPOCH, **RECIPE)[1]
    finetune(experiment, "net", whole)
    finetune(experiment, "net", paths)
    assert files(paths.model("net")) == files(whole.model("net"))
    shutil.rmtree(paths.model("net"))
    finetune(experiment, "net", paths)
    assert files(paths.model("net")) == files(whole.model("net"))
    assert len(pd.read_csv(paths.model("net") / "history.csv")) == 5


def test_the_card_names_every_device(interrupted, monkeypatch):
    import json

    experiment, paths, _ = interrupted()
    monkeypatch.setattr("camagain.training.finetune.describe", lambda device, compute: "cpu, another one")
    finetune(experiment, "net", paths)
    device = json.loads((paths.model("net") / "model.json").read_text())["device"]
    assert device.endswith("; then cpu, another one")
    assert device.count("; then") == 1


def test_settings_flatten_to_dotted_names():
    assert flat({"a": {"b": 1, "c": {"d": [2]}}, "e": None}) == {"a.b": 1, "a.c.d": [2], "e": None}


def test_a_full_disk_does_not_end_a_training(variant, monkeypatch, capsys):
    def full(state, file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    experiment, paths = variant("full", compute=EVERY_EPOCH, epochs=2)
    finetune(experiment, "net", paths)
    assert "net: cannot save the state ([Errno 28] No space left on device)" in capsys.readouterr().out
    assert set(files(paths.model("net"))) == {"model.safetensors", "model.json", "history.csv"}
