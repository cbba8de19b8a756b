"""Stages as the command line does them, on a run that lies elsewhere."""

import sys
from pathlib import Path

import pytest

from camagain.artifacts import RunPaths
from camagain.cli import main

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
