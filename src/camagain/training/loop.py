"""The epochs of a training: forward, backward, step; one row of history each."""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from timm.data import Mixup
from timm.scheduler.scheduler import Scheduler
from timm.utils import ModelEmaV3
from torch import nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from camagain.compute import derived_seed, seed_everything
from camagain.config import Training
from camagain.errors import UserError
from camagain.models.zoo import Network
from camagain.progress import track
from camagain.training.batches import Batches
from camagain.training.modes import statistics_kept, training_mode
from camagain.training.snapshots import Snapshots
from camagain.training.state import StateFile

COLUMNS = ("epoch", "learning_rate", "train_loss", "train_top1_percent", "val_loss", "val_top1_percent")


@dataclass
class Trainee:
    """Everything that changes while a network is trained, except random numbers: each epoch seeds its own."""

    network: Network
    average: ModelEmaV3 | None
    optimizer: Optimizer
    shuffle: torch.Generator
    devices: list[str]  # what it was trained on, in turn
    history: list[dict[str, float]] = field(default_factory=list)  # one row per finished epoch, see COLUMNS
    seconds: float = 0.0

    @property
    def kept(self) -> Network:
        """The network that is validated and written: the moving average where there is one."""
        return self.network if self.average is None else self.average.module

    def state(self) -> dict[str, Any]:
        """Everything needed to go on after the last finished epoch, as torch.load reads it without pickled code."""
        return {
            "network": self.network.state_dict(),
            "average": None if self.average is None else self.average.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "shuffle": self.shuffle.get_state(),
            "devices": self.devices,
            "history": self.history,
            "seconds": self.seconds,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes back to a state."""
        self.network.load_state_dict(state["network"])
        if self.average is not None:
            self.average.module.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.shuffle.set_state(state["shuffle"])
        self.devices = list(dict.fromkeys([*state["devices"], *self.devices]))
        self.history, self.seconds = state["history"], state["seconds"]


@dataclass(frozen=True)
class Loop:
    """The course of one training in one process."""

    name: str
    recipe: Training
    seed: int
    batches: Batches
    schedule: Scheduler
    mixing: Mixup | None
    loss: nn.Module
    accelerator: Accelerator
    state_file: StateFile
    snapshots: Snapshots
    checkpoint_minutes: float

    def run(self, trainee: Trainee) -> None:
        """Trains until the recipe's last epoch, from wherever the trainee is, and saves its state now and then."""
        prepared = self.accelerator.prepare_model(trainee.network)
        # Its state stays where it is: moved along, Adam's counters would lie on the GPU after a resume, and else not.
        optimizer = self.accelerator.prepare_optimizer(trainee.optimizer, device_placement=False)
        started = saved = time.monotonic()
        before, first = trainee.seconds, self.accelerator.is_main_process
        if first and not trainee.history:
            self.snapshots.begin(trainee.kept)
        for epoch in range(len(trainee.history) + 1, self.recipe.epochs + 1):
            trainee.history.append(self.epoch(epoch, trainee, prepared, optimizer))
            trainee.seconds = before + time.monotonic() - started
            if first:
                self.snapshots.keep(epoch, trainee.kept)  # before the state, which then lacks none of its epochs
            due = time.monotonic() - saved >= 60 * self.checkpoint_minutes
            if first and due and epoch < self.recipe.epochs:
                saved = time.monotonic()
                try:
                    self.state_file.write(trainee.state())
                except (OSError, RuntimeError) as error:  # a full disk, which torch reports as RuntimeError
                    print(f"{self.name}: cannot save the state ({error}); training goes on without", flush=True)

    def epoch(self, epoch: int, trainee: Trainee, prepared: nn.Module, optimizer: Optimizer) -> dict[str, float]:
        """One pass over the training images and one over the validation images; a row of the history."""
        started = time.perf_counter()
        self.seed_generators(epoch)
        training_mode(prepared, self.recipe)
        total, seen = 0.0, 0
        correct = torch.zeros((), dtype=torch.int64, device=self.accelerator.device)
        steps = self.batches.steps
        for step, (pixels, labels, _) in enumerate(self.shown(self.batches.epoch(epoch), steps, epoch)):
            loss, hits = self.step((epoch - 1) * steps + step, pixels, labels, prepared, optimizer)
            if trainee.average is not None:
                trainee.average.update(trainee.network)
            total += loss * len(labels)
            correct += hits
            seen += len(labels)
        images, loss, top1 = self.over_processes(seen, total, correct.item())
        val_loss, val_top1 = self.validate(trainee.kept)
        group, speed = optimizer.param_groups[0], images / (time.perf_counter() - started)
        size = f" of {self.batches.sizes[epoch - 1]} px" if self.recipe.first_size else ""
        row = (epoch, group["lr"] / group["lr_scale"], loss, top1, val_loss, val_top1)
        self.accelerator.print(
            f"{self.name} epoch {epoch}/{self.recipe.epochs}: loss {loss:.4f}, train top-1 {top1:.1f} %, val loss "
            f"{val_loss:.4f}, val top-1 {val_top1:.1f} %, {speed:.0f} images/s{size}",
            flush=True,
        )
        return dict(zip(COLUMNS, row, strict=True))

    def step(
        self, number: int, pixels: torch.Tensor, labels: torch.Tensor, prepared: nn.Module, optimizer: Optimizer
    ) -> tuple[float, torch.Tensor]:
        """One optimisation step, counted from 0 over all epochs: its mean loss, and how many images it got right.

        The batch is mixed before it is split into parts, so that accumulation changes nothing but memory and rounding
        (and the statistics of BatchNorm, which are those of a part).
        """
        self.schedule.step_update(number)
        parts, device = self.recipe.accumulation, self.accelerator.device
        pixels = pixels.to(device, memory_format=torch.channels_last, non_blocking=True)  # (B, 3, S, S)
        labels = labels.to(device, non_blocking=True)  # (B,)
        pixels, targets = self.mixing(pixels, labels) if self.mixing else (pixels, labels)  # targets (B, K) or (B,)
        total, correct = 0.0, torch.zeros((), dtype=torch.int64, device=device)
        for images, wanted, truth in zip(pixels.chunk(parts), targets.chunk(parts), labels.chunk(parts), strict=True):
            with self.accelerator.accumulate(prepared):
                with torch.autocast(device.type, torch.bfloat16, enabled=self.recipe.precision == "bf16"):
                    logits = prepared(images)  # (B / parts, K)
                loss = self.loss(logits.float(), wanted)
                value = loss.item()
                if not math.isfinite(value):
                    raise UserError(self.not_finite(value, number))
                with statistics_kept(prepared, self.recipe.gradient_checkpointing):
                    self.accelerator.backward(loss)  # divides by the number of parts
                if self.recipe.clip_gradient and self.accelerator.sync_gradients:
                    self.accelerator.clip_grad_norm_(prepared.parameters(), self.recipe.clip_gradient)
                optimizer.step()  # like the next line, it waits for the last part
                optimizer.zero_grad()
            total += value / parts
            correct += (logits.argmax(1) == truth).sum()
        return total, correct

    @torch.inference_mode()
    def validate(self, network: Network) -> tuple[float, float]:
        """Mean cross-entropy and top-1 accuracy in percent over the validation images, in full precision."""
        network.eval()
        if self.accelerator.num_processes > 1:
            broadcast(list(network.buffers()))  # running statistics of BatchNorm; the first process's are kept
        device, total, correct, seen = self.accelerator.device, 0.0, 0, 0
        for pixels, labels, _ in self.batches.val:
            labels = labels.to(device)
            logits = network(pixels.to(device, memory_format=torch.channels_last))  # (B, K)
            total += nn.functional.cross_entropy(logits, labels, reduction="sum").item()
            correct += int((logits.argmax(1) == labels).sum())
            seen += len(labels)
        return self.over_processes(seen, total, correct)[1:]

    def seed_generators(self, epoch: int) -> None:
        """Seeds drop path, dropout and mixup for an epoch, so that a resumed training needs no generator's state.

        Drop path differs between processes, and mixup does not.
        """
        seed_everything(derived_seed(self.seed, epoch, 0, 1))
        if self.accelerator.process_index:
            torch.manual_seed(derived_seed(self.seed, epoch, self.accelerator.process_index, 1))

    def shown(self, items: DataLoader, total: int, epoch: int) -> Iterable:
        """The items, with progress shown by the first process."""
        first = self.accelerator.is_main_process
        return track(items, total, f"epoch {epoch}/{self.recipe.epochs}", "steps") if first else items

    def over_processes(self, seen: int, total_loss: float, correct: float) -> tuple[int, float, float]:
        """Images, mean loss and percentage of correct images over all processes, from the sums of this one.

        NaN where there are no images: a data set without a val split has no numbers of it.
        """
        sums = torch.tensor([seen, total_loss, correct], dtype=torch.float64)
        if self.accelerator.num_processes > 1:
            sums = self.accelerator.reduce(sums.to(self.accelerator.device))
        images, loss, hits = sums.tolist()
        return int(images), *((loss / images, 100 * hits / images) if images else (math.nan, math.nan))

    def not_finite(self, loss: float, number: int) -> str:
        """The message for a loss that is infinite or no number."""
        epoch, step = divmod(number, self.batches.steps)
        return (
            f"{self.name}: the loss became {loss} in epoch {epoch + 1}, step {step + 1}. Lower training.learning_rate, "
            f"lengthen training.warmup_epochs or set training.clip_gradient. {self.state_file.described()}"
        )
