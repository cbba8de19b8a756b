"""The GPU hours of an experiment, network by network: how many images it passes, and how many a second.

The rate of a network that was measured is the measured one. That of another is derived: operations per second of a
measured network of its family, divided by its own operations per image. Counted are the operations of a forward pass;
a training step is three of them, and four with gradient checkpointing. What is not counted: loading images, the search
for boxes on the CPU, and the analyses but for the further trainings of `interventions`.
"""

from dataclasses import dataclass
from functools import cache

from camagain.analysis.interventions.settings import Interventions
from camagain.config import Experiment, Model
from camagain.cost.shape import CLASSES, shape_of
from camagain.cost.steps import Step, measured_steps
from camagain.datasets.sizes import Sizes
from camagain.families import family_of

CUB = Sizes(train=5994, val=1000, test=5794, classes=CLASSES, fewest=29)
"""CUB-200-2011 with CUBv2 as val: what an experiment is taken to have where its files are not there to be counted."""

FORWARD_SHARE = 1 / 3
"""Share of a training step that its forward pass takes; the backward pass computes twice as much."""

CHECKPOINTING = 4 / 3
"""How much longer a training step takes when the forward pass is computed twice."""


@dataclass(frozen=True)
class Rate:
    """How many images a second a network is trained on."""

    images_per_second: float
    of: Step  # the measured step behind it
    derived: bool  # by operations


@dataclass(frozen=True)
class Cost:
    """What the trainings of one model cost."""

    model: Model
    images: int  # that training steps see, over all epochs and seeds
    rate: Rate
    training_hours: float
    localization_hours: float  # one forward pass over val and test for each training, in fp32


def costs(experiment: Experiment, sizes: Sizes) -> list[Cost]:
    """The cost of every model of an experiment on the device of the measured steps."""
    return [cost_of(experiment, model, sizes) for model in experiment.models]


def cost_of(experiment: Experiment, model: Model, sizes: Sizes) -> Cost:
    """The cost of one model: its trainings with all seeds, their further trainings, and the pass that localizes."""
    recipe, seeds, size = model.training, len(experiment.seeds), experiment.input.size
    further = further_epochs(experiment.analysis.interventions, model)
    an_epoch = images_of_epoch(model, sizes) * seeds
    rate = rate_of(model.architecture, size, recipe.precision)
    slower = CHECKPOINTING if recipe.gradient_checkpointing else 1.0
    passes = rate_of(model.architecture, size, "fp32").images_per_second / FORWARD_SHARE
    return Cost(
        model=model,
        images=(recipe.epochs + further) * an_epoch,
        rate=rate,
        training_hours=(recipe.pixels(size) + further) * an_epoch * slower / rate.images_per_second / 3600,
        localization_hours=(sizes.val + sizes.test) * seeds / passes / 3600,
    )


def images_of_epoch(model: Model, sizes: Sizes) -> int:
    """The images of whole batches; an epoch leaves out the rest."""
    return sizes.train // model.training.batch_size * model.training.batch_size


def further_epochs(settings: Interventions, model: Model) -> int:
    """Epochs of all further trainings of a model by `interventions`: each size and the control, with each seed."""
    if model.name not in settings.models:
        return 0
    return (1 + len(settings.enlarge)) * settings.seeds * (settings.epochs or model.training.epochs)


@cache
def rate_of(architecture: str, size: int, precision: str) -> Rate:
    """The rate of a network: measured, or derived from its family's, or else from that of the slowest measured network.

    Of several measured networks of a family that one counts whose operations per image are nearest. Networks that
    differ in their weights alone, by the tag behind their name, have one rate.
    """
    steps = [step for step in measured_steps() if step.precision == precision]
    name = architecture.partition(".")[0]
    for step in steps:
        if (step.architecture, step.size) == (name, size):
            return Rate(step.images_per_second, step, derived=False)
    own = operations(name, size)
    derived = {step: step.images_per_second * operations(step.architecture, step.size) / own for step in steps}
    family = [step for step in steps if family_of(step.architecture) == family_of(name) is not None]
    nearest = min(family, key=lambda step: abs(operations(step.architecture, step.size) - own), default=None)
    chosen = nearest or min(derived, key=lambda step: derived[step])
    return Rate(derived[chosen], chosen, derived=True)


def operations(architecture: str, size: int) -> int:
    """Multiplications and additions of a forward pass over one image."""
    return shape_of(architecture, size).operations
