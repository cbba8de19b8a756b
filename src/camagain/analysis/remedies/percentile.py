"""Percentiles as a standard for thresholding (PaS, Bae et al., ECCV 2020), as a property of the map. Without torch.

A box is drawn around pixels above a share tau of the map's maximum, which a single bright spot can lift far above the
rest of the object. PaS takes a share of the q-th percentile instead. Both rules agree on a map that is cut off at its
percentile, so any evaluator that thresholds relative to the maximum scores PaS on such a map.
"""

import numpy as np


def relative_to_percentile(score_map: np.ndarray, q: float) -> np.ndarray:
    """The map cut off at its q-th percentile P and divided by it: (H, W) in [0, 1] -> (H, W) in [0, 1].

    A pixel is above tau afterwards exactly where it was above tau P, for every tau in [0, 1). The map must be the one
    whose pixels are thresholded, upsampled and scaled, since the percentile of the feature grid is another number.
    Where P is 0, because hardly any pixel has evidence, all pixels above 0 become 1: this is the limit for a small P,
    and the authors' rule "above tau times 0" keeps the same pixels at every tau. A map of zeros stays as it is. Raises
    ValueError for negative values.
    """
    if score_map.min() < 0:
        raise ValueError(f"score map: found {score_map.min()}, expected values >= 0")
    peak = np.percentile(score_map, q)
    if peak == 0:
        return (score_map > 0).astype(score_map.dtype)
    return np.minimum(score_map / peak, 1)
