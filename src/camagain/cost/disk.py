"""The bytes that a run writes, from the shapes of its networks. Tables and pictures are not counted."""

from camagain.config import Experiment, Model
from camagain.config.methods import declared
from camagain.cost.shape import shape_of
from camagain.datasets.sizes import Sizes

FLOAT = 4
COUNT = 2

DECODED_BYTES = 0.41e9 / 1549
"""Of one photograph of CUB in the cache of decoded images (`camagain.datasets.decoded`, 27 classes)."""


def weights_bytes(experiment: Experiment, model: Model) -> int:
    """The weights of all trainings of a model, with its snapshots."""
    kept = 1 + len(model.training.snapshot_epochs)
    return FLOAT * shape_of(model.architecture, experiment.input.size).parameters * kept * len(experiment.seeds)


def state_bytes(experiment: Experiment) -> int:
    """The largest state of an unfinished training: weights, two moments of AdamW, and the moving average."""
    return max(
        (3 + bool(model.training.ema_decay))
        * FLOAT
        * shape_of(model.architecture, experiment.input.size).parameters
        * bool(model.training.epochs)
        for model in experiment.models
    )


def localization_bytes(experiment: Experiment, model: Model, sizes: Sizes) -> int:
    """What `localize` writes for one training of a model, at most: score maps, channels and parts of maps."""
    from camagain.localization.channels import THETAS
    from camagain.localization.parts import COMPONENTS_COUNTED, COMPONENTS_KEPT

    shape, images = shape_of(model.architecture, experiment.input.size), sizes.val + sizes.test
    taps = 2 if shape.norm else 1
    kinds = [declared(method) for method in experiment.localization.methods]
    maps = sum((2 if kind.variants else 1) * taps if kind.native else 1 for kind in kinds)
    channels = shape.channels * (FLOAT + COUNT * len(THETAS))
    parts = FLOAT * ((2 + COMPONENTS_KEPT) * shape.cells + COMPONENTS_COUNTED)  # 2: evidence for and against
    return images * (FLOAT * shape.cells * maps + channels + parts)


def run_bytes(experiment: Experiment, sizes: Sizes) -> int:
    """What a run leaves behind, and the largest state on the way."""
    maps = sum(localization_bytes(experiment, model, sizes) for model in experiment.models) * len(experiment.seeds)
    return sum(weights_bytes(experiment, model) for model in experiment.models) + maps + state_bytes(experiment)


def decoded_bytes(experiment: Experiment, sizes: Sizes) -> float:
    """The cache of decoded images, where the experiment asks for it."""
    return DECODED_BYTES * (sizes.train + sizes.val + sizes.test) * experiment.compute.cache_images
