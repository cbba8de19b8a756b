"""References: small, complete where it matters, honest about what they leave out, and never in place of a run."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from camagain.artifacts import SEED_SPREAD, sha256, write_csv, write_parquet
from camagain.compare.judging.comparison import compare_runs
from camagain.compare.judging.joined import key_types
from camagain.compare.judging.kinds import is_value
from camagain.compare.judging.rows import row_texts
from camagain.compare.judging.spread import seed_spread, spread_tables
from camagain.compare.judging.stacks import stacked
from camagain.compare.judging.verdicts import Verdict
from camagain.compare.reference import write_reference
from camagain.compare.runs.folder import RunFolder
from camagain.drawing.empty import is_empty
from camagain.drawing.seeds import TRAINING_SEED
from camagain.errors import UserError
from tests.conftest import copy_run

SCORE = "evaluation/small-resnet/cam/metrics.json"
IMAGES = "evaluation/small-resnet/cam/images.parquet"
WEIGHTS = "models/small-resnet/model.safetensors"


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def manifest_of(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


def set_score(run: Path, value: float, figure: str = "max_box_acc") -> None:
    content = json.loads((run / SCORE).read_text())
    content["figures"][figure]["value"] = value
    (run / SCORE).write_text(json.dumps(content))


@pytest.fixture
def seeds(runs, tmp_path: Path, edit) -> list[Path]:
    """Three copies of the tiny run whose seeds are 0, 1 and 2, and nothing else differs."""
    folders = [*runs, tmp_path / "c"]
    copy_run(runs[0], folders[2])
    for seed, run in enumerate(folders):
        edit(run / "manifest.json", "experiment", "seed", value=seed)
        edit(run / "manifest.json", "experiment", "seeds", value=[seed])
        edit(run / "manifest.json", "experiment", "run", value=f"tiny-{seed}")
    return folders


def test_a_reference_holds_small_results_only_and_lists_the_rest(runs, tmp_path: Path):
    target = tmp_path / "reference"
    write_reference(runs[0], target)
    kept, run = manifest_of(target), manifest_of(runs[0])
    assert files_of(target) == {*kept["files"], "manifest.json"}
    assert {SCORE, IMAGES, "tables/localization.md", "figures/heatmaps.png", "claims.json"} <= set(kept["files"])
    assert "analysis/interventions/small-convnext/shrunk/table.csv" in kept["files"]
    assert not [file for file in kept["files"] if file.endswith((".npz", ".safetensors", ".html", ".pdf"))]
    assert {WEIGHTS, "localization/small-resnet/maps.npz", "report.html"} <= set(kept["files_left_out"])
    assert not kept["files"].keys() & kept["files_left_out"].keys()
    assert kept["files"] | kept["files_left_out"] == run["files"]
    assert {key: value for key, value in kept.items() if not key.startswith("files")} == {
        key: value for key, value in run.items() if key != "files"
    }


def test_a_run_agrees_with_its_reference_also_where_the_reference_has_no_file(runs, tmp_path: Path):
    write_reference(runs[0], tmp_path / "reference")
    comparison = compare_runs(runs[1], tmp_path / "reference")
    assert comparison.exit_code() == 0
    assert {table.verdict for table in comparison.tables} <= {Verdict.IDENTICAL_BYTES, Verdict.IDENTICAL_VALUES}


def test_images_are_compared_with_a_reference(runs, seal: Callable, tmp_path: Path):
    write_reference(runs[0], tmp_path / "reference")
    images = pd.read_parquet(runs[1] / IMAGES)
    images.loc[3, "iou"] = 1.0
    write_parquet(runs[1] / IMAGES, images)
    seal(runs[1])
    found = next(
        images
        for images in compare_runs(runs[1], tmp_path / "reference").images
        if (images.model, images.method) == ("small-resnet", "cam")
    )
    assert found.moved == 1
    assert found.worst[0].image_id == images.loc[3, "image_id"]


def test_pictures_of_photographs_stay_out_and_are_listed_as_left_out(runs, edit, tmp_path: Path):
    edit(runs[0] / "manifest.json", "experiment", "dataset", "kind", value="cub-folder")
    write_reference(runs[0], tmp_path / "reference")
    files = files_of(tmp_path / "reference")
    assert "figures/heatmaps.png" not in files
    assert "figures/threshold-curves.png" in files
    assert "figures/heatmaps.png" in manifest_of(tmp_path / "reference")["files_left_out"]


def test_a_reference_can_be_made_of_a_reference(runs, tmp_path: Path):
    write_reference(runs[0], tmp_path / "one")
    write_reference(tmp_path / "one", tmp_path / "two")
    assert manifest_of(tmp_path / "one") == manifest_of(tmp_path / "two")


def test_an_old_reference_is_replaced_and_its_spread_stays(runs, tmp_path: Path):
    target = tmp_path / "reference"
    target.mkdir()
    spread = "file,row,column,deviation,runs\nscores,model=small-resnet; method=cam; figure=max_box_acc,value,50,3\n"
    (target / SEED_SPREAD).write_text(spread)
    (target / "old.json").write_text("{}")
    write_reference(runs[0], target)
    assert (target / SEED_SPREAD).read_text() == spread
    assert "old.json" not in files_of(target)


def test_a_file_that_changed_since_its_manifest_is_refused_and_nothing_is_written(runs, tmp_path: Path):
    target = tmp_path / "reference"
    write_reference(runs[1], target)
    before = {file: sha256(target / file) for file in files_of(target)}
    set_score(runs[0], 1.0)
    with pytest.raises(UserError, match=r"metrics\.json: changed since its manifest"):
        write_reference(runs[0], target)
    assert {file: sha256(target / file) for file in files_of(target)} == before
    assert not list(tmp_path.glob(".*"))


def test_a_file_that_is_gone_is_refused(runs, tmp_path: Path):
    (runs[0] / SCORE).unlink()
    with pytest.raises(UserError, match=r"metrics\.json: gone"):
        write_reference(runs[0], tmp_path / "reference")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("a", "cannot be its own reference"),
        ("a/reference", "lies in the other"),
        (".", "lies in the other"),
        ("b", "it is a run and no reference"),
        ("letters", "it is no reference"),
        ("letters/mine.txt", "a file; expected a folder"),
    ],
)
def test_a_target_that_is_no_reference_is_left_alone(runs, tmp_path: Path, target: str, message: str):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "mine.txt").write_text("mine")
    before = files_of(tmp_path)
    with pytest.raises(UserError, match=message):
        write_reference(runs[0], tmp_path / target)
    assert files_of(tmp_path) == before


def test_a_run_with_another_seed_is_no_target_either(seeds, tmp_path: Path):
    with pytest.raises(UserError, match="its own reference"):
        write_reference(seeds[0], seeds[1], seeds[1:])
    assert (seeds[1] / WEIGHTS).is_file()


def test_the_spread_is_the_sample_deviation_over_all_runs(seeds, seal: Callable, tmp_path: Path):
    for run, value in zip(seeds, (50.0, 53.0, 56.0), strict=True):
        set_score(run, value)
        seal(run)
    target = tmp_path / "reference"
    write_reference(seeds[0], target, seeds[1:])
    table = pd.read_csv(target / SEED_SPREAD)
    assert list(table.columns) == ["file", "row", "column", "deviation", "runs"]
    (row,) = table.itertuples(index=False)  # nothing else differs, and what does not differ is not kept
    assert tuple(row) == ("scores", "model=small-resnet; method=cam; figure=max_box_acc", "value", 3.0, 3)


def test_the_spread_is_what_scores_and_analyses_of_other_weights_are_held_against(
    seeds, seal: Callable, retrain, tmp_path
):
    file = "analysis/erf/small-resnet/table.csv"
    for run, factor in zip(seeds[:2], (1.0, 1.5), strict=True):
        table = pd.read_csv(run / file)
        write_csv(run / file, table.assign(area_ratio=table["area_ratio"] * factor))
        set_score(run, 20.0 * factor)
        retrain(run, "small-resnet")
        if factor > 1:
            retrain(run, "small-resnet")
        seal(run)
    write_reference(seeds[0], tmp_path / "reference", [seeds[1]])
    comparison = compare_runs(seeds[1], tmp_path / "reference")
    assert comparison.exit_code() == 0
    (row,) = comparison.scores.rows
    assert (row.source, row.a, row.b) == ("spread over seeds", 30.0, 20.0)
    assert row.tolerance == pytest.approx(12.7062 * 2**0.5 * 100 / 12)  # one degree of freedom, at least one image
    rows = next(table for table in comparison.tables if table.file == file).rows
    assert {(row.column, row.source, row.verdict) for row in rows} == {
        ("area_ratio", "spread over seeds", Verdict.WITHIN_TOLERANCE)
    }
    assert len(rows) == len(table)
    assert {(found.model, found.analysis) for found in comparison.decisions} == {
        ("small-resnet", ""), ("small-resnet", "erf")
    }  # fmt: skip


def test_rows_are_named_as_a_comparison_looks_them_up(tiny_run):
    run = RunFolder.open(tiny_run[1].root)
    files = spread_tables([run, run])
    assert len(files) > 20
    for file, kind in files.items():
        table = run.csv(file)
        if not is_empty(table):
            stack = stacked(kind, [file], [(table, table)])
            keys = [key for key in kind.keys if key != TRAINING_SEED]
            assert row_texts(table.astype(key_types(table, table, keys)), keys) == stack.spread_texts, file


def test_repetitions_are_counted_from_the_seed_of_each_run(seeds, seal: Callable):
    file = "analysis/initialization/small-resnet/table.csv"
    for seed, run in enumerate(seeds):
        table = pd.read_csv(run / file)
        write_csv(run / file, table.assign(weights_seed=table["weights_seed"] + seed, value=table["value"] + seed))
        seal(run)
    found = seed_spread([RunFolder.open(run) for run in seeds])
    of_file = found[found["file"] == file]
    assert set(of_file["column"]) == {"value"}
    assert of_file["deviation"].to_numpy() == pytest.approx(1.0, rel=1e-5)
    assert len(of_file) == table["value"].notna().sum()
    assert any("weights_seed=0" in row for row in of_file["row"])
    assert not any("weights_seed=2" in row for row in of_file["row"])


def test_curves_examples_and_by_products_have_no_spread(seeds, seal: Callable):
    shifted = {
        "evaluation/small-resnet/cam/curve.csv": ["box_acc_percent"],
        "figures/threshold-curves.csv": ["box_acc_percent"],
        "figures/heatmaps.csv": ["iou"],
        "tables/localization.csv": ["value_percent", "low_percent", "threshold"],
        "models/small-resnet/history.csv": ["train_loss"],
    }
    for number, run in enumerate(seeds):
        for file, columns in shifted.items():
            table = pd.read_csv(run / file)
            table[columns] += number
            write_csv(run / file, table)
        seal(run)
    found = seed_spread([RunFolder.open(run) for run in seeds])
    assert set(zip(found["file"], found["column"], strict=True)) == {
        ("tables/localization.csv", "value_percent"),
        ("models/small-resnet/history.csv", "train_loss"),
    }


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("low", False), ("high_points", False), ("top1_low_percent", False), ("area_lowest_percent", False)),
        *(("p_holm", False), ("only_a_right", False), ("seed", False), ("threshold", False)),
        *(("value", True), ("area_ratio", True), ("side_pixels", True), ("val_loss", True), ("flow", True)),
    ],
)
def test_which_columns_are_values(column: str, value: bool):
    assert is_value(pd.DataFrame({column: [1.0]}), column) is value
    assert not is_value(pd.DataFrame({column: ["text"]}), column)
    assert not is_value(pd.DataFrame({column: [True]}), column)


def test_rows_that_one_run_lacks_have_no_spread_and_numbers_that_some_lack_an_infinite_one(seeds, seal: Callable):
    file = "analysis/erf/small-resnet/table.csv"
    for number, run in enumerate(seeds):
        table = pd.read_csv(run / file)
        table["area_ratio"] += number
        if number == 1:
            table.loc[1, "area_ratio"] = math.nan
        write_csv(run / file, table.iloc[1 if number == 2 else 0 :])
        seal(run)
    found = seed_spread([RunFolder.open(run) for run in seeds])
    assert len(found) == len(table) - 1
    assert np.flatnonzero(np.isinf(found["deviation"])).tolist() == [0]


def test_a_spread_is_refused_over_runs_that_are_no_repetitions(seeds, edit, tmp_path: Path):
    edit(seeds[2] / "manifest.json", "experiment", "training", "epochs", value=7)
    with pytest.raises(UserError, match=r"a and .*c differ in more than their seed: training\.epochs: 2 against 7"):
        write_reference(seeds[0], tmp_path / "reference", seeds[1:])
    edit(seeds[1] / "manifest.json", "experiment", "seed", value=0)
    edit(seeds[1] / "manifest.json", "experiment", "seeds", value=[0])
    with pytest.raises(UserError, match=r"a and .*b have the same seed \(0\)"):
        write_reference(seeds[0], tmp_path / "reference", seeds[1:2])
    edit(seeds[1] / "manifest.json", "dataset", "fingerprint", value="0" * 64)
    edit(seeds[1] / "manifest.json", "dataset", "split_fingerprints", "test", value="0" * 64)
    with pytest.raises(UserError, match="measured on different images"):
        write_reference(seeds[0], tmp_path / "reference", seeds[1:2])
    with pytest.raises(UserError, match="needs two runs or more; found 1"):
        seed_spread([RunFolder.open(seeds[0])])
    assert not (tmp_path / "reference").exists()
    assert not list(tmp_path.glob(".*"))


def test_a_measured_spread_replaces_the_old_one(seeds, seal: Callable, tmp_path: Path):
    target = tmp_path / "reference"
    write_reference(seeds[0], target, seeds[1:])
    assert len(pd.read_csv(target / SEED_SPREAD)) == 0
    set_score(seeds[1], 1.0)
    seal(seeds[1])
    write_reference(seeds[0], target, seeds[1:])
    assert len(pd.read_csv(target / SEED_SPREAD)) == 1
