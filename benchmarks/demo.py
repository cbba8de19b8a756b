"""The work of `make results` in CPU seconds, stage by stage, beside that of the commit before it was made faster.

What all jobs together spend on imports, which is nearly all of their start, is part of the stages and has a row of its
own. Both commits run the default experiment from nothing, one after the other, with the packages of this environment.
CPU seconds vary with the processor's clock and with what its neighbours leave in its caches; a ratio of two runs a few
minutes apart is good to some percent on a quiet machine. Every job starts cold, so that its time is its own.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from camagain.artifacts import write_text
from camagain.stages import stages

ROOT = Path(__file__).parents[1]
BEFORE = "4e789a4"
"""The commit before the demo was made faster."""

JOB = """#!/bin/bash
# Stands before the command `camagain`: runs it, and notes its CPU time, and the time of each import, which Python
# prints among the errors. A job ends with its parent: with this script.
note=$(mktemp "{notes}/XXXXXX")
PYTHONPROFILEIMPORTTIME=1 CAMAGAIN_SCHEDULER=$$ "{command}" "$@" 2> "$note.imports"
code=$?
{{ echo "$1 $3"; times; }} > "$note.cpu"
grep -v "^import time:" "$note.imports" >&2
exit $code
"""

LAUNCHER = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime)
"""
"""A process of its own around Snakemake, whose children are measured."""

CPU = re.compile(r"^(\w+) (\S*)\n.*\n(\d+)m([\d.]+)s (\d+)m([\d.]+)s$")
"""Command and first name; the times of the script itself; those of what it started."""

IMPORT = re.compile(r"^import time: +(\d+) \|", re.MULTILINE)
"""Microseconds of one module, without those that it imports."""


def rows(peer: Path | None) -> Iterator[dict]:
    """One row for each stage, one for Snakemake, and one for the whole command, each in CPU seconds."""
    before, after = (seconds(revision) for revision in (BEFORE, "HEAD"))
    for case in sorted(after, key=lambda name: -after[name]):
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
    """CPU seconds of the default experiment by stage, of Snakemake, and of everything together."""
    with tempfile.TemporaryDirectory() as folder:
        tree, notes = Path(folder) / "tree", Path(folder) / "notes"
        notes.mkdir()
        subprocess.run(["git", "worktree", "add", "--detach", "--quiet", tree, revision], cwd=ROOT, check=True)
        try:
            total = run(tree, notes)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", tree], cwd=ROOT, check=True)
        found: Counter[str] = Counter()
        for note in notes.glob("*.cpu"):
            if not (parts := CPU.match(note.read_text().rstrip())):
                raise ValueError(f"{note}: not a job's note: {note.read_text()!r}")
            command, name, *times = parts.groups()
            found[name if name in stages() else command] += sum(
                60 * float(m) + float(s) for m, s in zip(*[iter(times)] * 2, strict=True)
            )
        found["snakemake"] = total - sum(found.values())
        found["make results"] = total
        imports = (int(one) for note in notes.glob("*.imports") for one in IMPORT.findall(note.read_text()))
        found["imports of all jobs"] = sum(imports) / 1e6
    return found


def run(tree: Path, notes: Path) -> float:
    """CPU seconds of Snakemake and all its jobs in a working tree of the project."""
    command = shutil.which("camagain", path=Path(sys.executable).parent)
    job = notes / "bin" / "camagain"
    write_text(job, JOB.format(notes=notes, command=command))
    job.chmod(0o755)
    path = os.pathsep.join([str(job.parent), str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(tree / "src")}
    environment["CAMAGAIN_WARM"] = "0"
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # as the Makefile does
    done = subprocess.run(
        [sys.executable, "-c", LAUNCHER, "snakemake", "--configfile", "config/config.yaml"],
        cwd=tree,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)
