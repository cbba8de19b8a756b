"""What a search for boxes keeps of the score maps of one split, image by image, so that no map is searched twice.

Where a network names the right class, its map of the predicted class is its map of the true class. So most images of a
good network have one map under two names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from camagain.evaluation.boxes import LargestBoxes
from camagain.statistics.correctness import Correct

Tables: TypeAlias = Mapping[tuple[str, float], Correct]
"""(contours, delta) -> which images are right at which threshold."""

Maps: TypeAlias = Sequence[np.ndarray] | np.ndarray
"""N score maps (h, w)."""


@dataclass(frozen=True)
class Swept:
    """What is kept of N maps."""

    by_step: Mapping[float, Tables]  # by step between the thresholds
    largest: LargestBoxes | None
    pixels: np.ndarray | None  # (N, 2, T') counts for PxAP
    constant: np.ndarray  # (N,) bool: a map of one value, which is normalised to zeros

    def with_images(self, rows: np.ndarray, part: "Swept") -> "Swept":
        """The same, but for some images, (n,) int, of which `part` holds what is kept. It has what this one has."""
        tables = {
            step: {
                key: Correct(replaced(table.bits, rows, part.by_step[step][key].bits), table.thresholds)
                for key, table in of.items()
            }
            for step, of in self.by_step.items()
        }
        largest, pixels = self.largest, self.pixels
        if largest is not None and part.largest is not None:
            largest = LargestBoxes(
                replaced(largest.boxes, rows, part.largest.boxes), replaced(largest.peaks, rows, part.largest.peaks)
            )
        if pixels is not None and part.pixels is not None:
            pixels = replaced(pixels, rows, part.pixels)
        return Swept(tables, largest, pixels, replaced(self.constant, rows, part.constant))


def replaced(values: np.ndarray, rows: np.ndarray, new: np.ndarray) -> np.ndarray:
    """A copy of an array, with new values in some rows."""
    copy = values.copy()
    copy[rows] = new
    return copy


def equal_maps(maps: Maps, others: Maps) -> np.ndarray:
    """Which of N maps are, value for value, those of others, in the same order: (N,) bool."""
    return np.array([np.array_equal(one, other) for one, other in zip(maps, others, strict=True)], dtype=bool)
