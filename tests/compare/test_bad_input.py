"""What is no run, is damaged, or contradicts itself is named, with what to do, and never compared."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from camagain.artifacts import write_csv
from camagain.compare.judging.comparison import compare_runs
from camagain.errors import UserError

SCORES = "evaluation/small-resnet/cam/metrics.json"


def test_a_folder_that_is_no_run(runs, tmp_path: Path):
    with pytest.raises(UserError, match="no such folder"):
        compare_runs(tmp_path / "nothing", runs[1])
    with pytest.raises(UserError, match="not a finished run"):
        compare_runs(tmp_path, runs[1])
    (runs[0] / "manifest.json").unlink()
    (runs[0] / "experiment.yaml").touch()
    with pytest.raises(UserError, match="was begun and not finished"):
        compare_runs(*runs)


def test_a_manifest_of_another_version(runs, edit):
    edit(runs[0] / "manifest.json", "schema", value=99)
    with pytest.raises(UserError, match="its schema is 99, not 1"):
        compare_runs(*runs)


@pytest.mark.parametrize("content", [b"[]", b"{", b'{"schema": 1}', b"\xff\xfe\x80"])
def test_a_manifest_that_is_none(runs, content: bytes):
    (runs[0] / "manifest.json").write_bytes(content)
    with pytest.raises(UserError, match=r"manifest\.json"):
        compare_runs(*runs)


def test_a_file_that_changed_since_its_manifest(runs):
    (runs[1] / SCORES).write_text((runs[1] / SCORES).read_text() + " ")
    with pytest.raises(UserError, match="changed since its manifest was written"):
        compare_runs(*runs)


def test_nan_in_a_score(runs, seal: Callable[[Path], None]):
    (runs[0] / SCORES).write_text((runs[0] / SCORES).read_text().replace('"value": ', '"value": NaN, "was": ', 1))
    seal(runs[0])
    with pytest.raises(UserError, match="is nan; expected a number"):
        compare_runs(*runs)


@pytest.mark.parametrize("file", ["evaluation/small-resnet/cam/images.parquet", "localization/small-resnet/maps.npz"])
def test_a_truncated_file(runs, seal: Callable[[Path], None], file: str):
    images = runs[1] / "evaluation/small-resnet/cam/images.parquet"
    table = pd.read_parquet(images)
    table.assign(iou=0.0).to_parquet(images)  # so that the maps are looked at
    path = runs[1] / file
    path.write_bytes(path.read_bytes()[:200])
    seal(runs[1])
    with pytest.raises(UserError, match="not a readable"):
        compare_runs(*runs)


def test_a_key_that_occurs_twice(runs, seal: Callable[[Path], None]):
    path = runs[1] / "tables" / "paired-tests.csv"
    rows = pd.read_csv(path)
    write_csv(path, pd.concat([rows, rows.iloc[:1]]))
    seal(runs[1])
    with pytest.raises(UserError, match=r"tables/paired-tests\.csv of the second run: the row kind=.* occurs twice"):
        compare_runs(*runs)


def test_a_column_that_identifies_rows_is_gone(runs, seal: Callable[[Path], None]):
    path = runs[1] / "tables" / "paired-tests.csv"
    write_csv(path, pd.read_csv(path).drop(columns="model_b"))
    seal(runs[1])
    with pytest.raises(UserError, match="no column model_b"):
        compare_runs(*runs)


def test_the_command_says_so_on_one_line_and_exits_with_2(runs, tools: Path):
    (runs[0] / "manifest.json").write_text(json.dumps({"schema": 7}))
    done = subprocess.run([tools / "camagain", "compare", *runs], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("camagain: ")
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
