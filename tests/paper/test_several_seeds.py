"""A run with two seeds: means and deviations, the rows of each seed, and what a comparison makes of it.

The second seed is the tiny run once more, with scores that are moved by known amounts.
"""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp

from camagain.artifacts import RunPaths, read_json, write_csv, write_json
from camagain.compare.judging.comparison import compare_runs
from camagain.compare.judging.verdicts import Verdict
from camagain.compare.reference import write_reference
from camagain.config import Experiment
from camagain.config.file import parse_experiment
from camagain.drawing.results import MeanResults, read_results
from camagain.paper.parts import PARTS, write_part
from camagain.stages import files, jobs, stage_view, stages

pytestmark = pytest.mark.long

MOVED = 6.0
"""Points by which every MaxBoxAcc of the second seed is moved."""


@pytest.fixture(scope="module")
def two(tiny_run, tiny_values: dict, tmp_path_factory: pytest.TempPathFactory) -> tuple[Experiment, RunPaths]:
    """(experiment, paths) of a finished run with the seeds 0 and 7."""
    single, source = tiny_run
    experiment = parse_experiment({**tiny_values, "seeds": [0, 7]}, "two seeds")
    paths = experiment.paths(tmp_path_factory.mktemp("two"), source.data)
    for name in (name for name in stages() if name not in ("data", *PARTS)):
        for target in files(experiment, name):
            one = target.replace("/seed0/", "/").replace("/seed7/", "/")
            place = paths.results / Path(target).relative_to("results")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source.results / Path(one).relative_to("results"), place)
    for path in (paths.root / "evaluation").glob("*/seed7/*/metrics.json"):
        metrics = read_json(path)
        metrics["seed"] = 7
        for key in ("value", "low", "high"):
            metrics["figures"]["max_box_acc"][key] += MOVED
        write_json(path, metrics)
    for path in (paths.root / "evaluation").glob("*/seed*/*/choices.csv"):  # it has the name of its training
        write_csv(path, pd.read_csv(path).assign(model="/".join(path.parts[-4:-2])))
    for path in (paths.root / "analysis" / "gap").glob("*/seed7/table.csv"):
        table = pd.read_csv(path)
        write_csv(path, table.assign(**{name: table[name] * 1.5 for name in ("value", "low", "high")}))
    for part in PARTS:
        write_part(part, stage_view(experiment, part), paths)
    assert {t for t, _ in jobs(experiment, "erf")} == {t for t, _ in jobs(experiment, "evaluate")}
    assert single.trainings == ("small-resnet", "small-convnext")
    return experiment, paths


def test_a_score_is_the_mean_over_seeds_with_its_deviation(two, tiny_run):
    results = read_results(*two)
    assert isinstance(results, MeanResults) and results.seeds == (0, 7)
    mean, single = (found.scores("small-resnet", "cam")["max_box_acc"] for found in (results, read_results(*tiny_run)))
    assert mean["value"] == pytest.approx(single["value"] + MOVED / 2)
    assert mean["deviation"] == pytest.approx(MOVED / np.sqrt(2))
    assert mean["seeds"] == [single["value"], single["value"] + MOVED]
    assert (mean["low"], mean["high"]) == pytest.approx((single["low"] + MOVED / 2, single["high"] + MOVED / 2))
    assert results.scores("baseline", "whole-image") == read_results(*tiny_run).scores("baseline", "whole-image")


def test_tables_print_means_and_hold_the_rows_of_each_seed(two, tiny_run):
    _, paths = two
    single = read_results(*tiny_run).scores("small-resnet", "cam")["max_box_acc"]
    rows = pd.read_csv(paths.tables / "localization.csv")
    assert next(iter(rows)) == "training_seed"
    chosen = rows[(rows["model"] == "small-resnet") & (rows["method"] == "cam") & (rows["figure"] == "max_box_acc")]
    assert chosen[["training_seed", "seed"]].to_numpy().tolist() == [[0, 0], [7, 7]]
    assert chosen["value_percent"].tolist() == [single["value"], single["value"] + MOVED]
    text = (paths.tables / "localization.md").read_text()
    assert f"{single['value'] + MOVED / 2:.1f} ± {MOVED / np.sqrt(2):.1f} [" in text
    low, high = ttest_1samp([single["value"], single["value"] + MOVED], 0).confidence_interval(0.95)
    assert f"] ({max(low, 0):.1f}, {min(high, 100):.1f})" in text
    assert "In parentheses Student's 95 % interval over training seeds." in text
    assert "means over 2 training seeds (0, 7); behind ± the standard deviation over seeds" in text


