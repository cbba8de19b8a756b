"""Accuracies from a table of IoUs: rows are images (N), columns are thresholds (T). Everything is in percent."""

from collections.abc import Sequence

import numpy as np

DELTAS = (0.3, 0.5, 0.7)
"""The IoUs that a box must reach in the three parts of MaxBoxAccV2 (Choe et al., CVPR 2020 and TPAMI 2022)."""


def best_of(curve: np.ndarray) -> tuple[float, int]:
    """The highest value of a curve over thresholds and the index of the first threshold that reaches it: (T,)."""
    best = int(np.argmax(curve))
    return float(curve[best]), best


def max_box_acc(ious: np.ndarray, delta: float = 0.5) -> tuple[float, int]:
    """Highest box accuracy over thresholds, one threshold for all images: (N, T) -> (percent, index of the threshold).

    Of several best thresholds the first is taken. MaxBoxAcc is this with IoUs of the largest contour. Where the
    threshold is chosen on the images that are scored, as the measure is defined, it is an optimistic score.

    >>> max_box_acc(np.array([[0.6, 0.7], [0.1, 0.5]]))
    (100.0, 1)
    """
    return best_of(np.count_nonzero(_table(ious) >= delta, axis=0) * 100.0 / len(ious))


def max_box_acc_v2(ious: np.ndarray, deltas: Sequence[float] = DELTAS) -> float:
    """Mean over deltas of the highest box accuracy, each at its own threshold: (N, T) of contours="all" -> percent.

    >>> max_box_acc_v2(np.array([[0.6, 0.7], [0.1, 0.5]]), deltas=(0.5, 0.7))
    75.0
    """
    return float(np.mean([max_box_acc(ious, delta)[0] for delta in deltas]))


def in_top(labels: np.ndarray, ranked: Sequence[Sequence[int]], k: int) -> np.ndarray:
    """Whether each image's label is among the k best classes of its ranking, best first: (N,), N lists -> (N,) bool."""
    return np.array([label in list(classes)[:k] for label, classes in zip(labels, ranked, strict=True)], dtype=bool)


def _table(ious: np.ndarray) -> np.ndarray:
    """The table itself; ValueError when it has no rows, no columns, or a NaN."""
    if ious.ndim != 2 or not ious.size:
        raise ValueError(f"ious: found shape {ious.shape}, expected (N, T) with at least one image and one threshold")
    if np.isnan(ious).any():
        raise ValueError(f"ious: found {np.isnan(ious).sum()} NaN, expected none")
    return ious
