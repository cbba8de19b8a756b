"""The device that an experiment asks for, and memory."""

import torch

from camagain.compute import prepare
from camagain.config import Experiment
from camagain.cost.memory import GIB, Memory, job_memory, largest_step
from camagain.datasets.sizes import Sizes
from camagain.environment import machine
from camagain.errors import UserError
from camagain.readiness.line import Line


def device_lines(experiment: Experiment, sizes: Sizes) -> list[Line]:
    """Device asked and found, its memory, and the machine's."""
    asked, step = experiment.compute.device, largest_step(experiment)
    try:
        device = prepare(experiment.compute)
    except UserError as error:
        return [Line("MISSING", "device", str(error)), _main_memory(experiment, sizes, step)]
    if device.type != "cuda":
        lines = [Line("ok", "device", f"asked {asked}, found {device.type}")]
        if asked == "auto" and device.type == "cpu":
            says = "asked auto, found no GPU: the CPU will be taken, for which no time was measured"
            lines = [Line("note", "device", says, "Full-scale experiments are meant for a GPU.")]
        return [*lines, _main_memory(experiment, sizes, step)]
    count, name = torch.cuda.device_count(), torch.cuda.get_device_name(device)
    lines = [Line("ok", "device", f"asked {asked}, found {count} x {name}")]
    if count < experiment.compute.processes:
        says = f"compute.processes is {experiment.compute.processes}, but there are {count} GPUs"
        lines.append(Line("MISSING", "device", says, "Lower compute.processes."))
    if step is not None:
        lines.append(_memory("GPU memory", step, torch.cuda.get_device_properties(device).total_memory / GIB))
    return [*lines, _main_memory(experiment, sizes, None)]


def _memory(what: str, step: Memory, found: float, more: float = 0.0) -> Line:
    says = (
        f"{found:.0f} GiB; a training step of {step.model.name} takes about {step.gib + more:.1f} GiB, computed from "
        f"{step.of.architecture} at {step.of.size} px"
    )
    if step.gib + more <= found:
        return Line("ok", what, says)
    return Line("MISSING", what, says, "Raise training.accumulation, which changes no gradient but BatchNorm's.")


def _main_memory(experiment: Experiment, sizes: Sizes, step: Memory | None) -> Line:
    """Main memory; `step`: the largest training step, where it is done by the CPU."""
    found, job = float(machine()["memory_gib"]), job_memory(experiment, sizes)
    if step is not None and step.gib > job:
        return _memory("memory", step, found)
    says = f"{found:.0f} GiB; the largest `localize` takes about {job:.1f} GiB"
    remedy = "Take a machine with more memory, or fewer localization.methods."
    return Line("ok", "memory", says) if job <= found else Line("MISSING", "memory", says, remedy)
