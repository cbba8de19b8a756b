"""From score maps to boxes and to the IoU of the best box at every threshold (the paper's MaxBoxAcc protocol)."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeVar

import numpy as np

from camagain.evaluation.box_sweep.contours import ContourBoxes, Contours, check_contours, check_thresholds, quantise
from camagain.evaluation.iou import check_boxes

Item = TypeVar("Item")
Result = TypeVar("Result")

MAPS_PER_TASK = 16
"""Maps that one task of an executor holds: 16 x 224 x 224 bytes of pixels travel at once, for 20 ms of work."""

MOST_PENDING_TASKS = 8
"""Tasks that are handed to an executor before the result of the first is awaited."""


def boxes_at(score_map: np.ndarray, thresholds: np.ndarray, contours: Contours = "largest") -> list[np.ndarray]:
    """Boxes of one score map at each threshold: (H, W) in [0, 1], (T,) -> list of T int64 arrays (k, 4) x0 y0 x1 y1.

    k is 1 for "largest"; for "all" it is the number of contours, in cv2's order. Exactly what wsolevaluation returns;
    the definition stands at the top of `contours`. ValueError for NaN, values outside [0, 1] or a wrong shape.

    >>> score_map = np.zeros((8, 8))
    >>> score_map[2:5, 3:6] = 1
    >>> boxes_at(score_map, np.array([0.5]))[0].tolist()
    [[3, 2, 6, 5]]
    """
    return ContourBoxes(quantise(score_map)).at_thresholds(check_thresholds(thresholds), contours)


def best_ious(
    score_maps: Iterable[np.ndarray],
    boxes: Sequence[np.ndarray],
    thresholds: np.ndarray,
    contours: Contours = "largest",
    executor: Executor | None = None,
) -> np.ndarray:
    """IoU of the best box of each image at each threshold: N maps (H, W), N arrays (k, 4), (T,) -> (N, T) float64.

    The best is taken over the map's boxes and over the image's true boxes, which are x0 y0 x1 y1 in pixels of the map.
    `score_maps` is any iterable and is read as needed, a few tasks ahead of the executor, so the maps of a whole
    dataset need never be in memory together. An executor of processes shares the work; the result is the same.
    ValueError, naming the position, for a faulty map or box, and when the number of maps is not that of `boxes`.

    >>> score_map = np.zeros((8, 8))
    >>> score_map[2:5, 3:6] = 1
    >>> best_ious([score_map], [np.array([[3, 2, 6, 5]])], np.array([0.2, 0.5])).tolist()
    [[1.0, 1.0]]
    """
    check_contours(contours)
    return _best_ious(score_maps, boxes, thresholds, (contours,), executor)[contours]


@dataclass(frozen=True)
class LargestBoxes:
    """The box of the largest contour of N maps at every level, and so at every threshold: 2 kB a map."""

    boxes: np.ndarray  # (N, 256, 4) int16
    peaks: np.ndarray  # (N,) uint8, the highest level of each map

    def at(self, threshold: float) -> np.ndarray:
        """The boxes at one threshold, as those of `boxes_at`: (N, 4) int64."""
        levels = (threshold * self.peaks.astype(np.float64)).astype(np.int64)  # (N,)
        return self.boxes[np.arange(len(levels)), levels].astype(np.int64)

    @classmethod
    def unknown(cls, maps: int) -> "LargestBoxes":
        """For so many maps, to be filled by a search."""
        return cls(np.empty((maps, 256, 4), np.int16), np.empty(maps, np.uint8))

    def part(self, start: int, end: int) -> "LargestBoxes":
        """Those of some maps, in the same memory."""
        return LargestBoxes(self.boxes[start:end], self.peaks[start:end])


def best_ious_by_contours(
    score_maps: Iterable[np.ndarray],
    boxes: Sequence[np.ndarray],
    thresholds: np.ndarray,
    executor: Executor | None = None,
    largest: LargestBoxes | None = None,
) -> dict[Contours, np.ndarray]:
    """What `best_ious` gives for "largest" and for "all", by name, from one search.

    `largest`, where it is given, is filled with the maps' own boxes.
    """
    return _best_ious(score_maps, boxes, thresholds, ("largest", "all"), executor, largest)


def _best_ious(
    score_maps: Iterable[np.ndarray],
    boxes: Sequence[np.ndarray],
    thresholds: np.ndarray,
    kinds: tuple[Contours, ...],
    executor: Executor | None,
    largest: LargestBoxes | None = None,
) -> dict[Contours, np.ndarray]:
    """IoUs by kind of contours, (N, T) each."""
    thresholds = check_thresholds(thresholds)
    truths = [check_boxes(truth, f"boxes of image {i}") for i, truth in enumerate(boxes)]
    ious: dict[Contours, np.ndarray] = {kind: np.empty((len(truths), len(thresholds))) for kind in kinds}

    def pairs() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for i, score_map in enumerate(score_maps):
            if i >= len(truths):
                raise ValueError(f"score maps: found more than {len(truths)}, expected as many as arrays of boxes")
            try:
                yield quantise(score_map), truths[i]
            except ValueError as error:
                raise ValueError(f"image {i}: {error}") from None

    done = 0
    score = partial(_score, thresholds=thresholds, kinds=kinds, with_boxes=largest is not None)
    for rows in _in_order(score, _tasks(pairs()), executor):
        for row, own in rows:
            for kind, values in zip(kinds, row, strict=True):
                ious[kind][done] = values  # (T,)
            if largest is not None and own is not None:
                largest.boxes[done], largest.peaks[done] = own
            done += 1
    if done < len(truths):
        raise ValueError(f"score maps: found {done}, expected {len(truths)}, as many as arrays of boxes")
    return ious


def _score(
    task: list[tuple[np.ndarray, np.ndarray]], thresholds: np.ndarray, kinds: tuple[Contours, ...], with_boxes: bool
) -> list[tuple[list[np.ndarray], tuple[np.ndarray, int] | None]]:
    """Best IoUs of pixels (H, W) uint8 with true boxes (k, 4): for each pair, for each kind, (T,).

    And, where they are wanted, the map's own boxes by level, (256, 4), with its highest level.
    """
    rows, found = [], None
    for pixels, truth in task:
        if found is None or not np.array_equal(pixels, found.pixels):  # a baseline's map is the same for every image
            found = ContourBoxes(pixels)
        own = (found.largest_by_level, int(pixels.max())) if with_boxes else None
        rows.append(([found.best_iou(truth, thresholds, kind) for kind in kinds], own))
    return rows


def _tasks(items: Iterator[Item]) -> Iterator[list[Item]]:
    """The items in lists of MAPS_PER_TASK."""
    while task := list(islice(items, MAPS_PER_TASK)):
        yield task


def _in_order(function: Callable[[Item], Result], items: Iterable[Item], executor: Executor | None) -> Iterator[Result]:
    """function(item) of each item in order, here or by an executor, which has few tasks at a time."""
    if executor is None:
        yield from map(function, items)
        return
    pending: deque[Future[Result]] = deque()
    for item in items:
        pending.append(executor.submit(function, item))
        if len(pending) > MOST_PENDING_TASKS:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()
