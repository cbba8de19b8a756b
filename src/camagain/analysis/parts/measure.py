"""How much of a score map lies around each named part of a bird: local activation on photographs.

`quantity` of the table, for each method and part, over the `images` in which the part is visible:

| quantity | unit |
|---|---|
| mass_share: of the map's mass on the bird, that within the radius of the part | percent |
| area_share: the same of the bird's area: what a map spread evenly over the bird would have there | percent |
| density: mean mass_share divided by mean area_share | 1 is the bird's mean |
| head_to_body: density of the head parts divided by that of the body parts | 1 is even over the bird |

The bird is its mask where every image has one, else its box. Left and right parts are one: `left eye` is `eye`.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from camagain.analysis.kit.applies import require_grid
from camagain.analysis.kit.mass import box_regions, concentrations, object_regions, preference
from camagain.analysis.kit.run import Findings
from camagain.analysis.kit.stored import described
from camagain.analysis.parts.settings import Parts
from camagain.artifacts import RunPaths
from camagain.config import Experiment
from camagain.datasets.index import read_index
from camagain.datasets.parts import Part
from camagain.errors import NotApplicable
from camagain.evaluation.baselines import centre_gaussian
from camagain.evaluation.inputs import read_maps, read_truths
from camagain.evaluation.masks import OBJECT
from camagain.evaluation.score_maps import score_maps
from camagain.statistics.bootstrap import Sampling
from camagain.statistics.estimates import Estimate, divided, means

COLUMNS = ("method", "quantity", "part", "images", "value", "low", "high", "unit")

HEAD, BODY = "head parts", "body parts"
"""The pixels within the radius of any part of the one or the other; those near both belong to the nearest part."""

REFERENCE = "centre-gaussian"
"""A map that never looks at the image, measured beside the methods."""

Row = dict[str, Any]


def analyze(experiment: Experiment, model: str, paths: RunPaths) -> Findings:
    """Where on the bird the mass of every method's maps lies, and that of the centred Gaussian for comparison.

    Maps are the described ones, finished as they are scored: resized to the size of the evaluation and scaled to span
    [0, 1]. NotApplicable where the dataset names no parts, or no test image shows one, and for a single cell.
    """
    settings, own = experiment.evaluation, experiment.analysis.parts
    parts = parts_of(paths.index)
    truth = read_truths(paths.index, settings.size)["test"]
    count = len(truth.image_id)
    finished: dict[str, Iterator[np.ndarray]] = {}
    for method in experiment.localization.methods:
        stored = read_maps(paths.maps(model), described(method, experiment.localization), {"test": truth})["test"]
        require_grid(stored[0].size)
        finished[method] = score_maps(stored, settings.size, settings.interpolation)  # N of (S, S)
    finished[REFERENCE] = repeat(centre_gaussian(settings.size), count)
    names = list(dict.fromkeys(name for of_image in parts for name in by_name(of_image)))
    regions = [*names, HEAD, BODY]  # R

    areas = np.full((count, len(regions)), np.nan)
    masses = {method: areas.copy() for method in finished}
    images = zip(object_regions(truth, settings.size), box_regions(truth, settings.size), strict=True)
    for i, ((labels, boxes), *maps) in enumerate(zip(images, *finished.values(), strict=True)):
        bird = labels == OBJECT
        if not bird.any():
            continue
        radius = own.radius * bird_size(boxes, truth.width[i], truth.height[i])
        near = neighbourhoods(parts[i], bird.shape, truth.width[i], truth.height[i], radius, own)
        for region, pixels in near.items():
            r = regions.index(region)
            areas[i, r] = np.count_nonzero(pixels & bird) / np.count_nonzero(bird)
            for method, score_map in zip(finished, maps, strict=True):
                masses[method][i, r] = divided(score_map[pixels & bird].sum(), score_map[bird].sum())
    sampling = Sampling(settings.bootstrap, settings.confidence, experiment.seed)
    rows = [
        {"method": method, **row}
        for method, mass in masses.items()
        for row in rows_of(mass, np.where(np.isfinite(mass), areas, np.nan), regions, sampling)
    ]
    seen = np.isfinite(areas).any(1)
    about = {
        "images": count,
        "radius": own.radius,
        "object_from": "boxes" if truth.masks is None else "masks",
        "head": [name for name in names if name in own.head],
        "body": [name for name in names if name in own.body],
        "maps_without_mass": {m: int(np.isnan(mass[seen]).all(1).sum()) for m, mass in masses.items()},
    }
    return Findings(pd.DataFrame(rows, columns=list(COLUMNS)), about)


def parts_of(index_path: Path) -> list[tuple[Part, ...]]:
    """The visible parts of each test image; NotApplicable unless they are known, and one is visible."""
    parts = read_index(index_path, "test")["parts"].tolist()
    if any(of_image is None for of_image in parts):
        raise NotApplicable(
            "the dataset does not say where the parts of its birds are, as CUB's folder parts/ does; where that folder "
            "is there, an earlier version wrote the index: run `camagain data` again"
        )
    if not any(parts):
        raise NotApplicable("no part of a bird is visible in any test image")
    return parts


def by_name(parts: Sequence[Part]) -> dict[str, list[Part]]:
    """The parts of an image by name, those of the left and the right together."""
    found: dict[str, list[Part]] = {}
    for part in parts:
        found.setdefault(part.name.removeprefix("left ").removeprefix("right "), []).append(part)
    return found


def bird_size(boxes: np.ndarray, width: int, height: int) -> float:
    """The square root of the area of an image's boxes, in pixels of the image; `boxes` (S, S) is OBJECT inside them."""
    return float(np.sqrt(np.count_nonzero(boxes == OBJECT) / boxes.size * width * height))


