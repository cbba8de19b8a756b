"""Several processes: the same training as one, one line for an error, and nobody left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from safetensors.torch import load_file
from torch.multiprocessing import ProcessRaisedException

from camagain.artifacts import sha256
from camagain.compute import prepare
from camagain.config import Compute
from camagain.errors import UserError
from camagain.training.finetune import finetune
from camagain.training.launch import check_processes, clear

TWO = {"processes": 2}


def test_two_processes_train_the_network_that_one_trains(variant, capfd):
    """Without BatchNorm, drop path and dropout; mixing, augmentation, accumulation, clipping and averaging are on."""
    recipe = {
        "batch_size": 8,
        "optimizer": "sgd",
        "learning_rate": 0.05,
        "ema_decay": 0.5,
        "clip_gradient": 1.0,
        "augmentation": {"auto_augment": "rand-m9-mstd0.5-inc1", "mixup": 0.8, "cutmix": 1.0},
    }
    one, alone = variant("one", **recipe)
    finetune(one, "net", alone)
    capfd.readouterr()
    compute = {**TWO, "checkpoint_minutes": 0}
    two, together = variant("two", compute=compute, accumulation=2, snapshot_every=2, **recipe)
    finetune(two, "net", together)
    said = capfd.readouterr().out
    assert said.count("net epoch 1/2: loss") == 1, "only the first process prints"
    assert ", on cpu, 2 processes" in said

    folder = together.model("net")
    snapshots = [folder / "snapshots" / f"epoch-000{epoch}.safetensors" for epoch in (0, 2)]
    outputs = {folder / name for name in ("model.json", "model.safetensors", "history.csv")}
    assert {path for path in folder.rglob("*") if path.is_file()} == {*outputs, *snapshots}
    assert sha256(snapshots[-1]) == sha256(folder / "model.safetensors")
    history, expected = (pd.read_csv(paths.model("net") / "history.csv") for paths in (together, alone))
    pd.testing.assert_frame_equal(history, expected, rtol=1e-5)
    weights, wanted = (load_file(paths.model("net") / "model.safetensors") for paths in (together, alone))
    assert max((weights[key] - wanted[key]).abs().max().item() for key in wanted) < 1e-5


SCRIPT = """
import os, signal, sys, time
from pathlib import Path

import torch
from camagain.config import Compute
from camagain.errors import UserError
from camagain.training.launch import in_processes

def rank():
    return int(os.environ["RANK"])

def wait():
    torch.distributed.all_reduce(torch.zeros(1))  # never answered by a process that is gone

def refuse():
    if rank() == 1:
        raise UserError("found a, expected b; do c")
    wait()

def die():
    if rank() == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    wait()

def work(folder):
    (folder / f"pid-{rank()}").write_text(str(os.getpid()))
    if rank() == 1:
        time.sleep(600)
    wait()

if __name__ == "__main__":
    compute = Compute(device="cpu", processes=2)
    for case in (refuse, die):
        try:
            in_processes(case, compute)
        except UserError as error:
            print(f"{case.__name__}: {error}", flush=True)
    in_processes(work, compute, Path(sys.argv[1]))
"""


def test_errors_are_one_clear_line_and_no_process_outlives_the_first(tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    first = subprocess.Popen([sys.executable, script, tmp_path], stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    assert first.stdout.readline() == "refuse: found a, expected b; do c\n"
    assert first.stdout.readline().startswith("die: process 2 of 2 ended early (killed by SIGKILL); ")
    files = [tmp_path / "pid-0", tmp_path / "pid-1"]
    wait_for(lambda: all(file.exists() and file.read_text() for file in files), 90)
    processes = [int(file.read_text()) for file in files]
    first.kill()
    first.wait()
    try:
        wait_for(lambda: not any(alive(process) for process in processes), 15)
    finally:
        first.stdout.close()
        for process in filter(alive, processes):
            os.kill(process, signal.SIGKILL)


def test_a_bug_in_a_process_keeps_its_traceback(tmp_path: Path):
    error = ProcessRaisedException("Traceback ... ZeroDivisionError", 1, 4711)
    assert clear(error, tmp_path, Compute(processes=2)) is error
    (tmp_path / "error-1").write_text("found a, expected b; do c")
    silence = ProcessRaisedException("Connection closed by peer", 0, 4710)
    assert str(clear(silence, tmp_path, Compute(processes=2))) == "found a, expected b; do c"


def alive(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def wait_for(condition, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)


def test_more_processes_than_gpus_are_refused(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UserError, match=r"compute\.processes is 2, but this job sees 1 GPUs"):
        check_processes(Compute(device="cuda", processes=2))
    monkeypatch.setattr("camagain.training.launch.prepare", lambda compute: torch.device("mps"))
    with pytest.raises(UserError, match="must be 1 on `mps`"):
        check_processes(Compute(device="mps", processes=2))


def test_a_batch_that_does_not_divide_is_refused_when_the_experiment_is_read(variant):
    with pytest.raises(
        UserError, match=r"batch_size of 'net' is 7, which does not split evenly over compute\.processes = 2"
    ):
        variant("uneven", compute=TWO, batch_size=7)


def test_preparing_leaves_the_environment_as_it_needs_to_be():
    assert prepare(Compute(device="cpu")).type == "cpu"
    assert "RANK" not in os.environ
