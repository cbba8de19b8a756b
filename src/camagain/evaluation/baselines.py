"""Score maps that never look at the image; any method has to beat them."""

import numpy as np


def whole_image(size: int) -> np.ndarray:
    """A map of ones, so that the whole image is the box at every threshold below 1: (size, size) float64."""
    return np.ones((size, size))


def centre_gaussian(size: int) -> np.ndarray:
    """An isotropic Gaussian in the middle, scaled to span [0, 1]: (size, size) float64.

    The centre baseline of Choe et al. (CVPR 2020). Its boxes are centred squares, and thresholds choose their side.
    The width of the Gaussian, here a quarter of the side, only decides which threshold gives which square: for widths
    from an eighth to a half, accuracies on CUB differ by at most 0.1 points up to IoU 0.5 (0.5 points on CUBv2).
    """
    across = (np.arange(size) - (size - 1) / 2) / (size / 4)
    profile = np.exp(-0.5 * across**2)
    surface = np.outer(profile, profile)
    return (surface - surface.min()) / (surface.max() - surface.min())


BASELINES = {"whole-image": whole_image, "centre-gaussian": centre_gaussian}
"""Name, as in `evaluation/baseline/<name>/` -> function that makes the map."""
