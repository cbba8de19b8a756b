"""The area of an effective receptive field: of the centred square, or of any pixels, that hold a share of it.

Never imports torch.
"""

import math
from collections.abc import Sequence

import numpy as np

THRESHOLDS = (0.2, 0.3, 0.5, 0.99)
"""Shares of the contribution for which the RepLKNet and SLaK papers print areas."""

TIE = 1e-9
"""Shares closer than this to a threshold are computed again exactly; cumulative sums are wrong by less than 1e-11."""


Squares = dict[float, tuple[int, float] | None]
"""For each share t: the side in pixels, and its square divided by the map's area; None where no square holds t."""


def area_ratios(contribution: np.ndarray, thresholds: Sequence[float] = THRESHOLDS) -> Squares:
    """The smallest centred square that holds more than each share t of the contribution, (H, W) -> {t: (side, ratio)}.

    With D = log10(A + 1) / max(log10(A + 1)) of the contribution A, it is the smallest odd side 2 i + 1, i from 1, of a
    square centred at (H // 2, W // 2) whose sum of D is strictly more than t times that of the map; ratio = side^2 /
    (H W), in (0, 1]. None where no square of the map holds that much: squares grow while they fit, to i =
    min(H, W) // 2 - 1, which leaves out the first row and column of an even map.

    A share is the quotient of two sums, each rounded once, so that neither the order of summation nor the route decides
    ties. Raises ValueError for a map that is not two-dimensional, has a side below 4 (no square fits), a negative,
    infinite or missing value, or nothing that log10(A + 1) can tell from 0, and for t outside [0, 1).

    Source: erf/analyze_erf.py of DingXiaoH/RepLKNet-pytorch, same sides for square and wide maps. Ours: on tall maps
    its squares reach beyond the map, and its sums are in the dtype of the map.

    >>> area_ratios(np.ones((20, 20)), thresholds=(0.2,))
    {0.2: (9, 0.2025)}
    """
    return squares(logarithmic(np.asarray(contribution, dtype=np.float64)), thresholds)


def linear_area_ratios(contribution: np.ndarray, thresholds: Sequence[float] = THRESHOLDS) -> Squares:
    """`area_ratios` of the contribution A itself, without the logarithm, independent of the scale of the gradients.

    Ours, as a check: a factor on all weights of the last layer multiplies A and moves `area_ratios`, while the network
    looks at the same pixels as before. ValueError as in `area_ratios`.
    """
    values = np.asarray(contribution, dtype=np.float64)
    check_contribution(values)
    return squares(values / values.max(), thresholds)


def free_area_ratios(contribution: np.ndarray, thresholds: Sequence[float] = THRESHOLDS) -> dict[float, float]:
    """The fewest pixels, wherever they lie, that hold more than each share t of D: (H, W) -> {t: pixels / (H W)}.

    Ours: a field that is no square, such as the cross of SLaK's kernels, has more square around it than field. D is
    that of `area_ratios`, and ValueError as there.
    """
    return fewest_pixels(logarithmic(np.asarray(contribution, dtype=np.float64)), thresholds)


def linear_free_area_ratios(contribution: np.ndarray, thresholds: Sequence[float] = THRESHOLDS) -> dict[float, float]:
    """`free_area_ratios` of the contribution A itself, without the logarithm."""
    values = np.asarray(contribution, dtype=np.float64)
    check_contribution(values)
    return fewest_pixels(values, thresholds)


def fewest_pixels(values: np.ndarray, thresholds: Sequence[float]) -> dict[float, float]:
    """The smallest share of the pixels of a map (H, W) >= 0 that holds more than each share of its sum."""
    check_thresholds(thresholds)
    shares = np.sort(values, axis=None)[::-1].cumsum()  # of the brightest pixel, the two brightest ...
    shares /= shares[-1]
    return {t: (int(np.searchsorted(shares, t, side="right")) + 1) / shares.size for t in thresholds}


def check_thresholds(thresholds: Sequence[float]) -> None:
    """ValueError for a t that is no share."""
    outside = [t for t in thresholds if not 0 <= t < 1]
    if outside:
        raise ValueError(f"thresholds {outside} are outside [0, 1)")


def squares(scaled: np.ndarray, thresholds: Sequence[float]) -> Squares:
    """The smallest centred square for each share of the sum of a map (H, W) in [0, 1]."""
    check_thresholds(thresholds)
    height, width = scaled.shape
    ring = np.maximum.outer(abs(np.arange(height) - height // 2), abs(np.arange(width) - width // 2))  # (H, W)
    shares = np.bincount(ring.ravel(), weights=scaled.ravel()).cumsum()  # of the square with half side i
    shares /= shares[-1]
    largest = min(height, width) // 2 - 1

    def exceeds(i: int, t: float) -> bool:
        if abs(shares[i] - t) > TIE:
            return bool(shares[i] > t)
        square = scaled[height // 2 - i : height // 2 + i + 1, width // 2 - i : width // 2 + i + 1]
        return math.fsum(square.ravel()) / math.fsum(scaled.ravel()) > t

    found: Squares = {}
    for t in thresholds:
        first = max(1, int(np.searchsorted(shares, t - TIE)))  # shares never decrease: none before it exceeds t
        i = next((i for i in range(first, largest + 1) if exceeds(i, t)), None)
        found[t] = None if i is None else (2 * i + 1, (2 * i + 1) ** 2 / (height * width))
    return found


def logarithmic(contribution: np.ndarray) -> np.ndarray:
    """D = log10(A + 1) / max(log10(A + 1)) of a contribution map A, (H, W) -> (H, W) in [0, 1].

    The RepLKNet and SLaK papers show this map and compute its shares. A's absolute scale matters: far below 1, D is
    proportional to A; far above, a pixel that contributes ten times as much counts little more. ValueError as in
    `area_ratios`.
    """
    check_contribution(contribution)
    scaled = np.log10(contribution + 1)
    return scaled / scaled.max()


def check_contribution(values: np.ndarray) -> None:
    """ValueError, by name, for a contribution map that has no area ratios."""
    if values.ndim != 2 or min(values.shape) < 4:
        raise ValueError(f"contribution has shape {values.shape}; expected (H, W) of at least 4 x 4")
    if not np.isfinite(values).all():
        raise ValueError(f"contribution has {np.sum(~np.isfinite(values))} values that are not finite")
    if values.min() < 0:
        raise ValueError(f"contribution is negative ({values.min()}); expected sums of ReLU(gradient)")
    if np.log10(values.max() + 1) == 0:
        raise ValueError(f"contribution is at most {values.max()}, of which log10(A + 1) is 0: no square holds a share")
