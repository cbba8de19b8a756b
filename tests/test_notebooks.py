"""Notebooks in docs/notebooks run as they stand, and their pictures are those that the documents show."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

NOTEBOOK = Path("docs/notebooks/first_look.py")
PICTURE = "first-look.png"


def folder_of(root: Path, tmp_path: Path) -> dict[str, str]:
    """Makes an empty folder look like the repository to the notebook, and returns the environment to run it in."""
    (tmp_path / "config").symlink_to(root / "config")
    return {**os.environ, "PYTHONPATH": str(root / "src")}


def test_the_first_notebook_runs_as_a_script(root: Path, tmp_path: Path):
    environment = folder_of(root, tmp_path)
    command = [sys.executable, str(root / NOTEBOOK)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "32 birds of 8 classes" in done.stdout and "MaxBoxAcc" in done.stdout and "pixels wide" in done.stdout
    made, shown = (
        np.asarray(Image.open(path).convert("RGB"), dtype=float)
        for path in (tmp_path / PICTURE, (root / NOTEBOOK).with_name(PICTURE))
    )
    assert made.shape == shown.shape
    assert np.abs(made - shown).mean() < 2, f"copy the new {PICTURE} to docs/notebooks"


def test_the_first_notebook_is_a_notebook(root: Path):
    """Jupytext reads it as text and code in turn."""
    jupytext = pytest.importorskip("jupytext", reason="needs the extra `docs`")
    cells = jupytext.read(root / NOTEBOOK).cells
    kinds = [cell.cell_type for cell in cells]
    assert kinds.count("code") >= 6 and kinds.count("markdown") >= 6 and kinds[0] == "markdown"
    assert not any(cell.source.startswith("# %%") for cell in cells)


def test_the_first_notebook_runs_in_a_kernel(root: Path, tmp_path: Path):
    jupytext = pytest.importorskip("jupytext", reason="needs the extra `docs`")
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient and ipykernel")
    pytest.importorskip("ipykernel", reason="needs nbclient and ipykernel")
    folder_of(root, tmp_path)
    notebook = jupytext.read(root / NOTEBOOK)
    client = nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    assert (tmp_path / PICTURE).is_file()
