"""`make mutants`, or `python -m tools.mutants [PART ...]`: plants every mistake and names those that no test sees.

Exits with 1 where one survives or can no longer be planted.
"""

import argparse
import os
import sys
import time
from pathlib import Path

from camagain.errors import UserError
from tools.mutants.listed import read_mutants
from tools.mutants.trial import KILLED, trials


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description="Tests the tests.")
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help="only files whose path holds one of these; all if none"
    )
    parser.add_argument(
        "--processes", type=int, default=os.cpu_count() or 1, help="tried at a time (default: %(default)s)"
    )
    arguments = parser.parse_args()
    mutants = [m for m in read_mutants() if not arguments.parts or any(part in m.file for part in arguments.parts)]
    if not mutants:
        parser.error(f"no mutant is in a file whose path holds {' or '.join(arguments.parts)}")
    began, left = time.monotonic(), 0
    print(f"{len(mutants)} mutants; first their tests without any", flush=True)
    try:
        for done, (mutant, verdict, remark) in enumerate(trials(Path.cwd(), mutants, arguments.processes), 1):
            left += verdict != KILLED
            clock = f"{time.monotonic() - began:4.0f} s"
            print(
                f"[{done}/{len(mutants)}, {clock}] {verdict}: {mutant}" + f"\n    {remark}" * bool(remark), flush=True
            )
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{len(mutants) - left} of {len(mutants)} killed")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