def test_choices_of_the_evaluation_are_means_over_seeds(two, tiny_run):
    rows, single = (pd.read_csv(run[1].tables / "evaluation-choices.csv") for run in (two, tiny_run))
    assert set(rows["model"]) == set(single["model"]) and len(rows) == 2 * len(single)
    text = (two[1].tables / "evaluation-choices.md").read_text()
    assert text.count("| small-resnet ") == (tiny_run[1].tables / "evaluation-choices.md").read_text().count(
        "| small-resnet "
    )
    drawn = pd.read_csv(two[1].figures / "evaluation-choices.csv")
    assert {"difference_points_seed0", "difference_points_seed7"} <= set(drawn.dropna(axis=1, how="all"))


def test_every_table_and_figure_is_there_and_says_what_single_seeds_look_like(two, tiny_run):
    paths, one = two[1], tiny_run[1]
    for folder in ("tables", "figures"):
        assert {p.name for p in (paths.root / folder).iterdir()} == {p.name for p in (one.root / folder).iterdir()}
    drawn = pd.read_csv(paths.figures / "gap.csv")
    assert {"value", "value_deviation", "value_seed0", "value_seed7"} <= set(drawn)
    np.testing.assert_allclose(drawn["value"], (drawn["value_seed0"] + drawn["value_seed7"]) / 2)
    page = paths.report.read_text()
    assert "Means over the seeds of training; thin lines, ticks and small dots are single seeds." in page
    assert "Means over 2 training seeds (0, 7)." in page
    assert set(read_json(paths.manifest)["models"]) == set(two[0].trainings)


def test_a_model_counts_as_missing_where_one_of_its_trainings_is(two, tmp_path: Path):
    experiment, paths = two
    copy = experiment.paths(tmp_path, paths.data)
    shutil.copytree(paths.root, copy.root)
    copy.card("small-resnet/seed7").unlink()
    results = read_results(experiment, copy)
    assert results.models == ["small-convnext"]
    assert list(results.missing) == ["small-resnet"] and "seed7" in results.missing["small-resnet"]


@pytest.fixture
def other(two, tmp_path: Path) -> Path:
    """A copy of the run."""
    copy = tmp_path / "other"
    shutil.copytree(two[1].root, copy)
    return copy


@pytest.mark.parametrize(("moved", "verdict"), [(3.0, Verdict.WITHIN_TOLERANCE), (80.0, Verdict.DIFFERS)])
def test_a_comparison_holds_means_over_seeds_against_the_spread_that_it_finds(
    two, other: Path, seal, moved: float, verdict: Verdict
):
    run = two[1].root
    for seed in (0, 7):
        with open(other / "models" / "small-resnet" / f"seed{seed}" / "model.safetensors", "ab") as file:
            file.write(b"x")
        for path in (other / "evaluation" / "small-resnet" / f"seed{seed}").glob("*/metrics.json"):
            metrics = json.loads(path.read_text())
            for score in filter(None, metrics["figures"].values()):
                score["value"] -= moved
            path.write_text(json.dumps(metrics))
    seal(other)
    scores = compare_runs(run, other).tables[0]
    found = {row.key["model"]: row for row in scores.rows}
    assert set(found) == {"small-resnet/seed0", "small-resnet/seed7"}
    assert all(row.verdict is verdict and row.source == "spread over seeds" for row in found.values())


def test_a_reference_of_it_can_be_made_and_compared(two, tmp_path: Path):
    reference = tmp_path / "reference"
    write_reference(two[1].root, reference)
    assert (reference / "evaluation" / "small-resnet" / "seed7" / "cam" / "images.parquet").is_file()
    assert not list(reference.rglob("*.safetensors"))
    comparison = compare_runs(two[1].root, reference)
    assert comparison.verdict in (Verdict.IDENTICAL_BYTES, Verdict.IDENTICAL_VALUES)
    assert comparison.images and all(re.search(r"/seed[07]$|^baseline$", found.model) for found in comparison.images)
