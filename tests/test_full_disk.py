"""Every stage on a disk that is full or read-only: one sentence, nothing half-written, and the rerun goes on."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from camagain.artifacts import sha256
from camagain.config.file import dump_experiment
from camagain.lineage import Lineage, Work
from tests.steps import MODEL, STEPS, step


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file system of 48 MB of its own; skips where it cannot be mounted."""
    folder = tmp_path_factory.mktemp("disk")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)], capture_output=True)
    if done.returncode:
        pytest.skip("needs the right to mount a small tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def run(disk: Path, few_figures) -> Iterator[tuple[Lineage, Path]]:
    """A finished run on that disk, and its experiment file."""
    experiment, made = few_figures
    shutil.copytree(made.results, disk / "results")
    shutil.copytree(made.data, disk / "data")
    paths = experiment.paths(disk / "results", disk / "data")
    file = disk / "tiny.yaml"
    file.write_text(dump_experiment(experiment))
    yield Lineage(experiment, paths), file


def fill(disk: Path) -> Path:
    """A file that takes all the room that is left."""
    path = disk / "everything else"
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                pass
    return path


@pytest.mark.parametrize("stage", STEPS)
@pytest.mark.parametrize("trouble", ["full", "read-only"])
def test_one_sentence_nothing_half_written_and_the_rerun_goes_on(
    run, disk: Path, stage: str, trouble: str, monkeypatch, capsys: pytest.CaptureFixture
):
    lineage, experiment_file = run
    files = lineage.files(Work(stage, MODEL if MODEL in STEPS[stage] else ""))
    before = {path: sha256(path) for path in files.values()}
    records = {path for path in before if re.search(r"report.html|manifest.json|model.json|speed|\.pdf$", str(path))}
    for path in before:
        path.unlink()
    if trouble == "full":
        filler = fill(disk)
    else:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    try:
        code = step(stage, lineage.paths, experiment_file, monkeypatch)
        said = capsys.readouterr().err
    finally:
        if trouble == "full":
            filler.unlink()
        else:
            subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    assert code == 2, said
    assert {path for path in before.keys() - records if path.is_file() and sha256(path) != before[path]} == set()
    (line,) = [line for line in said.splitlines() if line.startswith("camagain: ")]
    assert ("The disk is full. Make room" if trouble == "full" else "cannot be written to") in line
    assert "Traceback" not in said
    assert step(stage, lineage.paths, experiment_file, monkeypatch) == 0, capsys.readouterr().err
    assert {path for path in before if not path.is_file()} == set()
    assert {path for path in before.keys() - records if sha256(path) != before[path]} == set()
