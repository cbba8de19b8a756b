"""The memory that training steps and localization of an experiment take, from measured steps and from shapes."""

from dataclasses import dataclass

from camagain.config import Experiment, Model
from camagain.cost.disk import localization_bytes
from camagain.cost.estimate import operations, rate_of
from camagain.cost.shape import shape_of
from camagain.cost.steps import Step
from camagain.datasets.sizes import Sizes

GIB = 2**30

ADAMW_BYTES = 16
"""Of each parameter: its value, its gradient and the two moments of AdamW, in single precision."""

JOB_GIB = 0.68
"""Peak memory of the demo's `localize`, whose networks and images are small: Python, torch and the libraries around
them (results/reference/demo/manifest.json, 659 to 680 MB)."""


@dataclass(frozen=True)
class Memory:
    """The memory of a training step, and the measured step that it is derived from."""

    gib: float
    model: Model
    of: Step


def largest_step(experiment: Experiment) -> Memory | None:
    """The step that needs most of a device's memory; None where nothing is trained."""
    trained = [model for model in experiment.models if model.training.epochs]
    return max((step_memory(experiment, model) for model in trained), key=lambda found: found.gib, default=None)


def step_memory(experiment: Experiment, model: Model) -> Memory:
    """The memory of one forward and backward pass with AdamW, for one of the processes that share a training.

    Of a measured step, that of parameters is known; the rest grows with the images of a pass, and between networks
    with their operations per image, as the rate does. Gradient checkpointing takes less, by how much was not measured.
    """
    recipe, size = model.training, experiment.input.size
    name = model.architecture.partition(".")[0]
    step = rate_of(model.architecture, size, recipe.precision).of
    activations = step.gib - ADAMW_BYTES * shape_of(step.architecture, step.size).parameters / GIB
    relative = operations(name, size) / operations(step.architecture, step.size)
    images = recipe.batch_size / recipe.accumulation / experiment.compute.processes
    own = ADAMW_BYTES * shape_of(name, size).parameters / GIB
    return Memory(own + activations * relative * images / step.batch, model, step)


def job_memory(experiment: Experiment, sizes: Sizes) -> float:
    """GiB of main memory that the largest `localize` takes: itself, and its arrays twice while they are joined."""
    return JOB_GIB + 2 * max(localization_bytes(experiment, model, sizes) for model in experiment.models) / GIB
