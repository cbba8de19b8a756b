"""Weights along a training: gathered beside its state while it runs, put into the model's folder when it is done."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from camagain.config import Training
from camagain.models.checkpoint import save_weights, snapshot_path


@dataclass(frozen=True)
class Snapshots:
    """The weights that one training keeps: of the start (epoch 0), of every so many epochs, and of the last one."""

    name: str  # of the model
    recipe: Training
    folder: Path  # that of the training's state

    def begin(self, network: nn.Module) -> None:
        """Removes what an earlier training left here, and keeps the starting weights."""
        shutil.rmtree(self.gathered, ignore_errors=True)
        self.keep(0, network)

    def keep(self, epoch: int, network: nn.Module) -> None:
        """Writes the weights after an epoch if they are wanted, over those that a killed job has written.

        A full disk costs only the snapshot, not the training: it prints so now, and `publish` names every epoch that
        is missing.
        """
        if epoch not in self.recipe.snapshot_epochs:
            return
        try:
            save_weights(snapshot_path(self.folder, epoch), network)
        except OSError as error:
            print(f"{self.name}: cannot keep the weights of epoch {epoch} ({error}); training goes on", flush=True)

    def publish(self, model_folder: Path) -> None:
        """Puts the weights into `snapshots/` of the model's folder, in one step, instead of those of another training.

        A recipe that keeps none leaves no such folder. The files are linked and not moved: a job that is killed before
        its state is deleted goes on from the state and needs them again.
        """
        ready, final = self.folder / "ready", model_folder / self.gathered.name
        shutil.rmtree(ready, ignore_errors=True)
        ready.mkdir(parents=True)
        missing = []
        for epoch in self.recipe.snapshot_epochs:
            source = snapshot_path(self.folder, epoch)
            if source.exists():
                link(source, ready / source.name)
            else:
                missing.append(epoch)
        if missing:
            print(f"{self.name}: no weights were kept of the epochs {missing}; analyses go without them", flush=True)
        if final.exists():
            shutil.rmtree(final)
        if self.recipe.snapshot_epochs:
            ready.replace(final)

    @property
    def gathered(self) -> Path:
        """Where the weights lie while the training goes on."""
        return snapshot_path(self.folder, 0).parent


def link(source: Path, target: Path) -> None:
    """Gives a file a second name, or copies it where the file system has no hard links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
