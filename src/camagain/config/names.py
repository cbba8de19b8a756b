"""Whether timm knows the networks and optimisers of an experiment, read from its source.

timm brings torch, whose import takes seconds, and an experiment is read by every command. So the names are looked up in
the files that register them, which takes some hundredths of a second. What the names stand for is checked where they
are used.
"""

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from camagain.config.experiment import Experiment, Model
from camagain.errors import UserError, nearest

OURS = Path(__file__).parents[1] / "models" / "families"
"""The folder of the files that register networks with timm."""

NETWORK = re.compile(r"^@register_model\s*\ndef (\w+)\(", re.MULTILINE)
OPTIMIZER = re.compile(r"(?:\bname=|OptimInfo\(\s*)['\"](\w+)['\"]")


def check_names(experiment: Experiment) -> None:
    """UserError for the first network or optimiser that timm does not have; without timm nothing is checked."""
    for model in experiment.models:
        name = model.architecture.partition(".")[0]
        if _networks() and f"@register_model\ndef {name}(" not in _networks() and not _quoted(name, _networks()):
            raise UserError(
                f"models.{model.name}.architecture: unknown architecture '{model.architecture}'."
                f"{nearest(name, NETWORK.findall(_networks()))} `camagain doctor --models` lists all."
            )
        optimizer = model.training.optimizer.lower()
        if _optimizers() and not _quoted(optimizer, _optimizers()):
            raise UserError(
                f"models.{model.name}.training.optimizer: timm has no '{model.training.optimizer}'."
                f"{nearest(optimizer, OPTIMIZER.findall(_optimizers()))}"
            )


def _quoted(name: str, text: str) -> bool:
    """Whether a name stands in quotes in some source: networks under old names and optimisers do."""
    return name.isidentifier() and (f"'{name}'" in text or f'"{name}"' in text)


@cache
def _networks() -> str:
    """The source of every file that registers networks; empty where timm is not installed."""
    timm = _timm("models")
    places = (timm, OURS) if timm else ()
    return "\n".join(path.read_text(encoding="utf-8") for place in places for path in sorted(place.glob("*.py")))


@cache
def _optimizers() -> str:
    """The source of the file that registers optimisers; empty where it is not there."""
    folder = _timm("optim")
    file = folder / "_optim_factory.py" if folder else None
    return file.read_text(encoding="utf-8") if file and file.is_file() else ""


def _timm(part: str) -> Path | None:
    """A folder of timm's source; None where timm is not installed. Nothing of it is run."""
    found = find_spec("timm")
    return Path(found.origin).parent / part if found and found.origin else None


def existing_checkpoint(model: Model) -> Path | None:
    """The file of a user's own weights, None for a model that starts from others; UserError where it is not there."""
    if model.checkpoint is not None and not model.checkpoint.is_file():
        raise UserError(
            f"models.{model.name}.checkpoint: {model.checkpoint} is not there. Put the file there, or name another."
        )
    return model.checkpoint
