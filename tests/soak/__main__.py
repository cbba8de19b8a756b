"""`make soak`, or `python -m tests.soak [NAME ...]`: what takes longer than a test may; writes benchmarks/results.

- `kills`: kills runs, `--rounds` times for each of three ways and each stage, at random moments of its job.
- `memory`: measures the memory of evaluation and of localization at two numbers of images.
- `networks`: tries networks of timm of every kind: exact, or refused before they are trained.
- `cluster`: a run through SLURM on this machine, two jobs of which are ended; left out where no daemon can be started.

Exits with 1 where something did not survive.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.harness import write_rows
from tests.soak import cluster, kills, memory, networks


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description="Kills runs, measures memory, tries networks."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="kills, memory, networks, cluster; all if left out")
    parser.add_argument("--rounds", type=int, default=3, help="kills of each kind in each stage")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    arguments = parser.parse_args()
    cases = {
        "kills": lambda: kills.rows(arguments.rounds, arguments.seed),
        "memory": memory.rows,
        "networks": networks.rows,
        "cluster": cluster.rows,
    }
    if unknown := set(arguments.names) - set(cases):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(cases)}")
    survived = True
    for name in arguments.names or cases:
        rows = []
        for row in cases[name]():
            rows.append(row)
            print(", ".join(f"{key} {value}" for key, value in row.items()), flush=True)
        survived &= all(row["survived"] == row["tried"] for row in rows)
        if rows:
            print(write_rows(f"soak-{name}", rows, threads=1).relative_to(Path.cwd()), flush=True)
    sys.exit(not survived)


if __name__ == "__main__":
    main()
