"""Which images are localized correctly at which threshold, kept as bits: all that curves and intervals are made of.

Axes: N images, T thresholds. 1,000 thresholds of an image take 125 bytes; as IoUs they would take 8,000.
"""

from collections.abc import Sequence
from dataclasses import dataclass

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

    def at(self, index: int) -> np.ndarray:
        """One threshold: (N,) bool."""
        return (self.bits[:, index // 8] >> (7 - index % 8) & 1).astype(bool)

    def columns(self, start: int, end: int) -> "Correct":
        """Some of the thresholds, those from `start` to before `end`."""
        return Correct.joined([Correct.of(self._rows(row)[:, start:end]) for row in range(0, len(self), ROWS)])

    def curve(self) -> np.ndarray:
        """Share of correct images at each threshold: (T,) percent."""
        counts = sum(self._rows(start).sum(axis=0, dtype=np.int64) for start in range(0, len(self), ROWS))
        return np.asarray(counts) * 100.0 / len(self)

    def sums(self, weights: np.ndarray) -> np.ndarray:
        """How many correct images each of r resamples holds: weights (r, N) float32 -> (r, T) float64."""
        total = np.zeros((len(weights), self.thresholds))
        for start in range(0, len(self), ROWS):
            total += weights[:, start : start + ROWS] @ self._rows(start).astype(np.float32)  # (r, n) @ (n, T)
        return total

    def _rows(self, start: int) -> np.ndarray:
        return np.unpackbits(self.bits[start : start + ROWS], axis=1, count=self.thresholds)  # (n, T)
