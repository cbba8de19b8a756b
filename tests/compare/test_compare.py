"""Comparing runs: each kind of difference is planted, and named as what it is."""

import json
import math
import shutil
from pathlib import Path

import pytest

from camagain.compare.read import SPREAD_FILE
from camagain.compare.reference import write_reference
from camagain.compare.runs import compare_runs, tolerance_of
from camagain.errors import UserError


@pytest.fixture
def runs(tiny_run, tmp_path: Path) -> tuple[Path, Path]:
    """Two copies of the tiny run."""
    for name in ("a", "b"):
        shutil.copytree(tiny_run[1].root, tmp_path / name)
    return tmp_path / "a", tmp_path / "b"


def edit(path: Path, *keys: str, value: object) -> None:
    """Sets one nested value of a JSON file."""
    content = json.loads(path.read_text())
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    path.write_text(json.dumps(content))


def figure(run: Path, name: str = "max_box_acc") -> Path:
    return run / "evaluation" / "small-resnet" / "cam" / "metrics.json"


def shift(run: Path, points: float) -> None:
    content = json.loads(figure(run).read_text())["figures"]["max_box_acc"]["value"]
    edit(figure(run), "figures", "max_box_acc", "value", value=content + points)


def test_a_run_agrees_with_itself(runs):
    comparison = compare_runs(*runs)
    assert comparison.exit_code == 0
    assert {item.verdict for item in comparison.items} == {"identical"}
    assert comparison.summary().startswith("agree:")
    assert "to the last digit" in comparison.summary()


def test_a_small_difference_is_within_tolerance_and_a_large_one_is_not(runs):
    shift(runs[1], 1.0)  # 12 test images: one image is 8 points
    comparison = compare_runs(*runs)
    assert comparison.exit_code == 0
    assert "within tolerance" in comparison.summary()
    shift(runs[1], 80.0)
    comparison = compare_runs(*runs)
    assert comparison.exit_code == 1
    assert "DIFFER" in comparison.summary()
    assert "small-resnet / cam / max_box_acc" in comparison.summary()


def test_a_missing_figure_is_named(runs):
    shutil.rmtree(runs[1] / "evaluation" / "small-convnext")
    comparison = compare_runs(*runs)
    assert comparison.exit_code == 1
    assert {item.model for item in comparison.items if item.verdict == "missing"} == {"small-convnext"}
    assert "missing on one side" in comparison.summary()


def test_other_images_cannot_be_compared(runs):
    edit(runs[1] / "manifest.json", "dataset", "fingerprint", value="0" * 64)
    with pytest.raises(UserError, match="cannot be compared: they were measured on different images"):
        compare_runs(*runs)


def test_another_version_and_another_setting_are_warnings(runs):
    edit(runs[1] / "manifest.json", "packages", "torch", value="1.0")
    edit(runs[1] / "manifest.json", "experiment", "seed", value=7)
    text = compare_runs(*runs).text()
    assert "warning: torch is" in text
    assert "against 1.0" in text
    assert "warning: the experiments differ in: seed" in text


def test_bad_input_is_named(runs, tmp_path: Path):
    with pytest.raises(UserError, match="not a finished run"):
        compare_runs(tmp_path, runs[1])
    edit(runs[0] / "manifest.json", "schema", value=99)
    with pytest.raises(UserError, match="its schema is not 1"):
        compare_runs(*runs)


def test_nan_is_refused(runs):
    figure(runs[0]).write_text(figure(runs[0]).read_text().replace('"value": ', '"value": NaN, "was": ', 1))
    with pytest.raises(UserError, match="is nan; expected a number"):
        compare_runs(*runs)


def test_the_tolerance_is_the_binomial_error_and_the_spread_over_seeds():
    # two accuracies of 50 % on 400 images: each has a standard error of 2.5 points
    assert tolerance_of(50, 50, 400, 0.0) == pytest.approx(1.96 * 2.5 * math.sqrt(2))
    assert tolerance_of(0, 100, 400, 3.0) == pytest.approx(1.96 * 3.0 * math.sqrt(2))


def test_a_reference_holds_small_results_only_and_still_compares(runs, tmp_path: Path):
    target = tmp_path / "reference"
    target.mkdir()
    (target / SPREAD_FILE).write_text("model,method,figure,deviation_points\nsmall-resnet,cam,max_box_acc,50\n")
    (target / "old.json").write_text("{}")
    write_reference(runs[0], target)
    names = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    assert "tables/localization.md" in names
    assert "figures/heatmaps.png" in names
    assert "old.json" not in names
    assert not any(name.endswith((".npz", ".safetensors", ".parquet", ".html", ".pdf")) for name in names)
    assert compare_runs(runs[0], target).exit_code == 0
    shift(runs[0], 80.0)
    assert compare_runs(runs[0], target).exit_code == 0, "the measured spread over seeds widens the tolerance"


def test_pictures_of_photographs_stay_out_of_a_reference(runs, tmp_path: Path):
    edit(runs[0] / "manifest.json", "experiment", "dataset", "kind", value="cub-folder")
    write_reference(runs[0], tmp_path / "reference")
    names = {path.name for path in (tmp_path / "reference").rglob("*")}
    assert "heatmaps.png" not in names
    assert "threshold-curves.png" in names
