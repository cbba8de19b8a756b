"""Reading and writing experiment files: every fault is one line that names the key."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from camagain.artifacts import readable
from camagain.config import Experiment
from camagain.config.faults import explain
from camagain.config.names import check_names
from camagain.errors import UserError


def parse_experiment(values: Any, source: str) -> Experiment:
    """Validates a plain mapping; every fault becomes one line: the key, what was found, what was expected."""
    if not isinstance(values, dict):
        found = "nothing" if values is None else type(values).__name__
        raise UserError(f"{source}: found {found}, expected a mapping of keys such as run, dataset, models")
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
    experiment = parse_experiment(read_yaml(path), str(path))
    try:
        check_names(experiment)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return experiment


def read_yaml(path: Path) -> Any:
    """The values of a YAML file, or of standard input where the path is "-"; UserError for a key that stands twice."""
    try:
        content = sys.stdin.buffer.read() if str(path) == "-" else existing_config(path).read_bytes()
        return yaml.load(content.decode("utf-8-sig"), UniqueKeys)
    except (yaml.YAMLError, ValueError, RecursionError, OSError) as error:  # ValueError: no UTF-8, or no such date
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        fault = getattr(error, "problem", None) or " ".join(str(error).split())
        raise UserError(f"{path}{where}: not valid YAML: {fault}") from None


class UniqueKeys(yaml.SafeLoader):
    """Plain values alone, and no key twice: YAML itself would take the last of them without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        """A mapping; ConstructorError, with the line, for a key that occurs again."""
        first: dict[str, int] = {}
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in first:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key.value}' occurs again, first in line {first[key.value]}", key.start_mark
                )
            first[key.value] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)


def existing_config(path: Path) -> Path:
    """The path itself if a file lies there, else a UserError that lists the experiments nearby."""
    path = Path(path)
    if path.is_file():
        return readable(path)
    folder = path if path.is_dir() else path.parent
    near = sorted(str(candidate) for candidate in folder.glob("*.yaml")) if folder.is_dir() else []
    raise UserError(
        f"{path}: {'is a folder, expected an' if path.is_dir() else 'no such'} experiment file."
        + (f" In that folder: {', '.join(near)}" if near else "")
    )


def dump_experiment(experiment: Experiment) -> str:
    """The experiment as YAML with every default written out; loading it gives the same experiment."""
    return yaml.safe_dump(experiment.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=120)
