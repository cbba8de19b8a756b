"""Measuring: candidates take turns in one process, so that a noisy neighbour slows all of them alike."""

import csv
import datetime
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch

from camagain.artifacts import atomic
from camagain.environment import git_state, machine, package_versions

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("camagain", "torch", "timm", "numpy", "numba", "opencv-python-headless", "scikit-learn")


def alternate(
    candidates: dict[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Median seconds of each candidate over so many rounds, after one round that is not counted.

    Within a round each runs once, in turn.
    """
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for round_number in range(rounds + 1):
        for name, candidate in candidates.items():
            start = clock()
            candidate()
            if round_number:
                seconds[name].append(clock() - start)
    return {name: median(values) for name, values in seconds.items()}


def ratio_rows(benchmark: str, case: str, medians: dict[str, float], ours: str, rounds: int) -> list[dict]:
    """One row for each other candidate: its median, ours, and how many times faster ours is."""
    return [
        {
            "benchmark": benchmark,
            "case": case,
            "peer": peer,
            "ours": ours,
            "peer_ms": round(1e3 * seconds, 3),
            "ours_ms": round(1e3 * medians[ours], 3),
            "ratio": round(seconds / medians[ours], 2),
            "n": rounds,
        }
        for peer, seconds in medians.items()
        if peer != ours
    ]


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
