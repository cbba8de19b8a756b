"""Which images are localized correctly at which threshold, kept as bits: all that curves and intervals are made of.

Axes: N images, T thresholds. 1,000 thresholds of an image take 125 bytes; as IoUs they would take 8,000.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

ROWS = 1024
"""Images that are unpacked together: 1,024 x 1,000 numbers take 4 MB."""


@dataclass(frozen=True)
class Correct:
    """A table (N, T) of true and false, packed along its thresholds."""

    bits: np.ndarray  # (N, ceil(T / 8)) uint8
    thresholds: int

    @classmethod
    def of(cls, table: np.ndarray) -> "Correct":
        """Packs a table, (N, T) bool."""
        return cls(np.packbits(table, axis=1), table.shape[1])

    @classmethod
    def joined(cls, parts: "Sequence[Correct]") -> "Correct":
        """Tables of the same thresholds, one below the other."""
        return cls(np.concatenate([part.bits for part in parts]), parts[0].thresholds)

    def __len__(self) -> int:
        return len(self.bits)

    def where(self, condition: np.ndarray) -> "Correct":
        """The same table, false for every image that does not meet a condition, (N,) bool."""
        return Correct(self.bits * condition[:, None].astype(np.uint8), self.thresholds)

    def columns(self, start: int, end: int) -> "Correct":
        """Some of the thresholds, those from `start` to before `end`."""
        return Correct.joined([Correct.of(block[:, start:end]) for block in self._blocks()])

    def anywhere(self) -> "Correct":
        """A table of one threshold: which images are right at any of them."""
        return Correct.of(np.asarray(self.bits.any(axis=1))[:, None])

    def at(self, index: int) -> np.ndarray:
        """One threshold: (N,) bool."""
        return (self.bits[:, index // 8] >> (7 - index % 8) & 1).astype(bool)

    def curve(self) -> np.ndarray:
        """Share of correct images at each threshold: (T,) percent."""
        return self.sums(np.ones((1, len(self)), dtype=np.float32))[0] * 100.0 / len(self)

    @property
    def distinct(self) -> np.ndarray:
        """The first threshold of each run of thresholds at which the same images are right, rising: (T',)."""
        return self._distinct[0]

    def sums(self, weights: np.ndarray) -> np.ndarray:
        """How many correct images each of r resamples holds: weights (r, N) float32 -> (r, T) float64.

        Exact for whole weights, in whatever order they are added.
        """
        first, of_threshold = self._distinct
        total, start = np.zeros((len(weights), len(first))), 0
        for block in self._blocks():
            total += weights[:, start : start + len(block)] @ block[:, first].astype(np.float32)  # (r, n) @ (n, T')
            start += len(block)
        return total[:, of_threshold]

    @cached_property
    def _distinct(self) -> tuple[np.ndarray, np.ndarray]:
        """The first threshold of each run of equal columns, (T',), and the run of each threshold, (T,).

        A map has 255 levels, so that of 1,000 thresholds about every four in a row say the same.
        """
        changes = np.zeros(self.thresholds, dtype=bool)
        changes[:1] = True
        for block in self._blocks():
            changes[1:] |= (block[:, 1:] != block[:, :-1]).any(axis=0)
        return np.flatnonzero(changes), np.cumsum(changes) - 1

    def _blocks(self) -> Iterator[np.ndarray]:
        """The table, some rows at a time: (n, T) uint8."""
        for start in range(0, len(self), ROWS):
            yield np.unpackbits(self.bits[start : start + ROWS], axis=1, count=self.thresholds)
