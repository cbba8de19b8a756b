"""Intersection over union of boxes, counted in inclusive pixels as wsolevaluation counts them."""

import numpy as np


def iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """IoU of every box of `first` with every box of `second`: (m, 4), (k, 4) -> (m, k) float64 in [0, 1].

    Boxes are x0 y0 x1 y1 with x1 >= x0 and y1 >= y0, and both corners belong to the box: its width is x1 - x0 + 1.
    With whole-number boxes the result is the correctly rounded quotient of two integers, hence bit-identical
    to any other program that follows the same definition.
    """
    first, second = first[:, None, :], second[None, :, :]  # (m, 1, 4), (1, k, 4)
    width = np.minimum(first[..., 2], second[..., 2]) - np.maximum(first[..., 0], second[..., 0]) + 1  # (m, k)
    height = np.minimum(first[..., 3], second[..., 3]) - np.maximum(first[..., 1], second[..., 1]) + 1  # (m, k)
    intersection = np.maximum(0, width) * np.maximum(0, height)
    return intersection / (_area(first) + _area(second) - intersection)


def _area(boxes: np.ndarray) -> np.ndarray:
    """Inclusive pixels of each box, (..., 4) -> (...)."""
    return (boxes[..., 2] - boxes[..., 0] + 1) * (boxes[..., 3] - boxes[..., 1] + 1)


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
