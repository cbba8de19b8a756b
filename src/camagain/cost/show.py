"""What an experiment costs, in words."""

from camagain.config import Experiment
from camagain.cost.estimate import Cost, costs
from camagain.datasets.sizes import Sizes


def total_hours(found: list[Cost]) -> float:
    """GPU hours of all models together."""
    return sum(cost.training_hours + cost.localization_hours for cost in found)


def hours(value: float) -> str:
    """A time with two digits or so: "81 hours", "1.4 hours", "24 minutes"."""
    if value >= 10:
        return f"{value:.0f} hours"
    if value >= 1:
        return f"{value:.1f} hours"
    return f"{60 * value:.0f} minutes" if 60 * value >= 1.5 else "about a minute"


def cost_lines(experiment: Experiment, sizes: Sizes) -> list[str]:
    """A line for all of an experiment, and one for each network, the dearest first."""
    if experiment.compute.device == "cpu":
        return ["not computed: the experiment asks for the CPU, and steps were measured on a GPU"]
    found = costs(experiment, sizes)
    lines = [
        f"{hours(total_hours(found))} on one {found[0].rate.of.device}, computed from measured steps: "
        f"{len(experiment.trainings)} trainings, without loading images, the search for boxes and the analyses"
    ]
    for cost in sorted(found, key=lambda cost: cost.training_hours, reverse=True):
        spent = hours(cost.training_hours)
        lines.append(f"{cost.model.name}: {spent} for {cost.images:,} images, {rate_in_words(cost)}")
    return lines


def rate_in_words(cost: Cost) -> str:
    """How many images a second, and where that comes from."""
    step = cost.rate.of
    source = f"by operations from {step.architecture} at {step.size} px" if cost.rate.derived else "measured"
    return f"{cost.rate.images_per_second:.0f} a second ({source}, {step.precision})"
