"""Models that differ in their training alone, against the first of them."""

import copy
import shutil
from pathlib import Path

import pandas as pd
import pytest

from camagain.config.file import load_experiment, parse_experiment
from camagain.drawing.recipes import changed_keys, recipe_groups
from camagain.drawing.results import RunResults
from camagain.paper.exhibits.augmentation import numbers, text
from camagain.paper.registry import table_names

COPIED = {"plain": "small-resnet", "flipped": "small-convnext"}


@pytest.fixture
def results(tiny_run, tiny_values: dict, tmp_path: Path) -> RunResults:
    """The tiny run's two networks, passed off as two trainings of one network."""
    values = copy.deepcopy(tiny_values) | {"analysis": {"names": []}}
    values["training"]["augmentation"] = {"flip": 0.0}
    values["models"] = [
        {"name": "plain", "architecture": "resnet_narrow"},
        {"name": "flipped", "architecture": "resnet_narrow", "training": {"augmentation": {"flip": 0.5}}},
        {"name": "other", "architecture": "slak_narrow"},
    ]
    experiment = parse_experiment(values, "recipes")
    paths = experiment.paths(tmp_path, tiny_run[1].data)
    for stage in ("models", "localization", "evaluation"):
        for name, source in COPIED.items():
            shutil.copytree(tiny_run[1].root / stage / source, paths.root / stage / name, dirs_exist_ok=True)
    shutil.copytree(tiny_run[1].root / "evaluation" / "baseline", paths.root / "evaluation" / "baseline")
    return RunResults(experiment, paths)


def test_differences_are_against_the_first_and_say_what_changed(results: RunResults):
    table = numbers(results).set_index(["model", "method"])
    assert set(table.index.get_level_values("model")) == {"plain", "flipped"}
    row, reference = table.loc[("flipped", "cam")], table.loc[("plain", "cam")]
    assert (row["changed"], reference["changed"]) == ("augmentation.flip: 0.0 → 0.5", "")
    assert row["difference_points"] == pytest.approx(row["max_box_acc_percent"] - reference["max_box_acc_percent"])
    assert row["low_points"] <= row["difference_points"] <= row["high_points"]
    assert pd.isna(reference["difference_points"])


def test_the_text_names_reference_and_change(results: RunResults):
    rows = {row[0]: row for row in text(results, numbers(results)).rows}
    assert rows["plain"][1] == "reference" and rows["plain"][-1] == "–"
    assert "flip: 0.0 → 0.5" in rows["flipped"][1] and "[" in rows["flipped"][-1]


def test_only_experiments_with_such_models_have_the_table(results: RunResults, root: Path):
    assert "augmentation" in table_names(results.experiment)
    assert "augmentation" not in table_names(load_experiment(root / "config" / "config.yaml"))
    experiment = load_experiment(root / "config" / "experiments" / "augmentation.yaml")
    groups = recipe_groups(experiment)
    assert len(groups) == 4 and all(len(group) == 10 for group in groups)
    assert all(changed_keys(model, group[0]) for group in groups for model in group[1:])
