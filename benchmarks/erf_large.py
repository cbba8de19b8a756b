"""RepLKNet-31B's effective receptive field at 512 and at 1024 px, where its authors measure: minutes for each."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks import erf

CASES = (("replknet_31b", 512, 1, 3, True), ("replknet_31b", 1024, 1, 3, False))
"""As in `erf`. In double precision torch takes two minutes for 512 px; at 1024 px that is left out."""


def rows(peer: Path | None) -> Iterator[dict]:
    """Ratios of whole measurements, per image."""
    yield from erf.rows(peer, CASES)