def neighbourhoods(
    parts: Sequence[Part], shape: tuple[int, ...], width: int, height: int, radius: float, groups: Parts
) -> dict[str, np.ndarray]:
    """The pixels (H, W) of a map whose centres lie within a radius of the parts of an image, by name of the part.

    Distances are in pixels of the image, `width` x `height`, which the map covers: a disc on the bird, though the map
    is warped to a square. Where both kinds are visible HEAD and BODY are there, too, and share no pixel.
    """
    rows, columns = shape
    y, x = (np.arange(rows) + 0.5) * (height / rows), (np.arange(columns) + 0.5) * (width / columns)
    named = by_name(parts)
    squares = {
        name: np.min([(y[:, None] - part.y) ** 2 + (x - part.x) ** 2 for part in own], axis=0)
        for name, own in named.items()
    }  # (H, W) each
    found = {name: square <= radius**2 for name, square in squares.items()}
    head, body = ([squares[name] for name in of if name in squares] for of in (groups.head, groups.body))
    if head and body:
        to_head, to_body = np.min(head, axis=0), np.min(body, axis=0)  # (H, W)
        found[HEAD] = (to_head <= radius**2) & (to_head <= to_body)
        found[BODY] = (to_body <= radius**2) & (to_body < to_head)
    return found


def rows_of(mass: np.ndarray, area: np.ndarray, regions: Sequence[str], sampling: Sampling) -> Iterator[Row]:
    """The rows of one method, from shares of each image's bird in each region, (N, R) each, NaN where not visible.

    Density is a ratio of means over images: discs of a few pixels would make the ratio of a single image arbitrary.
    """
    estimates: Mapping[tuple[str, str], list[Estimate]] = {
        ("mass_share", "percent"): [one.scaled(100) for one in means(mass, sampling)],
        ("area_share", "percent"): [one.scaled(100) for one in means(area, sampling)],
        ("density", "times the bird's mean"): concentrations(mass, area, sampling),
    }
    images = np.isfinite(mass).sum(0)  # (R,)
    for (quantity, unit), of_regions in estimates.items():
        for region, seen, estimate in zip(regions, images, of_regions, strict=True):
            if seen:
                yield {"quantity": quantity, "part": region, "images": seen, **estimate.columns(), "unit": unit}
    if images[-1]:
        of = {"quantity": "head_to_body", "images": images[-1], "unit": "times the body"}
        yield {**of, **preference(mass, area, len(regions) - 2, len(regions) - 1, sampling).columns()}
