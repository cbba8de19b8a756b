"""Stages as the command line does them, on a run that lies elsewhere."""

import sys
from pathlib import Path

import pytest

from camagain.artifacts import RunPaths
from camagain.cli import main
from camagain.config import Experiment
from camagain.config.file import parse_experiment
from camagain.paper.parts import PARTS, write_part

MODEL = "small-convnext"
STEPS = {
    "data": ("data",),
    "finetune": ("finetune", MODEL),
    "localize": ("localize", MODEL),
    "evaluate": ("evaluate", MODEL),
    "evaluate_baseline": ("evaluate", "baseline"),
    "gap": ("analyze", "gap", MODEL),
    "tables": ("paper", "--part", "tables"),
    "figures": ("paper", "--part", "figures"),
    "report": ("paper", "--part", "report"),
    "manifest": ("paper", "--part", "manifest"),
}
"""Of each stage the subcommand."""


def with_few_figures(experiment: Experiment, folder: Path) -> tuple[Experiment, RunPaths]:
    """An experiment of one analysis, whose figures are soon drawn, and its run from a run of more in a folder."""
    few = parse_experiment({**experiment.model_dump(mode="json"), "analysis": {"names": ["gap"]}}, "few figures")
    paths = few.paths(folder / "results", folder / "data")
    for part in PARTS:
        write_part(part, few, paths)
    return few, paths


def step(stage: str, paths: RunPaths, file: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit status of a stage's subcommand."""
    command, *arguments = STEPS[stage]
    places = ["--results", str(paths.results), "--data", str(paths.data)]
    monkeypatch.setattr(sys, "argv", ["camagain", command, str(file), *arguments, *places])
    try:
        main()
    except SystemExit as error:
        return int(error.code or 0)
    return 0
