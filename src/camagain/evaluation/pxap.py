"""PxAP, the pixel average precision: score maps against masks, over all thresholds, with no box in between.

A pixel is predicted to be object at a threshold when its score reaches it. Pixels of all images are pooled, precision
and recall are taken at each threshold of a grid, and PxAP is the area under the curve as a sum of steps,
sum_k P_k (R_k - R_(k-1)) over falling thresholds (Choe et al., CVPR 2020 and TPAMI 2022). Of an image it needs only the
number of object and background pixels between each threshold and the next: 8 kB at 1,000 thresholds.

The thresholds are followed by 1, 2 and 3, as in wsolevaluation's MaskEvaluator. The bin from 1 to 2 is for a score of
exactly 1, and the empty one from 2 to 3 is where the curve starts, at a recall of 0.
"""

import numpy as np

from camagain.evaluation.compiled import compiled
from camagain.statistics.bootstrap import Interval, Sampling, interval_of, resample_weights

LAST_EDGES = (1.0, 2.0, 3.0)
"""The edges that follow the last threshold."""

BLOCK = 256
"""Images whose counts are float64 at the same time: 256 x 2 x 1,002 of them take 4 MB."""


def bin_edges(thresholds: np.ndarray) -> np.ndarray:
    """The thresholds with wsolevaluation's three edges behind them: (T,) -> (T + 3,) float64, for T + 2 bins.

    ValueError unless the thresholds rise from 0 and stay below 1.
    """
    return _check_edges(np.append(np.asarray(thresholds, dtype=np.float64), LAST_EDGES))


