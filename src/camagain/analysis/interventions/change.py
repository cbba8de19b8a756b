"""Changes of a trained network's kernels, and its further training: one thing changed, everything else the same.

The paper compares architectures, which differ in everything at once. Here a trained network gets larger kernels that
at first compute the same (`camagain.models.enlarge_kernels`), and is trained further; the control is the same further
training with the kernels as they are. This is ours, not the paper's.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from camagain.artifacts import RunPaths
from camagain.compute import derived_seed
from camagain.config import Experiment
from camagain.errors import NotApplicable, UserError, nearest
from camagain.models.checkpoint import ModelCard, load_network, save_weights
from camagain.models.kernels import KernelReport, covered_kernels, depthwise, enlarge_kernels
from camagain.models.zoo import Network
from camagain.provenance import code_digest
from camagain.training.finetune import make_accelerator, train
from camagain.training.launch import in_processes
from camagain.training.state import StateFile, state_file

FURTHER_TRAINING_STREAM = 1
"""Keeps the random numbers of further trainings different from those of the training before, whatever the seeds."""

TOLERANCE = 1e-4
"""Largest relative difference of class scores that counts as rounding; measured ones stay below 1e-5."""


@dataclass(frozen=True)
class Change:
    """One job of the interventions."""

    name: str  # as in `Interventions.changes`: own-seed0, K13-seed1, shrunk
    side: int | None  # that kernels are enlarged to; None for the control, and for `shrunk`
    seed: int | None  # of the further training; None for `shrunk`, which is not trained

    @classmethod
    def named(cls, name: str, known: tuple[str, ...]) -> "Change":
        """The change of that name; UserError for one that the experiment does not have."""
        if name not in known:
            what = f"found the change '{name}'" if name else "interventions are several jobs; say which by --job"
            raise UserError(f"{what}; expected one of {list(known)}.{nearest(name, list(known))}")
        found = re.fullmatch(r"(?:own|K(\d+))-seed(\d+)", name)
        if found is None:
            return cls(name, None, None)
        return cls(name, int(found[1]) if found[1] else None, int(found[2]))

    @property
    def kind(self) -> str:
        """The name without its seed: own, K13, shrunk."""
        return self.name.partition("-")[0]


def further(experiment: Experiment, model_name: str, change: Change) -> Experiment:
    """The experiment of a further training: one model, its recipe again, and a seed of its own.

    Fewer epochs than the recipe's shorten its warm-up and its steps in proportion; `learning_rate_factor` is on every
    learning rate. Images have the size that they had at the end. Jobs of one seed see the same images in the same order
    with the same augmentation, whatever their kernels. UserError where no epochs are given and the recipe has none.
    """
    model, settings = experiment.model(model_name), experiment.analysis.interventions
    own = model.training
    epochs, factor = settings.epochs or own.epochs, settings.learning_rate_factor
    if not epochs:
        raise UserError(
            f"'{model_name}' is not trained (0 epochs): set analysis.interventions.epochs to train it further."
        )
    share = min(1, epochs / max(1, own.epochs))
    recipe = own.model_copy(
        update={
            "epochs": epochs,
            "warmup_epochs": own.warmup_epochs * share,
            "step_epochs": own.step_epochs and own.step_epochs * share,
            "learning_rate": own.learning_rate * factor,
            "head_learning_rate": own.head_learning_rate and own.head_learning_rate * factor,
            "first_size": None,
            "snapshot_every": 0,
        }
    )
    trained = model.model_copy(update={"name": f"{model.name}, {change.name}", "training": recipe})
    assert change.seed is not None  # `shrunk` is not trained
    seed = derived_seed(experiment.training_seed, change.seed, FURTHER_TRAINING_STREAM)
    return experiment.model_copy(update={"seeds": (seed,), "training": recipe, "models": (trained,)})


def trained_network(experiment: Experiment, model_name: str, paths: RunPaths) -> tuple[Network, ModelCard]:
    """A run's trained network in eval mode, with the drop path rate of its training."""
    drop_path = experiment.model(model_name).training.drop_path
    return load_network(paths.model(model_name), **({"drop_path_rate": drop_path} if drop_path else {}))


def apply(change: Change, network: Network) -> KernelReport:
    """Enlarges the kernels of a network in place (none for the control); returns which were changed and which not.

    RepLKNet's small kernels beside the large ones stay: inside a larger kernel they could compute nothing new.
    NotApplicable where there is no depthwise kernel, or none that can be enlarged.
    """
    sides = [max(layer.kernel_size) for _, layer in depthwise(network, "change")]
    if change.side is None:
        return KernelReport((), {})
    covered = covered_kernels(network, change.side)
    report = enlarge_kernels(network, change.side, keep=covered)
    if not report.changed:
        why = "; ".join(sorted(set(report.left_out.values())))
        raise NotApplicable(
            f"{change.kind}: none of its {len(sides)} depthwise kernels, of {min(sides)} to {max(sides)} taps a side, "
            f"can be enlarged to {change.side} x {change.side}{f' ({why})' if why else ''}."
        )
    return KernelReport(report.changed, report.left_out | covered)


@torch.no_grad()
def largest_difference(network: nn.Module, other: nn.Module, images: torch.Tensor) -> float:
    """How much two networks' class scores differ at most, relative to the largest one: images (B, 3, S, S) -> >= 0."""
    scores, others = network(images), other(images)  # (B, K)
    return float((scores - others).abs().max() / scores.abs().max())


def train_further(experiment: Experiment, model_name: str, change: Change, paths: RunPaths, folder: Path) -> Path:
    """Changes a run's trained network, trains it further, and returns where its weights lie: below `folder`.

    A killed training goes on from the state in that folder, if it would do the same work.
    """
    weights = folder / "trained.safetensors"
    in_processes(_train_and_save, experiment.compute, experiment, model_name, change, paths, weights)
    return weights


def _train_and_save(experiment: Experiment, model_name: str, change: Change, paths: RunPaths, weights: Path) -> None:
    """Trains further in one of the processes; the first one writes the weights, beside the state."""
    job = further(experiment, model_name, change)
    model = job.models[0]
    accelerator = make_accelerator(job, model)
    network, card = trained_network(experiment, model_name, paths)
    changed = len(apply(change, network).changed)
    file = job_state(job, change, card, paths, weights.parent, accelerator.device)
    origin = f"trained before, {changed} kernels enlarged"
    trainee, _ = train(network, model, job, paths, file, accelerator, origin)
    if accelerator.is_main_process:
        save_weights(weights, trainee.kept)


def job_state(
    job: Experiment, change: Change, card: ModelCard, paths: RunPaths, folder: Path, device: torch.device
) -> StateFile:
    """The state of a further training, in its own folder; its weights depend on those that it began with, too."""
    plain = state_file(job, job.models[0].name, paths, device)
    own = {
        "change": change.name,
        "weights": card.sha256,
        "changing code": code_digest("camagain.analysis.interventions.change"),
    }
    return replace(plain, path=folder / plain.path.name, identity=plain.identity | own)
