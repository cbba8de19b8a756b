"""How the class weight of a channel goes with its GAP value and its activated area.

Axes: N images, K classes, C channels, B bins. The weight of a channel in an image is that of the predicted class, so
that all images of one prediction share their weights. Our own definitions; the form of the paper's figure is unknown.
Bae et al. (ECCV 2020) hold that global average pooling gives higher weights to channels of small activated area.
"""

import numpy as np

NO_BIN = -1
"""The bin of channels of a class that is predicted for no image."""


def weight_bins(class_weight: np.ndarray, predicted: np.ndarray, count: int) -> np.ndarray:
    """The bin of every channel by its weight, (K, C) and predicted classes (N,) -> (K, C) int64 in [0, B), or NO_BIN.

    All channels of all images are ordered by weight, lowest first, and cut into `count` bins of equal size; only
    images of the same predicted class stay together in a bin. Equal weights are ordered by class and channel.
    """
    images = np.bincount(predicted, minlength=len(class_weight))  # (K,)
    size = np.repeat(images, class_weight.shape[1])  # (K C,) how often each weight occurs
    order = np.argsort(class_weight.ravel(), kind="stable")
    middle = np.cumsum(size[order]) - size[order] / 2  # of the places that a weight takes
    bins = np.full(class_weight.size, NO_BIN)
    bins[order] = np.where(size[order] > 0, (middle * count / size.sum()).astype(np.int64).clip(0, count - 1), NO_BIN)
    return bins.reshape(class_weight.shape)


def binned_sums(values: np.ndarray, bins: np.ndarray, predicted: np.ndarray, count: int) -> np.ndarray:
    """The sum of values over the channels of each bin, (N, C), (K, C) and (N,) -> (N, B) float64."""
    sums = np.zeros((len(values), count))
    for label in np.unique(predicted):
        rows = np.flatnonzero(predicted == label)
        member = bins[label][:, None] == np.arange(count)  # (C, B)
        sums[rows] = values[rows] @ member.astype(np.float64)  # (n, B)
    return sums


def bin_sizes(bins: np.ndarray, predicted: np.ndarray, count: int) -> np.ndarray:
    """How many channels each image has in each bin, (K, C) and (N,) -> (N, B) float64."""
    members = (bins[:, :, None] == np.arange(count)).sum(1)  # (K, B)
    return members[predicted].astype(np.float64)
