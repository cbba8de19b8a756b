"""GPUs in jobs of their own: no two jobs have the same one, and a job that ends gives back what it had."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from camagain.devices import VARIABLE, own_gpus, visible

JOB = f"""
import os, sys
from camagain.devices import own_gpus

with own_gpus(int(sys.argv[1])):
    print(os.environ.get("{VARIABLE}", "all"), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts a job that takes so many GPUs of those named, and holds them until it is killed."""
    jobs: list[subprocess.Popen] = []

    def call(count: int, names: str = "0,1,2,3") -> subprocess.Popen:
        environment = {**os.environ, VARIABLE: names, "TMPDIR": str(tmp_path)}
        job = subprocess.Popen(
            [sys.executable, "-c", JOB, str(count)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        jobs.append(job)
        return job

    yield call
    for job in jobs:
        job.kill()
        job.communicate()


def gpus(job: subprocess.Popen) -> str:
    assert job.stdout is not None
    return job.stdout.readline().strip()


def test_jobs_on_one_machine_have_gpus_of_their_own(start):
    one, two = start(1), None
    assert gpus(one) == "0"
    two = start(2)
    assert gpus(two) == "1,2", "whole or not at all, and none that another has"
    waiting = start(2)
    assert "waiting for 2 of the GPUs 0, 1, 2, 3" in waiting.stderr.readline()
    last = start(1)
    assert gpus(last) == "3", "who waits holds nothing"
    two.kill()
    assert gpus(waiting) == "1,2", "a killed job gives back what it had"


@pytest.mark.parametrize(("count", "names"), [(1, "2"), (2, "GPU-a,GPU-b"), (1, ""), (0, "0,1")])
def test_what_is_in_sight_stays_where_there_is_no_choice(start, count: int, names: str):
    """A scheduler gave the job its GPUs, there are none, or the job needs none: two such jobs do not wait."""
    assert [gpus(start(count, names)), gpus(start(count, names))] == [names, names]


def test_without_the_variable_all_gpus_of_the_machine_are_in_sight(monkeypatch, tmp_path: Path):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert visible() == ["0", "1", "2"]
    with own_gpus(2):
        assert os.environ[VARIABLE] == "0,1"
    assert VARIABLE not in os.environ
