"""Percentiles as a standard for thresholding (PaS, Bae et al., ECCV 2020), as in their published code. Without torch.

A box is drawn around pixels above a share tau of the map's maximum, which a single bright spot can lift far above the
rest of the object. PaS takes the same share of the map's q-th percentile instead. Everything else is as in
`camagain.evaluation.box_sweep.contours`: M = uint8(255 * map); a threshold t keeps the pixels M > int(t * P), where P
is the percentile of M, and not of the map before it was rounded to 8 bits.

Axes: N images, T thresholds.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from camagain.evaluation.box_sweep.contours import ContourBoxes, quantise
from camagain.evaluation.iou import check_boxes


def shares_of_maximum(pixels: np.ndarray, thresholds: np.ndarray, q: float) -> np.ndarray:
    """Shares of the maximum of 8-bit pixels (H, W) that keep the same pixels as shares (T,) of their q-th percentile.

    Percentiles between two levels are interpolated linearly, as numpy does. Where the percentile is 0, because hardly
    any pixel has evidence, every threshold keeps all pixels above 0. A constant map has no pixel above 0, and keeps
    none.
    """
    levels = np.floor(thresholds * np.percentile(pixels, q))  # (T,) what is kept lies above
    return np.minimum((levels + 0.5) / max(int(pixels.max()), 1), 1.0)  # the half keeps division from rounding down


def percentile_ious(
    score_maps: Iterable[np.ndarray], boxes: Sequence[np.ndarray], thresholds: np.ndarray, q: float
) -> np.ndarray:
    """IoU of the largest contour's box at shares of each map's percentile: N maps, N arrays (k, 4), (T,) -> (N, T).

    As `camagain.evaluation.boxes.best_ious`, with the percentile in place of the maximum.
    """
    ious = np.empty((len(boxes), len(thresholds)))
    for i, (score_map, truth) in enumerate(zip(score_maps, boxes, strict=True)):
        pixels = quantise(score_map)
        shares = shares_of_maximum(pixels, thresholds, q)
        ious[i] = ContourBoxes(pixels).best_iou(check_boxes(truth, f"boxes of image {i}"), shares, "largest")
    return ious
