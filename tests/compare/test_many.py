"""More than two runs in one table: what is averaged and what never, what is best, and what is missing."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from camagain.compare.judging.many import RunTable, ScoreRow, compare_many
from camagain.compare.show.many import blocks, markdown, record, shown_rows, telling_names, text
from camagain.compare.show.text import WIDTH
from camagain.errors import UserError
from tests.conftest import copy_run

SCORE = "evaluation/small-resnet/cam/metrics.json"
OF_MODEL = ("small-resnet", "cam", "max_box_acc")


@pytest.fixture
def plant(runs, tmp_path: Path, seal: Callable) -> Callable[..., list[Path]]:
    """Copies of the tiny run with seeds 0, 1, ... and these values of one score."""

    def plant(*values: float | None, name: str = "run-{}") -> list[Path]:
        folders = []
        for seed, value in enumerate(values):
            run = tmp_path / name.format(seed)
            copy_run(runs[0], run)
            content = json.loads((run / SCORE).read_text())
            if value is None:
                content["figures"]["max_box_acc"] = None
            else:
                content["figures"]["max_box_acc"]["value"] = value
            (run / SCORE).write_text(json.dumps(content))
            manifest = json.loads((run / "manifest.json").read_text())
            manifest["experiment"] |= {"seed": seed, "run": run.name, "purpose": f"Training {seed}."}
            (run / "manifest.json").write_text(json.dumps(manifest))
            seal(run)
            folders.append(run)
        return folders

    return plant


def row(table: RunTable, *key: str) -> ScoreRow:
    return next(row for row in table.rows if (row.model, row.method, row.figure) == (key or OF_MODEL))


def line(rendered: str, method: str = "cam") -> str:
    """The line of the planted score: the first of this model and method."""
    return next(line for line in rendered.splitlines() if line.startswith("small-resnet") and f" {method} " in line)


def test_trainings_with_other_seeds_are_averaged(plant):
    table = compare_many(plant(50.0, 53.0, 56.0))
    spread = table.spread(row(table))
    assert table.averaged
    assert (spread.n, spread.mean, spread.deviation, spread.low, spread.high) == (3, 53.0, 3.0, 50.0, 56.0)
    assert not table.notices
    assert line(text(table)).split()[2:] == ["50.00", "53.00", "56.00*", "53.00", "±", "3.00", "50.00–56.00"]
    assert "sd: sample standard deviation over 3 runs" in text(table)


def test_other_settings_are_never_averaged_and_named_loudly_once(plant, edit):
    folders = plant(50.0, 53.0, 56.0)
    for run, epochs in zip(folders, (2, 2, 7), strict=True):
        edit(run / "manifest.json", "experiment", "training", "epochs", value=epochs)
        manifest = json.loads((run / "manifest.json").read_text())
        for model in manifest["experiment"]["models"]:
            model["training"]["epochs"] = epochs
        (run / "manifest.json").write_text(json.dumps(manifest))
    table = compare_many(folders)
    spread = table.spread(row(table))
    assert not table.averaged
    assert (spread.mean, spread.deviation, spread.low, spread.high) == (None, None, 50.0, 56.0)
    assert table.differing == {"training.epochs": (2, 2, 7)}
    assert text(table).startswith("ATTENTION: NOTHING WAS AVERAGED")
    assert "training.epochs: 2, 2, 7" in text(table)
    assert "±" not in text(table)
    assert line(text(table)).split()[2:] == ["50.00", "53.00", "56.00*", "50.00–56.00"]
    assert "**Attention:** NOTHING WAS AVERAGED" in markdown(table)


def test_a_setting_of_one_model_alone_is_named_with_it(plant, edit):
    folders = plant(50.0, 53.0)
    manifest = json.loads((folders[1] / "manifest.json").read_text())
    manifest["experiment"]["models"][0]["training"]["epochs"] = 9
    (folders[1] / "manifest.json").write_text(json.dumps(manifest))
    assert compare_many(folders).differing == {"models[small-resnet].training.epochs": (2, 9)}


def test_a_missing_value_is_a_dash_and_counted(plant):
    table = compare_many(plant(50.0, None, 56.0))
    found = row(table)
    spread = table.spread(found)
    assert (found.missing, table.missing, found.values) == (1, 1, (50.0, None, 56.0))
    assert (spread.n, spread.mean) == (2, 53.0)
    assert line(text(table)).split()[2:] == ["50.00", "–", "56.00*", "53.00", "±", "4.24", "50.00–56.00", "2"]
    assert "–: missing, 1 of " in text(table)
    assert "–: missing, 1 of " in markdown(table)


def test_one_value_has_no_deviation(plant):
    table = compare_many(plant(50.0, None))
    assert table.spread(row(table)).deviation is None
    assert line(text(table)).split()[2:] == ["50.00", "–", "50.00", "50.00–50.00", "1"]


def test_the_best_is_marked_and_where_all_are_the_same_nothing_is(plant):
    table = compare_many(plant(50.0, 56.0, 56.0))
    assert row(table).best == (1, 2)
    assert row(table, "small-resnet", "pc1", "max_box_acc").best == ()
    assert "| 50.00 | **56.00** | **56.00** |" in markdown(table)
    assert ScoreRow("m", "cam", "top1", (1.0, None), ((0.0, 2.0), None)).best == ()


def test_rows_follow_the_experiment_and_baselines_come_last(plant, tiny_values):
    table = compare_many(plant(50.0, 53.0))
    models = list(dict.fromkeys(row.model for row in table.rows))
    assert models == ["small-resnet", "small-convnext", "baseline"]  # as in the experiment, not by the alphabet
    methods = list(dict.fromkeys(row.method for row in table.rows if row.model == "small-resnet"))
    assert methods == tiny_values["localization"]["methods"]


def test_a_model_that_only_a_later_run_has_is_a_row_too(plant):
    folders = plant(50.0, 53.0)
    manifest = json.loads((folders[0] / "manifest.json").read_text())
    manifest["experiment"]["models"].pop()
    manifest["files"] = {file: entry for file, entry in manifest["files"].items() if "small-convnext" not in file}
    (folders[0] / "manifest.json").write_text(json.dumps(manifest))
    table = compare_many(folders)
    assert row(table, "small-convnext", "cam", "max_box_acc").values[0] is None
    assert not table.averaged
    assert any("has the model small-convnext" in notice for notice in table.notices)


def test_methods_that_agree_in_every_run_share_a_line(plant):
    table = compare_many(plant(50.0, 53.0))
    top1 = [(row.model, row.method) for row in shown_rows(table, ["top1"])]
    assert top1 == [("small-resnet", "all"), ("small-convnext", "all")]
    assert len([row for row in table.rows if row.figure == "top1"]) == 6
    boxes = [row for row in shown_rows(table, ["max_box_acc"]) if row.model == "small-resnet"]
    assert [row.method for row in boxes][:2] == ["cam", "cam-gt"]


def test_the_same_seed_twice_is_told(plant, edit):
    folders = plant(50.0, 53.0, 56.0)
    edit(folders[2] / "manifest.json", "experiment", "seed", value=1)
    (notice,) = compare_many(folders).notices
    assert notice.startswith(f"{folders[1]} and {folders[2]} have the same seed")


def test_packages_that_differ_are_told_once_for_all_runs(plant, edit):
    folders = plant(50.0, 53.0, 56.0)
    for run in folders[1:]:
        edit(run / "manifest.json", "packages", "torch", value="1.0")
    (notice,) = compare_many(folders).notices
    assert notice.startswith(f"{folders[0]} against {folders[1]} and {folders[2]}: packages differ: torch: ")


def test_a_division_that_the_seed_draws_is_no_news_and_other_data_are(plant, edit):
    folders = plant(50.0, 53.0)
    edit(folders[1] / "manifest.json", "dataset", "fingerprint", value="0" * 64)
    assert "data differ: dataset fingerprint" in compare_many(folders).notices[0]
    edit(folders[1] / "manifest.json", "dataset", "split_seed", value=1)
    assert not compare_many(folders).notices


def test_other_test_images_are_refused_with_the_pair(plant, edit):
    folders = plant(50.0, 53.0, 56.0)
    edit(folders[2] / "manifest.json", "dataset", "fingerprint", value="0" * 64)
    edit(folders[2] / "manifest.json", "dataset", "split_fingerprints", "test", value="0" * 64)
    with pytest.raises(UserError, match=r"run-0 and .*run-2 cannot be compared: they were measured on different"):
        compare_many(folders)


def test_bad_input_is_named(plant, tmp_path: Path):
    folders = plant(50.0, 53.0)
    with pytest.raises(UserError, match="expected two runs or more to compare; found 1"):
        compare_many(folders[:1])
    with pytest.raises(UserError, match="run-0 is given 2 times"):
        compare_many([*folders, folders[1] / ".." / "run-0"])
    with pytest.raises(UserError, match="no such folder"):
        compare_many([*folders, tmp_path / "nowhere"])


def test_the_record_is_json_complete_and_stable(plant, edit):
    folders = plant(50.0, None, 56.0)
    edit(folders[0] / "manifest.json", "experiment", "training", "batch_size", value=5)
    values = record(compare_many(folders))
    assert json.dumps(values, allow_nan=False) == json.dumps(record(compare_many(folders)), allow_nan=False)
    assert [run["seed"] for run in values["runs"]] == [0, 1, 2]
    assert values["differing_settings"] == {"training.batch_size": [5, 6, 6]}
    (found,) = [row for row in values["rows"] if (row["model"], row["method"], row["figure"]) == OF_MODEL]
    assert found["values"] == [50.0, None, 56.0]
    assert found["intervals"][1] is None
    assert len(found["intervals"][0]) == 2
    assert (found["best"], found["missing"], found["n"], found["mean"]) == ([2], 1, 2, None)
    assert {"pxap", "top1", "max_box_acc_v2"} <= {row["figure"] for row in values["rows"]}


@pytest.mark.parametrize("name", ["seed-{}", "a-name-that-is-long-and-whose-length-differs-{}-at-the-very-end"])
def test_six_runs_stay_within_the_width_of_a_terminal(plant, name: str):
    table = compare_many(plant(*range(40, 46), name=name))
    lines = text(table).splitlines()
    tables = [line for line in lines if line.startswith(("small-", "model ", "baseline"))]
    assert max(map(len, tables)) <= WIDTH
    assert line(text(table)).split()[2:8] == ["40.00", "41.00", "42.00", "43.00", "44.00", "45.00*"]
    head = tables[0].split()[2:8]
    assert head == [f"{'' if name == 'seed-{}' else '#'}{n + (name != 'seed-{}')}" for n in range(6)]
    for column, run in zip(head, table.runs, strict=True):
        assert any(line.startswith(f"{column}: {run}, seed ") for line in lines), "the legend says which run it is"


def test_more_runs_than_fit_stand_in_several_tables():
    names = [f"#{number}" for number in range(1, 12)]
    assert blocks(names, 45) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10]]
    assert blocks(names, 11 * 9) == [list(range(11))]
    assert blocks(names, 3) == [[place] for place in range(11)]


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["results/demo", "results/demo-seed1"], ["demo", "demo-seed1"]),
        (["results/demo-seed1", "results/demo-seed2"], ["seed1", "seed2"]),
        (["results/demo", "results/reference/demo"], ["results", "reference"]),
        (["one/results/demo", "two/results/demo"], ["one", "two"]),
        (["/a/x-1", "/b/x-2"], ["1", "2"]),
        (["results/x_lr-0.1", "results/x_lr-0.2"], ["0.1", "0.2"]),
        (["x", "y"], ["x", "y"]),
    ],
)
def test_runs_are_named_by_what_tells_them_apart(paths: list[str], names: list[str]):
    assert telling_names([Path(path).parts for path in paths]) == names
