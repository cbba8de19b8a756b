"""Intersection over union of boxes, counted in inclusive pixels as wsolevaluation counts them."""

import numpy as np

from camagain.evaluation.compiled import compiled


def iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """IoU of every box of `first` with every box of `second`: (m, 4), (k, 4) -> (m, k) float64 in [0, 1].

    Boxes are x0 y0 x1 y1 with x1 >= x0 and y1 >= y0, and both corners belong to the box: its width is x1 - x0 + 1.
    With whole-number boxes the result is the correctly rounded quotient of two integers, hence bit-identical
    to any other program that follows the same definition.
    """
    # Copies, because read-only or strided arrays are other types, for which numba would compile anew.
    return _iou(np.array(first, dtype=np.float64, order="C"), np.array(second, dtype=np.float64, order="C"))


@compiled
def _iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    result = np.empty((len(first), len(second)))
    for k in range(len(second)):
        x0, y0, x1, y1 = second[k]
        area = (x1 - x0 + 1) * (y1 - y0 + 1)
        for i in range(len(first)):
            width = min(first[i, 2], x1) - max(first[i, 0], x0) + 1
            height = min(first[i, 3], y1) - max(first[i, 1], y0) + 1
            shared = max(0.0, width) * max(0.0, height)
            own = (first[i, 2] - first[i, 0] + 1) * (first[i, 3] - first[i, 1] + 1)
            result[i, k] = shared / (own + area - shared)
    return result


def check_boxes(boxes: np.ndarray, name: str) -> np.ndarray:
    """The boxes as an array (k, 4); ValueError when empty, negative, not finite or with corners in the wrong order."""
    array = np.asarray(boxes)
    if array.ndim != 2 or array.shape[1] != 4 or not len(array):
        raise ValueError(f"{name}: found shape {array.shape}, expected (k, 4) with at least one box x0 y0 x1 y1")
    if not np.isfinite(array).all() or (array < 0).any():
        raise ValueError(f"{name}: found {array.tolist()}, expected finite corners >= 0")
    if (array[:, 2] < array[:, 0]).any() or (array[:, 3] < array[:, 1]).any():
        raise ValueError(
            f"{name}: found {array.tolist()}, expected x0 <= x1 and y0 <= y1 (corners, not width and height)"
        )
    return array
