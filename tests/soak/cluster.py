"""A tiny run through SLURM on this machine: two jobs are ended in the middle, and Snakemake starts them again."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from tests.conftest import ROOT, TINY
from tests.workflow.conftest import copy_of, environment_of, runner
from tests.workflow.faults import processes, values
from tests.workflow.slurm import GPUS, Unusable, asked, cluster

EXPERIMENT = {
    **TINY,
    "dataset": {**TINY["dataset"], "train_per_class": 6},
    "training": {"epochs": 1, "batch_size": 6, "learning_rate": 1.0e-3},
    "models": [{"name": name, "architecture": "resnet_narrow"} for name in ("one", "two")],
    "localization": {"methods": ["cam"]},
    "analysis": {"names": ["gap"]},
    "compute": {"device": "auto", "threads": 1},
}
"""`auto` asks for a GPU. The cluster says that it has two; jobs find none and take the CPU."""

OPTIONS = (
    "--slurm-init-seconds-before-status-checks",
    "1",
    "--seconds-between-status-checks",
    "2",
    "--latency-wait",
    "5",
)
"""A cluster is asked less often; and `profiles/slurm` is what is tried."""

PATIENCE = 3600
"""Seconds in which all has to be done on the slowest machine."""

ENDED = {"finetune": "killed, as for memory", "evaluate": "cancelled in SLURM"}


def rows() -> Iterator[dict]:
    """A row for each of two jobs that are ended, one for two GPU jobs at a time, one for the memory around a command.

    They survived if the run then finishes by itself, value for value the run that Snakemake makes without a cluster.
    """
    tools = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as place:
        here, there = Path(place) / "here", Path(place) / "there"
        for folder in (here, there):
            copy_of(ROOT, folder, EXPERIMENT)
        try:
            with cluster(Path(place) / "slurm", environment_of(there, tools)) as environment:
                found = run(there, environment)
        except Unusable as reason:
            print(f"cluster: left out, since it {reason}", flush=True)
            return
        runner(here, tools)("snakemake", "tables")
        same = values(here / "results" / "tiny") == values(there / "results" / "tiny")
    for stage, how in ENDED.items():
        yield {"what": f"{stage} {how}", "tried": 1, "survived": int(same and found["again", stage]), "n": 1}
    together = int(found["together", "finetune"] == GPUS)
    yield {"what": f"{GPUS} trainings at a time on {GPUS} GPUs", "tried": 1, "survived": together, "n": 1}


ASKED = r"^rule {stage}\w*:\n(?:    .*\n)*?    resources: .*\bruntime=(\d+)"
"""What a job of a stage asks for, as Snakemake prints it."""


def slurm_job(process: int) -> str:
    """The SLURM job that a process belongs to."""
    return psutil.Process(process).environ()["SLURM_JOB_ID"]


def run(folder: Path, environment: Mapping[str, str]) -> dict[tuple[str, str], int]:
    """Runs `tables` on the cluster and ends a job of two stages; what was seen meanwhile."""
    log = folder / "cluster.log"
    command = ["snakemake", "--workflow-profile", "profiles/slurm", *OPTIONS, "tables"]
    with log.open("w") as file:
        started = subprocess.Popen(command, cwd=folder, env=environment, stdout=file, stderr=file)
    found, ended, end = {("together", "finetune"): 0}, set(), time.monotonic() + PATIENCE
    try:
        while started.poll() is None:
            assert time.monotonic() < end, f"did not finish:\n{log.read_text()[-3000:]}"
            jobs = {stage: processes(folder, stage) for stage in ENDED}
            found["together", "finetune"] = max(found["together", "finetune"], len(jobs["finetune"]))
            if jobs["finetune"] and "finetune" not in ended and len(jobs["finetune"]) == GPUS:
                os.kill(jobs["finetune"][0], signal.SIGKILL)
                ended.add("finetune")
            if jobs["evaluate"] and "evaluate" not in ended:
                asked(environment, "scancel", slurm_job(jobs["evaluate"][0]))
                ended.add("evaluate")
            time.sleep(0.1)
    finally:
        if started.poll() is None:
            started.kill()
            started.wait()
    said = log.read_text()
    assert started.returncode == 0 and ended == set(ENDED), f"{ended} ended, exit {started.returncode}:\n{said[-3000:]}"
    for stage in ENDED:
        times = [int(minutes) for minutes in re.findall(ASKED.format(stage=stage), said, flags=re.MULTILINE)]
        found["again", stage] = int(max(times) == 2 * min(times))  # as the second attempt asks for
    return found
