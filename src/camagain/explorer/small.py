"""Which explorers are made with every run. Read while Snakemake plans, so it imports nothing that takes time."""

from camagain.config import Experiment
from camagain.datasets.sizes import sizes_of

MOST_MAPS = 50_000
"""Maps of an explorer that is part of `all`: those of 5,794 images, four networks and two methods are 46,352."""


def is_small(experiment: Experiment) -> bool:
    """Whether an experiment has at most MOST_MAPS maps of test images; False where the images are not counted yet."""
    sizes = sizes_of(experiment.dataset)
    sets = len(experiment.trainings) * len(experiment.localization.methods)
    return sizes is not None and sizes.test * sets <= MOST_MAPS
