"""Machines unlike this one: how they start processes, what their devices lack, and homes that cannot be written to."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

PICKLED = """
import multiprocessing
import sys
from pathlib import Path

if __name__ == "__main__":
    multiprocessing.set_start_method("forkserver")
    multiprocessing.set_forkserver_preload(["camagain.training.finetune", "camagain.localization.extract"])
    from camagain.analysis.kit.run import analyze
    from camagain.config.file import load_experiment
    from camagain.localization.extract import localize
    from camagain.training.finetune import finetune

    experiment = load_experiment(Path(sys.argv[1]))
    paths = experiment.paths(Path(sys.argv[2]), Path(sys.argv[3]))
    finetune(experiment, "small-convnext", paths)
    localize(experiment, "small-convnext", paths)
    analyze(experiment, "texture", "small-convnext", paths)
"""
"""What macOS and Windows do with processes that read images: everything that they are given is pickled. They start each
one from nothing; here, all begin with the libraries loaded."""


def test_processes_that_share_no_memory_read_the_same_images(tiny_run, tmp_path: Path):
    experiment, paths = tiny_run
    values = experiment.model_dump(mode="json")
    values["compute"]["workers"] = 1
    (tmp_path / "experiment.yaml").write_text(yaml.safe_dump(values))
    (tmp_path / "pickled.py").write_text(PICKLED)
    command = [sys.executable, "pickled.py", "experiment.yaml", "results", str(paths.data)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    for file in (
        "models/small-convnext/model.safetensors",
        "localization/small-convnext/maps.npz",
        "analysis/texture/small-convnext/table.csv",
    ):
        assert (tmp_path / "results" / "tiny" / file).read_bytes() == (paths.root / file).read_bytes(), file


def test_a_device_without_decompositions_has_them_made_on_the_cpu(tiny_run, tmp_path, monkeypatch):
    """Apple's GPU: its `eigh` raises, and the one that follows is that of the CPU."""
    from camagain.localization.extract import localize

    experiment, paths = tiny_run
    real, calls = torch.linalg.eigh, []

    def lacking(matrices: torch.Tensor):
        calls.append(len(calls) % 2)
        if calls[-1] == 0:
            raise NotImplementedError("The operator 'aten::_linalg_eigh.eigenvalues' is not implemented for MPS")
        return real(matrices)

    monkeypatch.setattr(torch.linalg, "eigh", lacking)
    there = experiment.paths(tmp_path, paths.data)
    there.root.mkdir(parents=True)
    (there.root / "models").symlink_to(paths.root / "models")
    localize(experiment, "small-resnet", there)
    assert calls
    found, expected = (np.load(run.localization("small-resnet") / "maps.npz") for run in (there, paths))
    assert all(np.array_equal(found[name], expected[name]) for name in expected.files)


@pytest.mark.parametrize("home", ["/dev/null", None], ids=["not a folder", "unset"])
def test_make_needs_no_home(root: Path, home: str | None):
    """Snakemake fails without a place for its cache; `make` gives it one."""
    environment = {key: value for key, value in os.environ.items() if key not in ("HOME", "XDG_CACHE_HOME")}
    if home:
        environment["HOME"] = home
    command = ["make", "--no-print-directory", "--eval", "cache:\n\t@echo $$XDG_CACHE_HOME", "cache"]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == str(root / ".snakemake" / "cache"), done.stderr
