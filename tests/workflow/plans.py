"""What Snakemake would do, and a source or a configuration that is edited for a while."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

TARGETS = {
    "all", "data", "models", "localization", "evaluation", "analysis", "tables", "figures", "report", "explorer",
    "total",
}  # fmt: skip
"""Rows of Snakemake's list of jobs that are no job of a stage."""


@contextmanager
def edited(path: Path, change: Callable[[str], str]) -> Iterator[None]:
    """Changes a text file, really, for the length of a block."""
    before = path.read_text()
    assert change(before) != before, f"{path.name} is not changed"
    path.write_text(change(before))
    try:
        yield
    finally:
        path.write_text(before)


def planned(run, *arguments: str) -> dict[str, int]:
    """The jobs that Snakemake would run, by rule, targets left out."""
    output = run("snakemake", "-n", *arguments).stdout
    table = re.findall(r"^(\w+) +(\d+)$", output, flags=re.MULTILINE)
    return {rule: int(count) for rule, count in table if rule not in TARGETS}
