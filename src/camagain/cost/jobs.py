"""What one job asks a scheduler for: memory and time, from measured jobs and from the sizes of network and data.

Measured are the jobs of the committed references, on one thread of a CPU (jobs.csv, written by `make docs`), and
training steps on a GPU (steps.csv). From them follows what a job needs. It asks for more, by the margins below, and for
twice as much at each further attempt, because a scheduler ends a job that takes more than it asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from camagain import stages
from camagain.config import Experiment, Model
from camagain.config.methods import declared
from camagain.cost.disk import weights_bytes
from camagain.cost.estimate import CHECKPOINTING, FORWARD_SHARE, images_of_epoch, operations, rate_of
from camagain.cost.memory import GIB, JOB_GIB, localize_memory, step_memory
from camagain.cost.shape import shape_of
from camagain.datasets.sizes import Sizes

START_SECONDS = 5.0
"""Of every job on a CPU: Python and the libraries (`gap` of the demo, which computes little, takes 4.5 to 6.2)."""

SCHEDULER_MB = 400
"""Of every job on a cluster: the two Snakemakes around its command, 172 and 145 MB, and two `srun` of 8 MB."""

ON_GPU_GIB = 4.0
"""Main memory for CUDA, its libraries and pinned batches. Not measured."""

DECODED_GIB = 1.0
"""Decoded images that a training keeps in memory, at most (`compute.cache_images` apart)."""

FORWARD_KEPT = 0.25
"""Share of what layers write that a forward pass holds at its peak: 0.23 of EfficientNet-Lite0 at 224 px."""

MARGIN_MEMORY, MARGIN_TIME = 1.5, 4.0
"""How much more is asked for than was computed. Other GPUs are slower than the one of the measured steps."""

LEAST_MB, LEAST_MINUTES = 1000, 30
"""What every job asks for, however small."""

MEGA = 1e6
MB_OF_GIB = GIB / MEGA


@dataclass(frozen=True)
class Need:
    """What a job asks for."""

    mem_mb: int
    runtime: int  # minutes


@dataclass(frozen=True)
class Job:
    """The longest time and the largest memory that jobs of a stage took in one reference run."""

    run: str
    stage: str
    trainings: int
    images: int  # of val and test
    seconds: float
    mb: float


@cache
def measured_jobs() -> tuple[Job, ...]:
    """Every measured job."""
    return tuple(Job(*row) for row in pd.read_csv(Path(__file__).with_name("jobs.csv")).itertuples(index=False))


def need(experiment: Experiment, sizes: Sizes, stage: str, training: str = "", attempt: int = 1) -> Need:
    """What a job of a stage asks for at its first, second ... attempt."""
    about = stages.stages()[stage]
    if about.gpu:
        model = experiment.model(training)
        memory, seconds = network_mb(experiment, sizes, stage, model), network_seconds(experiment, sizes, stage, model)
    else:
        every = not about.of_training and any(stages.stages()[name].of_training for name in about.reads)
        images = (sizes.val + sizes.test) * (len(experiment.trainings) if every else 1)
        found = [(job, job.images * (job.trainings if every else 1)) for job in measured_jobs() if job.stage == stage]
        memory, seconds = artifacts_mb(images, found), artifacts_seconds(images, found)
    again = 2 ** (attempt - 1)
    return Need(
        mem_mb=round(again * max(LEAST_MB, MARGIN_MEMORY * memory + SCHEDULER_MB)),
        runtime=round(again * max(LEAST_MINUTES, MARGIN_TIME * (START_SECONDS + seconds) / 60)),
    )


def network_mb(experiment: Experiment, sizes: Sizes, stage: str, model: Model) -> float:
    """Megabytes of main memory of a job that runs or trains a network."""
    workers = experiment.compute.workers * JOB_GIB
    about = stages.stages()[stage]
    arrays = localize_memory(experiment, model, sizes)
    if experiment.compute.device == "cpu":
        step = step_memory(experiment, model).gib * stages.processes(experiment, stage)
        held = step + DECODED_GIB if about.trains else forward_gib(experiment, model)
    else:
        held = ON_GPU_GIB * stages.processes(experiment, stage) + 2 * weights_bytes(experiment, model) / GIB
    found = [job.mb for job in measured_jobs() if job.stage == stage and job.run == "demo"]
    return max([(arrays + held + workers) * MB_OF_GIB, *found])


def forward_gib(experiment: Experiment, model: Model) -> float:
    """What a forward pass holds in fp32 on a CPU, with the weights."""
    shape = shape_of(model.architecture, experiment.input.size)
    images = experiment.localization.batch_size
    return 4 * (shape.parameters + FORWARD_KEPT * images * shape.activations) / GIB


def network_seconds(experiment: Experiment, sizes: Sizes, stage: str, model: Model) -> float:
    """Seconds of a job that runs or trains a network: its training, or so many times the pass of `localize`."""
    size, recipe = experiment.input.size, model.training
    forward = pass_seconds(experiment, model, sizes.val + sizes.test)
    if stages.stages()[stage].trains:
        settings = experiment.analysis.interventions
        epochs = recipe.pixels(size) if stage == "finetune" else settings.epochs or recipe.epochs
        images = epochs * images_of_epoch(model, sizes)
        if experiment.compute.device == "cpu":
            training = pass_seconds(experiment, model, images) / FORWARD_SHARE
        else:
            training = images / rate_of(model.architecture, size, recipe.precision).images_per_second
        slower = CHECKPOINTING if recipe.gradient_checkpointing else 1.0
        return training * slower + forward * (stage != "finetune")
    gradients = sum(not declared(method).native for method in experiment.localization.methods)
    return forward * (1 + gradients / FORWARD_SHARE) if stage == "localize" else forward * passes(stage)


def pass_seconds(experiment: Experiment, model: Model, images: float) -> float:
    """Seconds of a forward pass over so many images in fp32."""
    size = experiment.input.size
    if experiment.compute.device == "cpu":
        return images * operations(model.architecture, size) / CPU_OPERATIONS
    return images * FORWARD_SHARE / rate_of(model.architecture, size, "fp32").images_per_second


CPU_OPERATIONS = 5e9
"""Multiplications and additions a second of a forward pass on one thread: 5 to 29 billion in `localize` of the
references, whose networks have depthwise convolutions, on a machine that did other things, too."""


@cache
def passes(stage: str) -> float:
    """How many times as long as `localize` an analysis took where it took longest, at least once."""
    localize = {job.run: job.seconds for job in measured_jobs() if job.stage == "localize"}
    return max([1.0, *(job.seconds / localize[job.run] for job in measured_jobs() if job.stage == stage)])


def artifacts_mb(images: int, measured: Sequence[tuple[Job, int]]) -> float:
    """Megabytes of a job without a network: the most that was measured, and a straight line for further images."""
    if not measured:
        return 0.0
    counts, memory = np.array([(count, job.mb) for job, count in measured], dtype=float).T
    slope = np.polyfit(counts, memory, 1)[0] if np.ptp(counts) else 0.0
    return float(memory.max() + max(0.0, slope) * max(0.0, images - counts.max()))


def artifacts_seconds(images: int, measured: Sequence[tuple[Job, int]]) -> float:
    """Seconds of a job without a network: the most that was measured, or in proportion to images where that is more."""
    grown = min((job.seconds * images / count for job, count in measured), default=0.0)
    return max([grown, *(job.seconds for job, _ in measured)])
