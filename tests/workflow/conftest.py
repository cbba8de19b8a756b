"""A working copy of the project in which workflow tests run: its own data, results and metadata."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import yaml

from camagain.evaluation.boxes import best_ious_by_contours
from tests.workflow.template import Template, template

COPIED = ("Snakefile", "workflow", "profiles", "dvc.yaml", ".dvcignore", "config", "src", "pyproject.toml")

Run = Callable[..., subprocess.CompletedProcess]


@pytest.fixture(scope="module")
def checkout(root: Path, tmp_path_factory: pytest.TempPathFactory, tiny_values: dict) -> Path:
    """A copy of the project whose default experiment is the tiny one, without a commit history."""
    return copy_of(root, tmp_path_factory.mktemp("checkout") / "project", tiny_values)


def copy_of(root: Path, folder: Path, values: dict) -> Path:
    """A copy of the project in a new folder, with another default experiment."""
    compile_loops()
    folder.mkdir()
    for name in COPIED:
        source = root / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("*.egg-info"))
        else:
            shutil.copy(source, folder / name)
    (folder / ".gitignore").write_text("/data/\n/results/\n/.snakemake/\n__pycache__/\n")
    (folder / "config" / "config.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    return folder


@cache
def compile_loops() -> None:
    """Leaves the machine code of the search for boxes beside the sources, where copies of them take it along.

    Otherwise the first job in each copy compiles it anew, which takes 20 seconds of CPU time.
    """
    best_ious_by_contours([np.eye(8)], [np.array([[1, 2, 6, 7]])], np.array([0.5]))


@pytest.fixture(scope="module")
def run(checkout: Path, run_in: Callable[[Path], Run]) -> Run:
    """Runs a command in the checkout."""
    return run_in(checkout)


@pytest.fixture(scope="module")
def taken_over(checkout: Path, tiny_run, run: Run) -> Path:
    """The checkout with the tiny run, which the library made and Snakemake has taken over."""
    _, paths = tiny_run
    shutil.copytree(paths.root, checkout / "results" / "tiny")
    shutil.copytree(paths.data, checkout / "data")
    run("snakemake", "--touch", "--forceall", "--cores", "1")  # writes the notes of every job
    return checkout


@pytest.fixture(scope="session")
def planner() -> Iterator[Template]:
    """Answers `snakemake -n`."""
    with template() as found:
        yield found


@pytest.fixture(scope="session")
def run_in(tools: Path, planner: Template) -> Callable[[Path], Run]:
    """Makes, for a working copy, the function that runs commands in it, with its sources first on Python's path."""
    return lambda folder: runner(folder, tools, planner)


def environment_of(folder: Path, tools: Path) -> dict[str, str]:
    """The environment of commands in a working copy: its sources come first on Python's path."""
    return {
        **os.environ,
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder / "src"),
        "GIT_AUTHOR_NAME": "test",
        "GIT_AUTHOR_EMAIL": "test@example.org",
        "GIT_COMMITTER_NAME": "test",
        "GIT_COMMITTER_EMAIL": "test@example.org",
    }


def runner(folder: Path, tools: Path, planner: Template | None = None) -> Run:
    """A function that runs commands in a folder; where there is a `planner`, it makes the plans."""
    environment = environment_of(folder, tools)

    def call(*command: str, succeeds: bool = True, seconds: float = 900) -> subprocess.CompletedProcess:
        if planner and command[:2] == ("snakemake", "-n"):
            done = planner.plan(command, folder, environment, seconds)
        else:
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds)
        output = done.stdout + done.stderr
        assert not succeeds or done.returncode == 0, f"{' '.join(command)} exited {done.returncode}:\n{output[-4000:]}"
        return done

    return call
