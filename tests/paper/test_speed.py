"""How long each network took: from records written by hand, and without any."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from camagain.compare.judging.kinds import kind_of
from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults
from camagain.drawing.wall_times import wall_times
from camagain.paper.exhibits.speed import numbers, text

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"

MEASURED = [
    "finetune_seconds",
    "finetune_images_per_second",
    "localize_seconds",
    "localize_images_per_second",
    "evaluate_seconds",
    "peak_memory_mb",
]


@pytest.fixture
def results(tiny_run, tmp_path: Path) -> RunResults:
    """The tiny run, which was made without Snakemake, in a folder of this test: 18 training images, 18 localized."""
    experiment, paths = tiny_run
    own = experiment.paths(tmp_path / "results", paths.data)
    shutil.copytree(paths.root, own.root)
    shutil.rmtree(own.logs, ignore_errors=True)
    return RunResults(experiment, own)


def text_of(results: RunResults) -> TextTable:
    """The table as it stands in the report, of files as they are now."""
    fresh = RunResults(results.experiment, results.paths)
    return text(fresh, numbers(fresh))


def record(results: RunResults, job: str, seconds: str, memory: str) -> None:
    """Writes a job's record with as many columns as Snakemake's benchmarks, which earlier versions made, have."""
    path = results.paths.logs / f"{job}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEADER}\n{seconds}\t0:00:09\t{memory}\t1.0\t1.0\t1.0\t0.0\t0.0\t90.0\t8.0\n")


def change_card(results: RunResults, model: str, **change: object) -> None:
    path = results.paths.model(model) / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))


def test_rates_are_images_divided_by_the_seconds_of_whole_jobs(results: RunResults):
    record(results, "finetune/small-resnet", "9.0", "500.4")
    record(results, "localize/small-resnet", "3.0", "700.6")
    record(results, "evaluate/small-resnet", "2.5", "300.0")
    record(results, "finetune/small-convnext", "4.5", "400.0")
    table = numbers(results).set_index("model")
    assert table.loc["small-resnet", MEASURED].to_list() == [9.0, 18 * 2 / 9, 3.0, 18 / 3, 2.5, 701]
    assert table.loc["small-convnext", MEASURED[:2]].to_list() == [4.5, 18 * 1 / 4.5]
    assert table.loc["small-convnext", MEASURED[2:5]].isna().all()
    assert table.loc["small-convnext", "peak_memory_mb"] == 400
    assert (table["threads"] == 1).all() and table["device"].str.startswith("cpu").all()
    table = text_of(results)
    assert table.rows[0][2:] == ("9.0", "4.0", "3.0", "6.0", "2.5", "701")
    assert table.rows[1][2:] == ("4.5", "4.0", "–", "–", "–", "400")
    assert "A dash: not known" in table.caption


def test_the_caption_says_that_it_is_no_comparison(results: RunResults):
    for model in results.models:
        for job in ("finetune", "localize", "evaluate"):
            record(results, f"{job}/{model}", "9.0", "500.0")
    caption = text_of(results).caption
    assert caption.startswith("Wall times of one run on one machine, and no comparison with others' code")
    assert "Trained on cpu" in caption and "dash" not in caption


def test_a_run_whose_logs_are_gone_has_empty_cells(results: RunResults):
    table = numbers(results)
    assert list(table["model"]) == ["small-resnet", "small-convnext"] and (table["parameters"] > 0).all()
    assert table[MEASURED].isna().all(axis=None)
    table = text_of(results)
    assert all(row[2:] == ("–",) * 6 for row in table.rows)
    assert "A dash: not known" in table.caption


def test_a_network_that_was_not_trained_has_no_rate(results: RunResults):
    record(results, "finetune/small-resnet", "9.0", "500.0")
    change_card(results, "small-resnet", training={"epochs": 0})
    row = numbers(results).set_index("model").loc["small-resnet"]
    assert row["finetune_seconds"] == 9.0 and pd.isna(row["finetune_images_per_second"])


def test_the_device_is_a_column_where_models_differ_in_it(results: RunResults):
    change_card(results, "small-resnet", device="cuda, NVIDIA H200")
    table = text_of(results)
    assert table.columns[:2] == ("Model", "Device") and table.text_columns == 2
    assert table.rows[0][1] == "cuda, NVIDIA H200" and "Trained on" not in table.caption
    change_card(results, "small-convnext", device="cuda, NVIDIA H200")
    assert "Trained on cuda, NVIDIA H200. Threads of the processor: 1 a job." in text_of(results).caption


def test_what_a_machine_does_not_measure_is_unknown(results: RunResults):
    """Nothing but seconds on Windows; dashes in runs of earlier versions, which Snakemake measured."""
    record(results, "finetune/small-resnet", "0.4", "-")
    (results.paths.logs / "tables.tsv").write_text("s\n1.26\n")
    assert wall_times(results.paths.logs) == [
        {"job": "finetune/small-resnet", "seconds": 0.4, "peak_memory_mb": None},
        {"job": "tables", "seconds": 1.3, "peak_memory_mb": None},
    ]
    assert wall_times(results.paths.root / "nowhere") == []


def test_times_are_not_compared():
    kind = kind_of("tables/speed.csv")
    assert kind is not None and kind.unjudged
