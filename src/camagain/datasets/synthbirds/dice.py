"""Random numbers that are the same on every machine and with every version of NumPy."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Dice:
    """A stream of random numbers that depends only on the integers in `key`.

    NumPy promises the raw bits of its bit generators for ever, but not what `Generator.integers` or `.normal` make of
    them, and `normal` also goes through the platform's exp and log. So only the raw bits of Philox are used here,
    with integer arithmetic and single float operations, which IEEE 754 rounds the same way everywhere.
    """

    def __init__(self, *key: int) -> None:
        self._bits = np.random.Philox(np.random.SeedSequence(key))

    def uniform(self, low: float, high: float) -> float:
        """A float in [low, high)."""
        return low + (high - low) * (int(self._bits.random_raw()) >> 11) * 2.0**-53

    def integer(self, low: int, high: int) -> int:
        """An integer from low to high, both included."""
        return low + ((int(self._bits.random_raw()) >> 32) * (high - low + 1) >> 32)

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self.uniform(0, 1) < probability

    def pick(self, items: Sequence[T]) -> T:
        """One of the items, all equally likely."""
        return items[self.integer(0, len(items) - 1)]

    def bytes(self, *shape: int) -> np.ndarray:
        """An array of that shape, uint8, each value 0-255 equally likely."""
        count = 1
        for side in shape:
            count *= side
        words = np.asarray(self._bits.random_raw((count + 7) // 8), dtype="<u8")
        return words.view(np.uint8)[:count].reshape(shape)
