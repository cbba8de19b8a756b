"""One method of one model, scored: the source of its scores, curves and files.

Images are worked on in blocks, and only bits (`correctness`) of each block are kept, so that neither upsampled maps nor
IoUs of a whole dataset are ever in memory.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np

from camagain.evaluation.boxes import LargestBoxes, best_ious_by_contours
from camagain.evaluation.inputs import Predictions, Truth
from camagain.evaluation.metrics import DELTAS, best_of
from camagain.evaluation.swept import Tables
from camagain.statistics.correctness import Correct

DELTA = 0.5
"""The least IoU of a correct box, in every score but MaxBoxAccV2."""

BLOCK = 512
"""Images whose IoUs are in memory together: 512 x 1,000 thresholds x 2 kinds of contours take 8 MB."""


@dataclass(frozen=True)
class Scored:
    """One method of one model on val and test."""

    model: str
    method: str
    truths: Mapping[str, Truth]
    correct: Mapping[str, Tables]  # by split, at the experiment's thresholds
    thresholds: np.ndarray  # (T,)
    predictions: Predictions | None  # of test; None for what does not classify
    pixels: np.ndarray | None  # (N, 2, T') counts for PxAP on test; None without masks
    constant_maps: Mapping[str, int]  # by split
    largest: LargestBoxes  # of test

    @cached_property
    def best(self) -> int:
        """Index of the threshold with the highest box accuracy on test, largest contour, IoU 0.5."""
        return best_of(self.correct["test"]["largest", DELTA].curve())[1]

    @property
    def boxes(self) -> np.ndarray:
        """The box of each test image at that threshold, in pixels of the map: (N, 4) int64."""
        return self.largest.at(float(self.thresholds[self.best]))

    def threshold(self, index: int) -> float:
        """A threshold as it is written: without the last digits that binary fractions add to multiples of the step."""
        return round(float(self.thresholds[index]), 9)


def sweep(
    maps: Iterable[np.ndarray],
    boxes: Sequence[np.ndarray],
    steps: Sequence[float],
    executor: Executor | None = None,
    largest: LargestBoxes | None = None,
) -> dict[float, Tables]:
    """Which images are right at which threshold, for the grid of each step, both choices of contours and every delta.

    `maps`: N score maps (H, W) in [0, 1], read as needed, once. `boxes`: N arrays (k, 4) in pixels of the maps.
    `largest`, where it is given, is filled with the maps' own boxes. ValueError when the numbers of maps and boxes
    differ.
    """
    iterator, grids = iter(maps), [threshold_grid(step) for step in steps]
    thresholds, ends = np.concatenate(grids), np.cumsum([len(grid) for grid in grids])  # (T,), one end for each step
    parts: dict[float, dict[tuple[str, float], list[Correct]]] = {step: {} for step in steps}
    for start in range(0, len(boxes), BLOCK):
        block = boxes[start : start + BLOCK]
        own = largest and largest.part(start, start + len(block))
        ious = best_ious_by_contours(islice(iterator, len(block)), block, thresholds, executor, own)
        for step, grid, end in zip(steps, grids, ends.tolist(), strict=True):
            for contours, table in ious.items():  # (n, T)
                for delta in DELTAS:
                    right = Correct.of(table[:, end - len(grid) : end] >= delta)
                    parts[step].setdefault((contours, delta), []).append(right)
    if next(iterator, None) is not None:
        raise ValueError(f"score maps: found more than {len(boxes)}, expected as many as arrays of boxes")
    return {step: {key: Correct.joined(tables) for key, tables in of.items()} for step, of in parts.items()}


def threshold_grid(step: float) -> np.ndarray:
    """0, step, 2 step ... below 1: (T,) float64, to the last bit the grid of wsolevaluation."""
    return np.arange(0, 1, step)
