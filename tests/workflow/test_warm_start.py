"""Snakemake's jobs start warm where that pays, and leave the files of a cold start."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.workflow.conftest import environment_of
from tests.workflow.faults import values, warm

pytestmark = [
    pytest.mark.pipeline,
    pytest.mark.skipif(sys.platform != "linux", reason="warm starts are Linux's"),
]

AGAIN = ("--forcerun", "gap", "parts", "--until", "gap", "parts")
"""Four jobs of two quick analyses."""


def work_of_jobs(folder: Path, environment: dict[str, str], *options: str) -> float:
    """The CPU seconds of jobs that a warm process has forked, while Snakemake makes some files again."""
    seconds = 0.0
    with subprocess.Popen(["snakemake", *options], cwd=folder, env=environment, stderr=subprocess.PIPE) as run:
        while run.poll() is None:
            for process in warm(folder):
                try:
                    times = process.cpu_times()
                except psutil.NoSuchProcess:
                    continue
                seconds = max(seconds, times.children_user + times.children_system)
            time.sleep(0.1)
        assert run.stderr
        assert run.returncode == 0, run.stderr.read().decode()
    assert not warm(folder)
    return seconds


def test_jobs_start_warm_and_write_the_same_bytes(taken_over: Path, tools: Path):
    before, environment = values(taken_over / "results" / "tiny"), environment_of(taken_over, tools)
    assert work_of_jobs(taken_over, environment, "--cores", "2", *AGAIN) > 0
    assert values(taken_over / "results" / "tiny") == before


@pytest.mark.parametrize(("options", "variables"), [
    (("--cores", "2", *AGAIN), {"CAMAGAIN_WARM": "0"}),
    (("--cores", "2", "--forcerun", "gap", "--until", "gap"), {}),
], ids=["switched off", "two jobs"])  # fmt: skip
def test_jobs_start_cold_where_a_user_or_their_number_says_so(
    taken_over: Path, tools: Path, options: tuple[str, ...], variables: dict[str, str]
):
    assert work_of_jobs(taken_over, {**environment_of(taken_over, tools), **variables}, *options) == 0
