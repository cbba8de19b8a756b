"""The memory that training steps and localization of an experiment take, from measured steps and from shapes."""

from dataclasses import dataclass

from camagain.config import Experiment, Model
from camagain.cost.disk import localization_bytes
from camagain.cost.estimate import rate_of
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
    with what their layers write for an image. Operations would not do: depthwise convolutions have few for what they
    write. Gradient checkpointing takes less, by how much was not measured.
    """
    recipe, size = model.training, experiment.input.size
    own, step = shape_of(model.architecture, size), rate_of(model.architecture, size, recipe.precision).of
    measured = shape_of(step.architecture, step.size)
    activations = step.gib - ADAMW_BYTES * measured.parameters / GIB
    images = recipe.batch_size / recipe.accumulation / experiment.compute.processes
    grown = activations * own.activations / measured.activations * images / step.batch
    return Memory(ADAMW_BYTES * own.parameters / GIB + grown, model, step)


def job_memory(experiment: Experiment, sizes: Sizes) -> float:
    """GiB of main memory that the largest `localize` takes."""
    return max(localize_memory(experiment, model, sizes) for model in experiment.models)


def localize_memory(experiment: Experiment, model: Model, sizes: Sizes) -> float:
    """GiB of main memory of one `localize`: itself, and its arrays twice while they are joined."""
    return JOB_GIB + 2 * localization_bytes(experiment, model, sizes) / GIB
