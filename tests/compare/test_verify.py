"""Verifying a run against its manifest: each kind of damage is planted, and named as what it is."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from camagain.compare.reference import write_reference
from camagain.compare.runs.verify import LISTED, digest_of, text, verify_run
from camagain.errors import UserError

METRICS = "evaluation/small-resnet/cam/metrics.json"
WEIGHTS = "models/small-resnet/model.safetensors"
CARD = "models/small-resnet/model.json"


@pytest.fixture
def run(runs) -> Path:
    return runs[0]


@pytest.fixture
def reference(run: Path, tmp_path: Path) -> Path:
    write_reference(run, tmp_path / "reference")
    return tmp_path / "reference"


def listed(run: Path) -> dict:
    return json.loads((run / "manifest.json").read_text())["files"]


def test_a_run_as_it_was_made_is_intact(run: Path):
    found = verify_run(run)
    assert found.exit_code == 0
    assert (found.changed, found.gone, found.unlisted, found.weights, found.left_out) == ((), (), (), (), 0)
    assert found.intact == len(listed(run))
    assert found.size == sum(path.stat().st_size for file in listed(run) if (path := run / file))
    assert text(found).startswith(f"intact: all {found.intact} files of {run}")


@pytest.mark.parametrize("same_size", [True, False])
def test_a_changed_file_is_named(run: Path, same_size: bool):
    content = (run / METRICS).read_bytes()
    (run / METRICS).write_bytes(content[:-1] + b" " if same_size else content + b" ")
    found = verify_run(run)
    assert found.changed == (METRICS,)
    assert found.exit_code == 1
    assert f"changed: {METRICS}" in text(found)
    assert text(found).splitlines()[-1].startswith(f"NOT INTACT: {run}: 1 changed; {len(listed(run)) - 1} files are")


def test_a_file_that_is_gone_is_named(run: Path):
    (run / METRICS).unlink()
    found = verify_run(run)
    assert (found.gone, found.changed, found.exit_code) == ((METRICS,), (), 1)
    assert f"gone: {METRICS}" in text(found)


def test_a_file_that_the_manifest_does_not_list_is_named(run: Path):
    (run / "tables" / "more.csv").write_text("a\n1\n")
    (run / "seed-spread.csv").write_text("file,row,column,deviation,runs\n")
    found = verify_run(run)
    assert found.unlisted == ("seed-spread.csv", "tables/more.csv")
    assert found.exit_code == 1
    assert "not in the manifest: tables/more.csv" in text(found)


def test_logs_and_hidden_files_are_not_asked_for(run: Path):
    for file in ("logs/evaluate/new.log", ".hidden", "models/.snakemake_timestamp", ".cache/file"):
        (run / file).parent.mkdir(parents=True, exist_ok=True)
        (run / file).write_text("x")
    assert verify_run(run).exit_code == 0


def test_a_reference_is_intact_without_what_it_leaves_out(run: Path, reference: Path):
    (reference / "seed-spread.csv").write_text("file,row,column,deviation,runs\n")
    found = verify_run(reference)
    assert found.exit_code == 0
    assert found.left_out > 0
    assert found.intact + found.left_out == len(listed(run))
    assert f"{found.left_out} files are left out by design" in text(found)


def test_what_a_reference_should_have_is_gone_and_not_left_out(reference: Path):
    (reference / METRICS).unlink()
    assert verify_run(reference).gone == (METRICS,)


def test_a_file_that_is_there_although_it_was_left_out_has_to_be_that_of_the_run(run: Path, reference: Path):
    left_out = verify_run(reference).left_out
    (reference / WEIGHTS).write_bytes((run / WEIGHTS).read_bytes())
    found = verify_run(reference)
    assert (found.exit_code, found.left_out) == (0, left_out - 1)
    (reference / WEIGHTS).write_bytes(b"other")
    assert verify_run(reference).changed == (WEIGHTS,)


def test_a_card_that_names_other_weights_is_told_though_its_own_checksum_fits(run: Path, edit, seal: Callable):
    edit(run / CARD, "sha256", value="0" * 64)
    seal(run)
    found = verify_run(run)
    assert (found.changed, found.exit_code) == ((), 1)
    (weights,) = found.weights
    assert (weights.model, weights.card) == ("small-resnet", "0" * 64)
    assert weights.manifest == weights.file != weights.card
    assert "small-resnet: manifest " in text(found)
    assert "model.json 000000000000" in text(found)


def test_so_is_a_manifest_that_names_other_weights_and_so_are_swapped_weights(run: Path, edit, seal: Callable):
    edit(run / "manifest.json", "models", "small-convnext", "sha256", value="0" * 64)
    (run / WEIGHTS).unlink()
    (run / WEIGHTS).write_bytes(b"swapped")
    seal(run)
    found = verify_run(run)
    assert [weights.model for weights in found.weights] == ["small-convnext", "small-resnet"]
    assert found.weights[1].file not in (found.weights[1].card, None)


def test_a_reference_knows_the_weights_it_leaves_out(reference: Path, edit, seal: Callable):
    edit(reference / CARD, "sha256", value="0" * 64)
    seal(reference)
    (weights,) = verify_run(reference).weights
    assert weights.file == weights.manifest is not None


def test_a_damaged_card_is_a_changed_file_and_no_crash(run: Path):
    (run / CARD).write_bytes(b"\xff{")
    assert verify_run(run).changed == (CARD,)


def test_many_files_of_one_kind_are_counted(run: Path):
    for number in range(LISTED + 3):
        (run / f"new{number:02}.txt").write_text("x")
    lines = text(verify_run(run)).splitlines()
    assert len(lines) == LISTED + 2
    assert lines[LISTED] == "  ... and 3 more not in the manifest"


def test_the_digest_tells_how_many_bytes_were_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("camagain.compare.runs.verify.BLOCK", 4)
    (tmp_path / "file").write_bytes(b"0123456789")
    steps: list[int] = []
    digest = digest_of(tmp_path / "file", steps.append)
    assert digest == "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"  # sha256sum
    assert steps == [4, 4, 2]


def test_bad_input_is_named(run: Path, tmp_path: Path, edit):
    with pytest.raises(UserError, match="no such folder"):
        verify_run(tmp_path / "nowhere")
    with pytest.raises(UserError, match="not a finished run"):
        verify_run(tmp_path)
    edit(run / "manifest.json", "files", METRICS, value={"sha256": 7})
    with pytest.raises(UserError, match=r"the entry of evaluation/.* expected its sha256 and bytes"):
        verify_run(run)
    edit(run / "manifest.json", "files", value=["a"])
    with pytest.raises(UserError, match="its list of files is damaged"):
        verify_run(run)
    edit(run / "manifest.json", "schema", value=99)
    with pytest.raises(UserError, match="its schema is 99"):
        verify_run(run)
    (run / "manifest.json").write_text("{")
    with pytest.raises(UserError, match="not valid JSON"):
        verify_run(run)


@pytest.mark.parametrize("name", ["demo", "cub27"])
def test_the_committed_references_are_intact(root: Path, name: str):
    found = verify_run(root / "results" / "reference" / name)
    assert found.exit_code == 0, text(found)
    assert found.left_out > 0
