"""Coverage of intervals of a difference between trainings: over images alone, and over seeds and images.

One training a side for each seed, all measured on the same images. The difference of an image is the true difference,
plus what this image has in common in all seeds, plus what the seed has in common in all images, plus what is left. Its
deviations are those of a difference of right and wrong where 15 % of the images differ.
"""

from collections.abc import Iterator

import numpy as np

from camagain.statistics.bootstrap import Sampling
from camagain.statistics.estimates import mean_percent
from camagain.statistics.trainings import over_both, over_trainings

DATASETS = 2000
IMAGES = 400
COMMON, LEFT = 0.2, 0.33  # deviations over images
TRUTH = 0.01
CONFIDENCE = 0.95


def rows() -> Iterator[dict[str, object]]:
    """A row for each number of seeds and deviation over seeds."""
    for deviation in (0.0, 1.0, 3.0):
        for seeds in (2, 3, 5):
            yield coverage(seeds, deviation / 100)


def coverage(seeds: int, deviation: float) -> dict[str, object]:
    """How many of the intervals hold the true difference, in percent, and the median of their half widths."""
    rng = np.random.default_rng(0)
    held, halves = np.zeros(2), []
    for dataset in range(DATASETS):
        common = rng.normal(0, COMMON, IMAGES)
        shift = rng.normal(0, deviation, (seeds, 1))
        each = TRUTH + common + shift + rng.normal(0, LEFT, (seeds, IMAGES))  # (S, N)
        images = mean_percent(each.mean(0), Sampling(200, CONFIDENCE, dataset)).estimate(CONFIDENCE)
        both = over_both(over_trainings(100 * each.mean(1), CONFIDENCE), images)
        held += [found.low <= 100 * TRUTH <= found.high for found in (images, both)]
        halves.append([(found.high - found.low) / 2 for found in (images, both)])
    alone, together = np.median(halves, axis=0)
    return {
        "seeds": seeds,
        "seed_deviation_points": f"{100 * deviation:g}",
        "n": DATASETS,
        "images_percent": f"{100 * held[0] / DATASETS:.1f}",
        "both_percent": f"{100 * held[1] / DATASETS:.1f}",
        "images_half_points": f"{alone:.1f}",
        "both_half_points": f"{together:.1f}",
    }
