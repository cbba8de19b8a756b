"""One method of one model, scored: everything that its figures, curves and files are made of.

Images are worked on in blocks, and of each block only bits are kept (`correctness`), so that neither upsampled maps nor
IoUs of a whole dataset are ever in memory.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np

from camagain.evaluation.boxes import best_ious_by_contours
from camagain.evaluation.inputs import Predictions, Truth
from camagain.evaluation.metrics import DELTAS, best_of
from camagain.statistics.correctness import Correct

DELTA = 0.5
"""The IoU that makes a box correct, in every figure but MaxBoxAccV2."""

BLOCK = 512
"""Images whose IoUs are in memory together: 512 x 1,000 thresholds x 2 kinds of contours take 8 MB."""

Tables = Mapping[tuple[str, float], Correct]
"""(contours, delta) -> which images are right at which threshold."""


@dataclass(frozen=True)
class Scored:
    """One method of one model on val and test."""

    model: str
    method: str
    truths: Mapping[str, Truth]
    correct: Mapping[str, Tables]  # by split
    thresholds: np.ndarray  # (T,)
    predictions: Predictions | None  # of test; None for what does not classify
    pixels: np.ndarray | None  # (N, 2, T') counts for PxAP on test; None without masks
    constant_maps: Mapping[str, int]  # by split

    @cached_property
    def best(self) -> int:
        """Index of the threshold with the highest box accuracy on test, largest contour, IoU 0.5."""
        return best_of(self.correct["test"]["largest", DELTA].curve())[1]

    def threshold(self, index: int) -> float:
        """A threshold as it is written: without the last digits that binary fractions add to multiples of the step."""
        return round(float(self.thresholds[index]), 9)


def correct_tables(
    maps: Iterable[np.ndarray], boxes: Sequence[np.ndarray], thresholds: np.ndarray, executor: Executor | None = None
) -> Tables:
    """Which images are right at which threshold, for both choices of contours and every delta.

    `maps`: N score maps (H, W) in [0, 1], read as needed. `boxes`: N arrays (k, 4) in pixels of the maps. ValueError
    when their numbers differ.
    """
    iterator = iter(maps)
    parts: dict[tuple[str, float], list[Correct]] = {}
    for start in range(0, len(boxes), BLOCK):
        block = boxes[start : start + BLOCK]
        ious = best_ious_by_contours(islice(iterator, len(block)), block, thresholds, executor)  # contours -> (n, T)
        for contours, table in ious.items():
            for delta in DELTAS:
                parts.setdefault((contours, delta), []).append(Correct.of(table >= delta))
    if next(iterator, None) is not None:
        raise ValueError(f"score maps: found more than {len(boxes)}, expected as many as arrays of boxes")
    return {key: Correct.joined(tables) for key, tables in parts.items()}


def threshold_grid(step: float) -> np.ndarray:
    """0, step, 2 step ... below 1: (T,) float64, to the last bit the grid of wsolevaluation."""
    return np.arange(0, 1, step)
