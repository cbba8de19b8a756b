"""`camagain runs`: a row for each run, finished, begun, damaged or kept as a reference."""

import json
import subprocess
from pathlib import Path

import pytest

from camagain.compare.runs.index import COLUMNS, FINISHED, UNFINISHED, as_json, in_words, runs_in
from camagain.errors import UserError


@pytest.fixture
def results(root: Path, tmp_path: Path) -> Path:
    """Two references, one without its scores' manifest, one begun run, one damaged, and a folder that is no run."""
    for name in ("begun", "damaged", "no-run"):
        (tmp_path / name).mkdir()
    (tmp_path / "begun" / "experiment.yaml").write_text("run: begun\n")
    (tmp_path / "damaged" / "manifest.json").write_text('{"schema": 99}')
    (tmp_path / "reference").symlink_to(root / "results" / "reference")
    return tmp_path


def test_every_run_has_a_row(results: Path, root: Path):
    table = runs_in(results)
    rows = table.set_index("run")
    names = {Path(name).name for name in rows.index}
    assert names == {"begun", "damaged", *(path.parent.name for path in root.glob("results/reference/*/manifest.json"))}
    demo = rows.loc[f"{results}/reference/demo"]
    assert (demo["state"], demo["dataset"], demo["images"], demo["models"]) == (FINISHED, "synthbirds", 320, 4)
    scores = [
        json.loads(path.read_text())["figures"]["max_box_acc"]["value"]
        for path in (results / "reference" / "demo" / "evaluation").glob("*/cam/metrics.json")
    ]
    assert demo["cam"] == f"{min(scores):.1f} to {max(scores):.1f}"
    assert rows.loc[f"{results}/begun", "state"] == UNFINISHED
    assert "its schema is 99" in rows.loc[f"{results}/damaged", "state"]
    assert list(table["written"].dropna()) == sorted(table["written"].dropna(), reverse=True), "the newest first"


def test_the_table_reads_well_and_is_data(results: Path, tools: Path):
    table = runs_in(results)
    lines = in_words(table).splitlines()
    assert len(lines) == 1 + len(table) and lines[0].split() == list(COLUMNS)
    assert len(json.loads(as_json(table))) == len(table)
    done = subprocess.run([tools / "camagain", "runs", results, "--json", "-"], capture_output=True, text=True)
    assert json.loads(done.stdout) == json.loads(as_json(table))


def test_a_folder_without_runs_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="holds no run"):
        runs_in(tmp_path)
    with pytest.raises(UserError, match="no such folder"):
        runs_in(tmp_path / "gone")
