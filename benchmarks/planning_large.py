"""How long Snakemake plans a thousand models with three seeds, 33,007 jobs: more than a minute."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks import planning


def rows(peer: Path | None) -> Iterator[dict]:
    """CPU time and peak memory of one plan."""
    yield from planning.rows(peer, [("1,000 models x 3 seeds", 1000, 3, 120.0, 1)])
