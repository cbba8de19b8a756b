"""Measuring: candidates take turns in one process, so that a noisy neighbour slows all of them alike."""

import csv
import datetime
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path
from statistics import median
from typing import Any

import torch

from camagain.artifacts import atomic
from camagain.environment import git_state, machine, package_versions

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("camagain", "torch", "timm", "numpy", "numba", "opencv-python-headless", "scikit-learn")


class Kept:
    """A candidate that keeps what its last call gave, so that what was measured can be compared."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call = call

    def __call__(self) -> None:
        self.result = self.call()


def alternate(
    candidates: dict[str, Callable[[], object]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
    warm: bool = False,
) -> dict[str, list[float]]:
    """Seconds of each candidate in each of so many rounds; within a round each runs once, in turn.

    One round that is not counted comes first, unless they are `warm`: each has run before.
    """
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for round_number in range(1 if warm else 0, rounds + 1):
        for name, candidate in candidates.items():
            start = clock()
            candidate()
            if round_number:
                seconds[name].append(clock() - start)
    return seconds


def ratio_rows(
    benchmark: str, case: str, seconds: Mapping[str, Sequence[float]], ours: str, items: Mapping[str, int] | None = None
) -> list[dict]:
    """One row for each other candidate: its median, ours, and how many times faster ours is, with the spread of that.

    `seconds`: of each candidate in each round; `items`: how many things each did in a call, 1 where it is not named.
    Times are of one thing. `ratio` is that of the medians, `ratio_low` and `ratio_high` are those of single rounds.
    """
    count = {name: (items or {}).get(name, 1) for name in seconds}
    each = {name: [value / count[name] for value in values] for name, values in seconds.items()}
    return [
        {
            "benchmark": benchmark,
            "case": case,
            "peer": peer,
            "ours": ours,
            "peer_ms": round(1e3 * median(values), 3),
            "ours_ms": round(1e3 * median(each[ours]), 3),
            **spread(median(values) / median(each[ours]), [a / b for a, b in zip(values, each[ours], strict=True)]),
        }
        for peer, values in each.items()
        if peer != ours
    ]


def bound_row(benchmark: str, case: str, bound: float, megabytes: float, ours: str, seconds: Sequence[float]) -> dict:
    """One row of what has no peer: how often its median goes into the bound that it has to keep, with the spread."""
    return {
        "benchmark": benchmark,
        "case": case,
        "peer": f"bound: {bound:g} s, {megabytes:g} MB",
        "ours": ours,
        "peer_ms": 1e3 * bound,
        "ours_ms": round(1e3 * median(seconds)),
        **spread(bound / median(seconds), [bound / value for value in seconds]),
    }


def spread(ratio: float, rounds: Sequence[float]) -> dict[str, float]:
    """A ratio, the smallest and the largest of single rounds, and the number of rounds."""
    return {
        "ratio": round(ratio, 2),
        "ratio_low": round(min(rounds), 2),
        "ratio_high": round(max(rounds), 2),
        "n": len(rounds),
    }


LAUNCHER = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, text=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(done.stdout)
print(done.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""
"""A process of its own around a command, whose children are measured."""


def measured_command(
    command: Sequence[str], folder: Path, statuses: Set[int] = frozenset({0})
) -> tuple[float, float, str]:
    """CPU seconds of a command as a user types it in a folder, start included, its peak megabytes, and what it says.

    RuntimeError where it exits with another status than these.
    """
    launcher = [sys.executable, "-c", LAUNCHER, *command]
    done = subprocess.run(launcher, cwd=folder, check=True, capture_output=True, text=True)
    said, _, last = done.stdout.rstrip("\n").rpartition("\n")
    status, seconds, kilobytes = last.split()
    if int(status) not in statuses:
        raise RuntimeError(f"{' '.join(command)} exited {status}: {done.stderr[-2000:]}")
    return float(seconds), int(kilobytes) / 1024, said


def published_source(clone: Path, name: str) -> str:
    """A file of other people's repository as it stands in a clone, with or without a work tree."""
    if (clone / name).is_file():
        return (clone / name).read_text(encoding="utf-8")
    folder = clone / "repo" if (clone / "repo").is_dir() else clone
    command = ["git", "--git-dir", str(folder), "show", f"HEAD:{name}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def write_rows(name: str, rows: list[dict], threads: int) -> Path:
    """Writes `benchmarks/results/<name>.csv`: the rows, and in each of them machine, versions, commit and date.

    What several threads were measured with goes beside it, into `<name>-<threads>-threads.csv`.
    """
    here, versions = machine(), package_versions()
    commit = git_state(Path(__file__).parent)
    measured_on = {
        "threads": threads,
        "machine": f"{here['processor']}, {here['cores']} cores, {torch.backends.cpu.get_cpu_capability()}",
        "versions": f"python {here['python']} " + " ".join(f"{package} {versions[package]}" for package in PACKAGES),
        "commit": f"{commit['commit'] or 'unknown'}"[:12] + ("+" if commit["modified"] else ""),
        "date": datetime.date.today().isoformat(),
    }
    if name == "gpu":
        measured_on["machine"] = f"{torch.cuda.get_device_name()}, {measured_on['machine']}"
    path = RESULTS / (f"{name}.csv" if threads == 1 else f"{name}-{threads}-threads.csv")
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=[*rows[0], *measured_on], lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, **measured_on} for row in rows)
    return path
