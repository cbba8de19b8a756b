"""From score maps to boxes and to the IoU of the best box at every threshold (the paper's MaxBoxAcc protocol)."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from camagain.evaluation.contours import ContourBoxes, Contours, check_contours, check_thresholds, quantise
from camagain.evaluation.iou import check_boxes

Item = TypeVar("Item")
Result = TypeVar("Result")


def boxes_at(score_map: np.ndarray, thresholds: np.ndarray, contours: Contours = "largest") -> list[np.ndarray]:
    """Boxes of one score map at each threshold: (H, W) in [0, 1], (T,) -> list of T int64 arrays (k, 4) x0 y0 x1 y1.

    k is 1 for "largest"; for "all" it is the number of contours, in cv2's order. Exactly what wsolevaluation returns;
    the definition stands at the top of `contours`. ValueError for NaN, values outside [0, 1] or a wrong shape.
    """
    return ContourBoxes(quantise(score_map)).at_thresholds(check_thresholds(thresholds), contours)


def best_ious(
    score_maps: Iterable[np.ndarray],
    boxes: Sequence[np.ndarray],
    thresholds: np.ndarray,
    contours: Contours = "largest",
    threads: int = 1,
) -> np.ndarray:
    """IoU of the best box of each image at each threshold: N maps (H, W), N arrays (k, 4), (T,) -> (N, T) float64.

    The best is taken over the map's boxes and over the image's true boxes, which are x0 y0 x1 y1 in pixels of the map.
    `score_maps` is any iterable and is read as needed, a few maps ahead of the threads that work on them, so the
    maps of a whole dataset need never be in memory together. The result does not depend on the number of threads.
    ValueError, naming the position, for a faulty map or box, and when the number of maps is not that of `boxes`.
    """
    check_contours(contours)
    return _best_ious(score_maps, boxes, thresholds, (contours,), threads)[contours]


def best_ious_by_contours(
    score_maps: Iterable[np.ndarray], boxes: Sequence[np.ndarray], thresholds: np.ndarray, threads: int = 1
) -> dict[Contours, np.ndarray]:
    """What `best_ious` gives for "largest" and for "all", as a dictionary, sharing what both need."""
    return _best_ious(score_maps, boxes, thresholds, ("largest", "all"), threads)


def repeated_map_ious(
    score_map: np.ndarray, boxes: Sequence[np.ndarray], thresholds: np.ndarray
) -> dict[Contours, np.ndarray]:
    """`best_ious_by_contours` where every image has the same score map, whose boxes are then searched only once."""
    found, thresholds = ContourBoxes(quantise(score_map)), check_thresholds(thresholds)
    truths = [check_boxes(truth, f"boxes of image {i}") for i, truth in enumerate(boxes)]
    kinds: tuple[Contours, ...] = ("largest", "all")
    return {kind: np.array([found.best_iou(truth, thresholds, kind) for truth in truths]) for kind in kinds}  # (N, T)


def _best_ious(
    score_maps: Iterable[np.ndarray],
    boxes: Sequence[np.ndarray],
    thresholds: np.ndarray,
    kinds: tuple[Contours, ...],
    threads: int,
) -> dict[Contours, np.ndarray]:
    thresholds = check_thresholds(thresholds)
    truths = [check_boxes(truth, f"boxes of image {i}") for i, truth in enumerate(boxes)]
    ious: dict[Contours, np.ndarray] = {kind: np.empty((len(truths), len(thresholds))) for kind in kinds}

    def score(numbered: tuple[int, np.ndarray]) -> None:
        i, score_map = numbered
        if i >= len(truths):
            raise ValueError(f"score maps: found more than {len(truths)}, expected as many as arrays of boxes")
        try:
            found = ContourBoxes(quantise(score_map))
        except ValueError as error:
            raise ValueError(f"image {i}: {error}") from None
        for kind, rows in ious.items():
            rows[i] = found.best_iou(truths[i], thresholds, kind)  # (T,)

    done = sum(1 for _ in _in_order(score, enumerate(score_maps), threads))
    if done < len(truths):
        raise ValueError(f"score maps: found {done}, expected {len(truths)}, as many as arrays of boxes")
    return ious


def _in_order(function: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """function(item) of each item in order, taking at most `threads` items ahead of the one whose result is awaited."""
    if threads == 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        pending: deque[Future[Result]] = deque()
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
