"""The state of an unfinished training on disk: a job that was killed goes on from it, if it would do the same work."""

import os
import pickle
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from camagain.artifacts import RunPaths, atomic, read_json
from camagain.config import WITHOUT_EFFECT, Experiment
from camagain.config.base import flat
from camagain.environment import package_versions
from camagain.families import family_module
from camagain.provenance import code_digest

PACKAGES = ("camagain", "torch", "torchvision", "timm", "accelerate", "numpy", "pillow")
"""Packages whose version can change a bit of the weights."""


@dataclass(frozen=True)
class StateFile:
    """Where a training's state lies, and everything that its weights depend on, by dotted name."""

    path: Path
    identity: dict[str, Any]

    def write(self, state: dict[str, Any]) -> None:
        """Replaces the state in one step: whenever the job is killed, the file is the old one or the new one."""
        with atomic(self.path) as temporary, open(temporary, "wb") as file:
            torch.save({"identity": self.identity, **state}, file)
            file.flush()
            os.fsync(file.fileno())  # a machine that loses power must not keep the new name with half the bytes

    def read(self) -> tuple[dict[str, Any] | None, str]:
        """The state, or None where training starts anew; and why, in one sentence, "" where no file lies there."""
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            found = state.pop("identity")
        except FileNotFoundError:
            return None, ""
        except PermissionError:  # hours of work lie there, and are not begun anew
            raise
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, KeyError, AttributeError) as error:
            return None, f"{self.path} cannot be read ({type(error).__name__}); training starts anew"
        changed = [
            f"{key} was {found.get(key)}, is {self.identity.get(key)}"
            for key in sorted({*found, *self.identity})
            if found.get(key) != self.identity.get(key)
        ]
        if changed:
            return None, f"{self.path} is of another training ({'; '.join(changed)}); training starts anew"
        return state, f"goes on from {self.path}"

    def described(self) -> str:
        """Where the last state lies and after which epoch, for somebody whose training has just failed."""
        state, _ = self.read()
        if state is None:
            return "No state had been saved before."
        return (
            f"The last saved state, {self.path}, is that after epoch {len(state['history'])}; a training with changed "
            "settings starts anew and does not go on from it."
        )

    def delete(self) -> None:
        """Removes the state's folder, and what a kill in the middle of writing may have left there.

        The state goes first: a kill in the middle must not leave one that lacks the snapshots of its epochs.
        """
        self.path.unlink(missing_ok=True)
        shutil.rmtree(self.path.parent, ignore_errors=True)


def state_file(experiment: Experiment, model_name: str, paths: RunPaths, device: torch.device) -> StateFile:
    """The state file of one model's training, `models/<model>/state/resume.pt`."""
    model = experiment.model(model_name)
    values = {
        "model": model.model_dump(mode="json"),
        "seed": experiment.training_seed,
        "input": experiment.input.model_dump(mode="json"),
        "compute": experiment.compute.model_dump(mode="json", exclude=set(WITHOUT_EFFECT)) | {"device": device.type},
        "dataset": read_json(paths.description)["fingerprint"],
        "code": code_digest("camagain.training.finetune", used={family_module(model.architecture) or ""}),
        "packages": package_versions(PACKAGES),
    }
    return StateFile(paths.model(model_name) / "state" / "resume.pt", flat(values))
