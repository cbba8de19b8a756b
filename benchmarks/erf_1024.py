"""RepLKNet-31B's effective receptive field at 1024 px, where its authors measure: minutes, for one row."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks import erf


def rows(peer: Path | None) -> Iterator[dict]:
    """The ratio of whole measurements, per image."""
    yield from erf.rows(peer, [("replknet_31b", 1024, 1, 3, False)])
