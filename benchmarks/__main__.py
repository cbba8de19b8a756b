"""`make bench`, or `python -m benchmarks [NAME ...] [--peer DIR]`: measures, prints, writes benchmarks/results/*.csv.

Each benchmark is a module with `rows(peer)`, which yields its rows one after another. `--peer` names a folder of clones
of other people's repositories (owner+name each) to measure against; without it a benchmark uses a plain loop of ours
and says so.
"""

import argparse
import importlib
from pathlib import Path

import torch

from benchmarks.harness import write_rows
from camagain.compute import keep_freed_memory

NAMES = (
    "large_kernel",
    "training_step",
    "boxes",
    "heatmaps",
    "erf",
    "compare",
    "explorer",
    "portable",
    "planning",
    "gpu",
)
LONG = ("erf_large", "planning_large", "demo")
"""Benchmarks that are made when they are named: a single row of theirs takes minutes."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measures speed ratios.")
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"some of {', '.join(NAMES + LONG)}; all but {', '.join(LONG)} if left out",
    )
    parser.add_argument("--peer", type=Path, help="folder of clones to measure against")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch; more than 1 needs an idle machine")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - {*NAMES, *LONG}:
        parser.error(f"unknown benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES + LONG)}")
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()  # as in every job of ours; it serves all candidates alike
    for name in arguments.names or NAMES:
        rows = []
        for row in importlib.import_module(f"benchmarks.{name}").rows(arguments.peer):
            rows.append(row)
            print("{case}: {ours} {ours_ms} ms, {peer} {peer_ms} ms, {ratio}x".format(**row), flush=True)
        if rows:
            print(write_rows(name, rows, arguments.threads).relative_to(Path.cwd()), flush=True)


if __name__ == "__main__":
    main()
