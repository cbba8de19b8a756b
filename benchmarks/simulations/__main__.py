"""`make simulate`, or `python -m benchmarks.simulations [NAME ...]`: simulates, writes benchmarks/results/*.csv.

The documents quote the results (`make docs`).
"""

import argparse
import importlib
import os
import pkgutil
from pathlib import Path

# Before numpy is loaded: simulations run in a process for each core, and threads of all of them would wait for each
# other, for several times the work itself.
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

from benchmarks import simulations
from benchmarks.harness import write_rows


def main() -> None:
    names = sorted(module.name for module in pkgutil.iter_modules(simulations.__path__) if module.name != "__main__")
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulations", description="Simulates error rates.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(names)}; all if left out")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(names):
        parser.error(f"unknown simulation {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    for name in arguments.names or names:
        rows = []
        for row in importlib.import_module(f"benchmarks.simulations.{name}").rows():
            rows.append(row)
            print(", ".join(f"{key} {value}" for key, value in row.items()), flush=True)
        print(write_rows(name, rows, threads=1).relative_to(Path.cwd()), flush=True)


if __name__ == "__main__":
    main()
