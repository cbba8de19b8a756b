"""Kills of a run: starts Snakemake, waits for a job of a stage, kills something, and looks at what is left."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from camagain.artifacts import sha256

KINDS = ("snakemake", "group", "job")
"""What is killed: Snakemake alone, Snakemake and all that it started, or the jobs of the stage."""

PATIENCE = 600
"""Seconds after which a job has to have begun, or a process to have ended, on the slowest machine."""


def processes(folder: Path, stage: str) -> list[int]:
    """The process ids of the jobs of a stage that run in a folder, those that a job starts for itself left out."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "cwd"]):
        command, place = process.info["cmdline"] or [], process.info["cwd"]
        named = len(command) > 2 and command[1].endswith("/camagain") and stage in command[2:]
        if named and place and Path(place).resolve() == folder.resolve():
            found.append(process.info["pid"])
    return found


def warm(folder: Path) -> list[psutil.Process]:
    """The processes of a folder that have loaded the libraries for others: the server of warm starts, and its jobs."""
    found = [
        process
        for process in psutil.process_iter(["cmdline", "cwd"])
        if "camagain.warm.server" in " ".join(process.info["cmdline"] or []) and process.info["cwd"]
    ]
    return [process for process in found if Path(process.info["cwd"]).resolve() == folder.resolve()]


def killed(
    folder: Path, environment: Mapping[str, str], stage: str, kind: str, moment: Callable[[], object] = bool
) -> str:
    """Starts Snakemake, waits for a job of a stage and then for the `moment`, kills, and returns what was printed.

    The empty string where nothing was left to kill. No job may be left afterwards, and no person helps.
    """
    log = folder / "killed.log"
    with log.open("w") as file:
        started = subprocess.Popen(
            ["snakemake"], cwd=folder, env=environment, stdout=file, stderr=file, start_new_session=True
        )
    waited_for(lambda: processes(folder, stage) or started.poll() is not None)
    moment()
    if kind == "group" and started.poll() is None:
        os.killpg(started.pid, signal.SIGKILL)
    elif kind == "snakemake":
        started.kill()
    while kind == "job" and started.poll() is None:  # one may have ended just now: then it is the next
        for process in processes(folder, stage):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.02)
    started.wait(PATIENCE)
    waited_for(lambda: not processes(folder, stage) and not warm(folder))
    said = log.read_text()
    assert kind == "job" or started.returncode in (0, -signal.SIGKILL), said[-3000:]
    return said if started.returncode else ""


def waited_for(condition):
    """The first true value of a condition."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return found


def values(run: Path) -> dict[str, str]:
    """The digest of every file of a run that may not differ between two: nothing that records times or processes."""
    files = [path for path in run.rglob("*") if path.is_file() and path.name[0] != "."]
    names = {path.relative_to(run).as_posix(): path for path in files}
    timed = re.compile(
        r"logs/.*|report.html|(manifest|models/.*/model).json|experiment.yaml|(tables|figures)/speed\..*|.*\.pdf"
    )
    return {name: sha256(path) for name, path in names.items() if not timed.fullmatch(name)}
