"""Reading and writing experiment files: every fault is one line that names the key."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from camagain.config import Experiment
from camagain.config.faults import explain
from camagain.errors import UserError


def parse_experiment(values: Any, source: str) -> Experiment:
    """Validates a plain mapping; every fault becomes one line: the key, what was found, what was expected."""
    if not isinstance(values, dict):
        raise UserError(
            f"{source}: found {type(values).__name__}, expected a mapping of keys such as run, dataset, models"
        )
    # By name, since they lie above: an incomplete module there is refused before any job.
    import_module("camagain.families")
    import_module("camagain.paper.registry").check_exhibits()
    try:
        return Experiment.model_validate(values)
    except ValidationError as error:
        lines = [f"{source}: the experiment is not valid.", *(f"  {line}" for line in explain(error, Experiment))]
        raise UserError("\n".join(lines)) from None


def load_experiment(path: Path) -> Experiment:
    """Reads and validates an experiment file, or standard input where the path is "-"."""
    try:
        values = yaml.safe_load(sys.stdin if str(path) == "-" else existing_config(path).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {error}") from None
    return parse_experiment(values, str(path))


def existing_config(path: Path) -> Path:
    """The path itself if a file lies there, else a UserError that lists the experiments nearby."""
    path = Path(path)
    if path.is_file():
        return path
    near = sorted(str(candidate) for candidate in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
    raise UserError(f"{path}: no such experiment file." + (f" In that folder: {', '.join(near)}" if near else ""))


def dump_experiment(experiment: Experiment) -> str:
    """The experiment as YAML with every default written out; loading it gives the same experiment."""
    return yaml.safe_dump(experiment.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=120)
