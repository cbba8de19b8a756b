"""The work of `make results` in CPU seconds, stage by stage, beside that of the commit before it was made faster.

Both commits run the default experiment from nothing, one after the other, with the packages of this environment. What
all jobs together spend on their start, which is to load libraries, has a row of its own. Jobs that start warm do not
spend it themselves: one process does, once. CPU seconds vary with the processor's clock and with what its neighbours
leave in its caches; a ratio of two runs a few minutes apart is good to some percent on a quiet machine.
"""

import csv
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from camagain.artifacts import write_text

ROOT = Path(__file__).parents[1]
BEFORE = "4e789a4"
"""The commit before the demo was made faster."""

EXPERIMENT = "config/config.yaml"

JOB = """#!/bin/bash
# Stands before the command `camagain`: runs it, and notes its CPU time. A job ends with its parent: with this script.
CAMAGAIN_SCHEDULER=$$ "{python}" -m camagain "$@"
code=$?
{{ echo "$*"; times; }} > "$(mktemp "{notes}/XXXXXX.cpu")"
exit $code
"""

MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime)
"""
"""A process of its own around a command, whose processes are measured."""

LOADED = """
import sys
from importlib import import_module
from camagain import cli
from camagain.stages import stages
for module in stages()[{"paper": "figures"}.get(sys.argv[1], sys.argv[1])].code:
    import_module(module)
"""
"""What a job of a stage loads."""

LOADED_ONCE = """
from pathlib import Path
from camagain.stages import stages
from camagain.warm.server import load
load(Path("config/config.yaml"), list(stages()))
"""
"""What the process loads from which jobs start warm."""

CPU = re.compile(r"^(.+)\n.*\n(\d+)m([\d.]+)s (\d+)m([\d.]+)s$")
"""The command; the times of the script itself; those of what it started."""


def rows(peer: Path | None) -> Iterator[dict]:
    """One row for each stage, one for Snakemake, and one for the whole command, each in CPU seconds."""
    before, after = (seconds(revision) for revision in (BEFORE, "HEAD"))
    for case in sorted(after, key=lambda name: -before[name]):
        yield {
            "benchmark": "demo",
            "case": case,
            "peer": f"commit {BEFORE}",
            "ours": "this commit",
            "peer_ms": round(1e3 * before[case]),
            "ours_ms": round(1e3 * after[case]),
            "ratio": round(before[case] / after[case], 2) if after[case] else None,
            "n": 1,
        }


def seconds(revision: str) -> Counter[str]:
    """CPU seconds of the default experiment by stage, of Snakemake, of all starts, and of everything together."""
    with tempfile.TemporaryDirectory() as folder:
        tree, notes = Path(folder) / "tree", Path(folder) / "notes"
        notes.mkdir()
        subprocess.run(["git", "worktree", "add", "--detach", "--quiet", tree, revision], cwd=ROOT, check=True)
        try:
            return seconds_of(tree, notes)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", tree], cwd=ROOT, check=True)


def seconds_of(tree: Path, notes: Path) -> Counter[str]:
    """CPU seconds of the default experiment in a working tree.

    A job that starts warm is no child of the command that asks for it; it has measured itself.
    """
    environment = environment_of(tree, notes)
    total = cpu_seconds(["snakemake", "--configfile", EXPERIMENT], tree, environment)
    jobs = noted(notes)
    if (tree / "src" / "camagain" / "warm").is_dir():
        own = {log: own_seconds(tree / "results" / "demo" / "logs" / f"{log}.tsv") for log in jobs}
        # A command that took longer than its job has done the job itself: it started cold.
        start = {log: used if used < own[log] else used - own[log] for log, used in jobs.items()}
        jobs = {log: own[log] + start[log] for log in jobs}
        started = sum(start.values()) + cpu_seconds([sys.executable, "-c", LOADED_ONCE], tree, environment)
    else:
        count = Counter(map(stage_of, jobs))
        load = {stage: cpu_seconds([sys.executable, "-c", LOADED, stage], tree, environment) for stage in count}
        started = sum(number * load[stage] for stage, number in count.items())
    found: Counter[str] = Counter()
    for log, used in jobs.items():
        found[stage_of(log)] += used
    found["snakemake"] = total - sum(found.values())
    return found + Counter({"make results": total, "starts of all jobs": started})


def environment_of(tree: Path, notes: Path) -> dict[str, str]:
    """The environment of Snakemake in a working tree, with JOB in the place of the command `camagain`."""
    job = notes / "bin" / "camagain"
    write_text(job, JOB.format(notes=notes, python=sys.executable))
    job.chmod(0o755)
    path = os.pathsep.join([str(job.parent), str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(tree / "src")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # as the Makefile does
    return environment


def cpu_seconds(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> float:
    """CPU seconds of a command and of all processes that it waits for."""
    measured = [sys.executable, "-c", MEASURED, *command]
    done = subprocess.run(measured, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return float(done.stdout)


def noted(notes: Path) -> dict[str, float]:
    """CPU seconds of each command `camagain`, by the name of its log."""
    found = {}
    for note in notes.glob("*.cpu"):
        if not (parts := CPU.match(note.read_text().rstrip())):
            raise ValueError(f"{note}: not a job's note: {note.read_text()!r}")
        command, *times = parts.groups()
        found[log_of(*command.split())] = sum(60 * float(m) + float(s) for m, s in zip(*[iter(times)] * 2, strict=True))
    return found


def log_of(command: str, experiment: str, *arguments: str) -> str:
    """The name of a command's log: "dataset", "tables", "localize/resnet", "analysis/cuts/resnet/K13"."""
    names = [argument for argument in arguments if not argument.startswith("--")]
    first = {"data": ["dataset"], "analyze": ["analysis"], "paper": []}.get(command, [command])
    return "/".join([*first, *names])


def stage_of(log: str) -> str:
    """The stage of a log; the parts of a report are one."""
    first, *more = log.split("/")
    parts = dict.fromkeys(("tables", "figures", "report", "manifest"), "paper")
    return more[0] if first == "analysis" else {"dataset": "data", **parts}.get(first, first)


def own_seconds(file: Path) -> float:
    """The CPU seconds that a job has measured of itself; 0 where it has not."""
    if not file.is_file():
        return 0.0
    with file.open() as lines:
        (row,) = csv.DictReader(lines, delimiter="\t")
    return float(row["cpu_time"])
