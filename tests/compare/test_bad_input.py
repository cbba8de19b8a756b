"""What is no run, is damaged, or contradicts itself is named, with what to do, and never compared."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from camagain.artifacts import sha256, write_csv
from camagain.compare.judging.comparison import compare_runs
from camagain.compare.reference import write_reference
from camagain.compare.runs.verify import verify_run
from camagain.errors import UserError

NEW = Path("new-reference")
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


OUTSIDE = [
    "tables/../../../../Snakefile",
    "../Snakefile",
    "/etc/passwd",
    "tables/./a.csv",
    "tables//a.csv",
    "",
    "tables\\..\\a.csv",
    "C:evil.csv",
    "tables/a\0.csv",
]


@pytest.mark.parametrize("place", ["files", "files_left_out"])
@pytest.mark.parametrize("file", OUTSIDE)
@pytest.mark.parametrize("use", [verify_run, lambda run: compare_runs(run, run), lambda run: write_reference(run, NEW)])
def test_a_manifest_that_lists_files_outside_the_run(runs, use, file: str, place: str, monkeypatch):
    monkeypatch.chdir(runs[0].parent)
    victim = runs[0].parent / "Snakefile"
    victim.write_text("ours")
    path = runs[0] / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest.setdefault(place, {})[file] = {"sha256": sha256(victim), "bytes": 4}
    path.write_text(json.dumps(manifest))
    with pytest.raises(UserError, match="no path inside the run"):
        use(runs[0])
    assert victim.read_text() == "ours" and not NEW.exists()


@pytest.mark.parametrize("linked", ["tables/localization.csv", "tables"])
@pytest.mark.parametrize("use", [verify_run, lambda run: compare_runs(run, run), lambda run: write_reference(run, NEW)])
def test_a_link_that_leads_out_of_the_run(runs, use, linked: str, monkeypatch):
    monkeypatch.chdir(runs[0].parent)
    (runs[0] / linked).rename("elsewhere")
    (runs[0] / linked).symlink_to(Path("elsewhere").resolve())
    with pytest.raises(UserError, match="leads out of"):
        use(runs[0])
    assert not NEW.exists()


def test_links_inside_a_run_and_to_a_run_are_fine(runs, tmp_path: Path):
    (runs[0] / SCORES).rename(runs[0] / "kept.json")
    (runs[0] / SCORES).symlink_to(runs[0] / "kept.json")
    (tmp_path / "link").symlink_to(runs[0])
    assert verify_run(tmp_path / "link").changed == ()


@pytest.mark.parametrize("name", ["../data", "/data", "", None, 7])
def test_a_dataset_whose_name_is_a_path(runs, edit, name):
    edit(runs[0] / "manifest.json", "dataset", "name", value=name)
    with pytest.raises(UserError, match="the name of its dataset is"):
        compare_runs(*runs)