def pixel_histograms(score_map: np.ndarray, regions: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Background and object pixels of one image in each bin: (H, W), (H, W) uint8, (T' + 1,) -> (2, T') int64.

    Scores are in [0, 1]; regions are 0 background, 1 object, 255 ignored (`masks.read_regions`). Row 0 counts
    background, row 1 object. A bin holds the scores from its edge, included, to the next, excluded: the counts are
    those of np.histogram. Counts of one image fit into uint32, in which those of a dataset are best kept. ValueError
    for NaN, scores or regions that are none, shapes that differ, or edges that do not rise from 0 to beyond 1.
    """
    edges = _check_edges(edges)
    scores = np.require(score_map, np.float64, ["C", "W", "E"])  # a base array: one type to compile for, rarely a copy
    if regions.dtype not in (np.uint8, np.bool_):  # a cast would turn 256 into background
        raise ValueError(f"regions: found {regions.dtype}, expected uint8 with 0, 1 and 255")
    labels = np.require(regions, np.uint8, ["C", "W", "E"])
    if scores.ndim != 2 or not scores.size:
        raise ValueError(f"score map: found shape {scores.shape}, expected (H, W) with at least one pixel")
    if labels.shape != scores.shape:
        raise ValueError(f"regions: found shape {labels.shape}, expected {scores.shape} like the score map")
    counts = np.zeros((2, len(edges) - 1), np.int64)
    if _count(scores.reshape(-1), labels.reshape(-1), edges, counts):
        return counts
    if np.isnan(scores).any():
        raise ValueError(f"score map: found {np.isnan(scores).sum()} NaN of {scores.size} values, expected none")
    if scores.min() < 0 or scores.max() > 1:
        raise ValueError(f"score map: found values from {scores.min()} to {scores.max()}, expected the range [0, 1]")
    raise ValueError(f"regions: found values {np.unique(labels).tolist()}, expected only 0, 1 and 255")


@compiled
def _count(scores: np.ndarray, labels: np.ndarray, edges: np.ndarray, counts: np.ndarray) -> bool:
    """Adds the pixels to the counts; whether all scores and labels were valid, else the counts are not complete."""
    # Unsigned, because numba would otherwise ask of every index whether it counts from the end.
    one, last, per_score = np.uint64(1), np.uint64(len(edges) - 2), 1 / edges[1]
    for i in range(len(scores)):
        score, label = scores[i], labels[i]
        if not (score >= 0 and score <= 1):
            return False
        if label > 1:
            if label != 255:
                return False
            continue
        # The quotient is rounded and the edges are too, so that it can be one bin off; the edges decide.
        k = min(np.uint64(np.int64(score * per_score)), last)
        while edges[k] > score:
            k -= one
        while edges[k + one] <= score:
            k += one
        counts[label, k] += 1
    return True


def pixel_average_precision(histograms: np.ndarray) -> float:
    """PxAP of the summed counts of all images: (2, T'), background and object -> percent, to the bit wsolevaluation's.

    A map that is 1 on the object and lower elsewhere gets 100; a map of one value gets the object's share of the
    pixels that are not ignored. ValueError when no pixel is object.
    """
    counts = np.asarray(histograms, dtype=np.float64)
    if counts.ndim != 2 or len(counts) != 2:
        raise ValueError(f"histograms: found shape {counts.shape}, expected (2, T'), summed over images")
    if not counts[1].any():
        raise ValueError(f"histograms: found no object pixel among {counts.sum():.0f}, expected at least one")
    return _average_precision(counts)


def pxap_interval(histograms: np.ndarray, sampling: Sampling) -> Interval:
    """Percentile bootstrap interval of PxAP over the choice of images: (N, 2, T') of any whole type -> percent.

    The resamples are those of all other scores, and as there the interval is widened where necessary to hold the value
    itself. Resamples without any object pixel, in which PxAP is not defined, are left out. The same seed gives the same
    bounds, whatever the number of threads: sums of whole numbers are exact in float64. ValueError when
    no image has an object pixel.
    """
    if histograms.ndim != 3 or histograms.shape[1] != 2:
        raise ValueError(f"histograms: found shape {histograms.shape}, expected (N, 2, T')")
    value = pixel_average_precision(histograms.sum(axis=0, dtype=np.int64))
    values = [
        _average_precision(counts)
        for weights in resample_weights(len(histograms), sampling.resamples, sampling.seed)
        for counts in _weighted_sums(weights, histograms)
        if counts[1].any()
    ]
    return interval_of(np.array(values or [value]), value, sampling.confidence)


def _weighted_sums(weights: np.ndarray, histograms: np.ndarray) -> np.ndarray:
    """The summed counts of each resample: (r, N), (N, 2, T') -> (r, 2, T') float64."""
    sums = np.zeros((len(weights), histograms[0].size))
    for start in range(0, len(histograms), BLOCK):
        block = histograms[start : start + BLOCK].astype(np.float64).reshape(-1, histograms[0].size)
        sums += weights[:, start : start + BLOCK].astype(np.float64) @ block  # (r, n) @ (n, 2 T')
    return sums.reshape(-1, *histograms.shape[1:])


def _average_precision(counts: np.ndarray) -> float:
    """PxAP of counts (2, T') float64 with at least one object pixel."""
    background, found = counts[:, ::-1].cumsum(axis=1)  # (T',) each: pixels at or above an edge, from the highest down
    kept = found + background
    recall = found / found[-1]
    reached = kept[1:] > 0  # before the first pixel there is no precision, and no recall to gain
    steps = found[1:][reached] / kept[1:][reached] * np.diff(recall)[reached]
    return float(steps.sum() * 100)


def _check_edges(edges: np.ndarray) -> np.ndarray:
    """Edges as float64 (T' + 1,); ValueError unless they rise from 0 to beyond 1, so that every score has its bin."""
    array = np.require(edges, np.float64, ["C", "W", "E"])
    if array.ndim != 1 or len(array) < 2 or array[0] != 0 or not (array[1:] > array[:-1]).all() or array[-1] <= 1:
        raise ValueError(
            f"edges: found {array.tolist()[:3]} ..., shape {array.shape}, expected to rise from 0 beyond 1"
        )
    return array
