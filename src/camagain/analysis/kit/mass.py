"""Where the mass of a score map lies: on the object or beside it, compared with the area of either.

A map's mass in a region is the sum of its pixels there; its share is that sum divided by the sum over the image.
Concentration is the share of mass divided by the share of area: 1 in every region for a map that is spread evenly. The
measure is our own: of the paper's figures on this we know only the topic.
Axes: N images, R regions.
"""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from camagain.evaluation.inputs import Truth, read_regions
from camagain.evaluation.masks import BACKGROUND, OBJECT
from camagain.statistics.bootstrap import Sampling
from camagain.statistics.estimates import Estimate, divided, of_sums, ratios

CUE = 2
"""A pixel of the object that decides the class; BACKGROUND is 0 and OBJECT 1."""


def shares(score_map: np.ndarray, regions: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Shares of mass and of area of one map in regions 0 to count - 1, (H, W) >= 0 and (H, W) uint8 -> (R,) and (R,).

    Pixels of IGNORED regions count nowhere. The shares of mass are NaN where the map has none. ValueError for negative
    or undefined scores and for shapes that differ.
    """
    if score_map.shape != regions.shape:
        raise ValueError(f"regions: found shape {regions.shape}, expected {score_map.shape} like the score map")
    if not score_map.min() >= 0:
        raise ValueError(f"score map: found {score_map.min()}, expected values >= 0")
    inside = [regions == region for region in range(count)]
    mass = np.array([score_map[pixels].sum() for pixels in inside])  # (R,); bincount takes several times as long
    area = np.array([np.count_nonzero(pixels) for pixels in inside])  # (R,)
    total = mass.sum()
    return mass / total if total > 0 else np.full(count, np.nan), area / max(1, area.sum())


def shares_of(
    maps: Mapping[str, Iterable[np.ndarray]], regions: Iterable[np.ndarray], count: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """`shares` of several sets of N maps with the regions of each image, all read as needed: name -> (N, R), (N, R)."""
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {name: [] for name in maps}
    for labels, *of_image in zip(regions, *maps.values(), strict=True):
        for name, score_map in zip(maps, of_image, strict=True):
            found[name].append(shares(score_map, labels, count))
    return {name: (np.array([m for m, _ in pairs]), np.array([a for _, a in pairs])) for name, pairs in found.items()}


def concentrations(mass: np.ndarray, area: np.ndarray, sampling: Sampling) -> list[Estimate]:
    """Mean share of mass divided by mean share of area, (N, R) and (N, R) -> an estimate for each region.

    It is a ratio of means over images: a region of a few pixels would make the ratio of a single image arbitrary.
    Images without mass are left out of both means.
    """
    known = np.isfinite(mass)
    return ratios(np.where(known, mass, 0), np.where(known, area, 0), sampling)


def preference(mass: np.ndarray, area: np.ndarray, one: int, other: int, sampling: Sampling) -> Estimate:
    """Concentration in one region divided by that in another, from the same means over images: (N, R) and (N, R)."""
    known = np.isfinite(mass)
    sums = np.concatenate([np.where(known, values, 0)[:, [one, other]] for values in (mass, area)], axis=1)  # (N, 4)
    return of_sums(sums, lambda s: divided(s[:, :1] * s[:, 3:], s[:, 1:2] * s[:, 2:3]), sampling)[0]


def box_regions(truth: Truth, size: int) -> Iterator[np.ndarray]:
    """OBJECT inside the true boxes of each image and BACKGROUND outside: N arrays (size, size) uint8."""
    for boxes in truth.boxes:
        regions = np.full((size, size), BACKGROUND, np.uint8)
        for x0, y0, x1, y1 in boxes:
            regions[y0 : y1 + 1, x0 : x1 + 1] = OBJECT  # both corners belong to a box, as in its IoU
        yield regions


def object_regions(truth: Truth, size: int) -> Iterator[np.ndarray]:
    """OBJECT, BACKGROUND and IGNORED by the masks where every image has one, else by the true boxes."""
    by_mask = read_regions(truth, size)
    return box_regions(truth, size) if by_mask is None else by_mask


def with_cues(regions: np.ndarray, boxes: np.ndarray, width: int, height: int) -> np.ndarray:
    """The same regions (H, W) with CUE where the object lies in one of some boxes, which are in pixels of the image.

    `boxes`: (k, 4) x0 y0 x1 y1, edges: a pixel of the map belongs to a box when its centre does. `width` and `height`
    are the image's.
    """
    rows, columns = regions.shape
    y, x = (np.arange(rows) + 0.5) * (height / rows), (np.arange(columns) + 0.5) * (width / columns)
    inside = np.zeros(regions.shape, dtype=bool)
    for x0, y0, x1, y1 in boxes:
        inside |= ((y0 <= y) & (y < y1))[:, None] & ((x0 <= x) & (x < x1))
    return np.where(inside & (regions == OBJECT), np.uint8(CUE), regions)
