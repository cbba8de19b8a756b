"""A wrong call of make is refused in one sentence, before anything else is read or made."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

FILES: dict[str, Callable[[Path], object]] = {
    "no such experiment file. In that folder: other.yaml": lambda path: None,
    "is a folder, expected an experiment file": Path.mkdir,
    "found nothing, expected a mapping": Path.touch,
    "found list, expected a mapping": lambda path: path.write_text("- run: x\n"),
    "line 2: not valid YAML: ": lambda path: path.write_text("run: [x\nseed: 0\n"),
    "not valid YAML: 'utf-8' codec": lambda path: path.write_bytes(b"run: \xff\n"),
    "the experiment is not valid": lambda path: path.write_text('{"figures": {}}'),  # as metrics.json of a run
}
"""What is said of a file, and how it is made."""


@pytest.fixture
def place(root: Path, tools: Path, tmp_path: Path) -> Path:
    """A folder with the Makefile, whose environment is there already, and nothing else to make."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(root / name, tmp_path)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(tools)
    (tmp_path / ".venv" / ".ok").touch()
    (tmp_path / "other.yaml").touch()
    return tmp_path


def refused(place: Path, *arguments: str) -> list[str]:
    """What make says of a call that it refuses, without its own last line."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "--no-print-directory", *arguments]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2 and not done.stdout and "Traceback" not in done.stderr
    assert not (place / "results").exists() and not (place / ".snakemake").exists()
    return [line for line in done.stderr.splitlines() if not line.startswith("make: *** [")]


@pytest.mark.parametrize("says", FILES)
def test_a_wrong_experiment_is_one_sentence(place: Path, says: str):
    FILES[says](place / "mine.yaml")
    first, *more = refused(place, "results", "EXPERIMENT=mine.yaml")
    assert first.startswith("camagain: mine.yaml") and says in first
    assert not more or says == "the experiment is not valid"  # which lists every key


def test_a_variable_that_nothing_reads_is_refused(place: Path):
    (line,) = refused(place, "results", "CONFIG=mine.yaml")
    assert line.startswith("Makefile:") and "nothing here is called CONFIG; there are EXPERIMENT, " in line
