"""What each choice costs: every row against the same maps scored by the public functions."""

import numpy as np
import pandas as pd
import pytest

from camagain.config.file import parse_experiment
from camagain.evaluation import choices, evaluate
from camagain.evaluation.choices import choices_table
from camagain.evaluation.evaluate import evaluate_model
from camagain.evaluation.metrics import max_box_acc, max_box_acc_v2
from camagain.evaluation.scored import sweep
from camagain.evaluation.ways import ALTERNATIVES, Choices, finished, ways_from
from camagain.statistics.paired import discordant

BASE = Choices(32, "predicted", "published", "before-norm", "linear", 0.05, "largest", "best")
"""Of the run in conftest.py."""


@pytest.fixture
def table(run) -> pd.DataFrame:
    return choices_table(run.experiment, run.paths, "net", "cam", {})


@pytest.fixture
def sweeps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of boxes' images of every sweep over maps from now on."""
    counted: list[int] = []
    for module in (evaluate, choices):
        monkeypatch.setattr(
            module, "sweep", lambda maps, boxes, *rest: counted.append(len(boxes)) or sweep(maps, boxes, *rest)
        )
    return counted


def row(table: pd.DataFrame, figure: str, **changes) -> pd.Series:
    """The row that differs from the base in these choices."""
    wanted = {"contours": "all" if figure == "max_box_acc_v2" else "largest", **changes}
    names = [*ALTERNATIVES]
    for _, found in table[table["figure"] == figure].iterrows():
        if all(found[name] == wanted.get(name, getattr(BASE, name)) for name in names):
            return found
    raise AssertionError(f"no row for {changes}")


MAPS = {
    "own": ({}, {"method": "cam"}),
    "size": ({"size": 224}, {"method": "cam", "size": 224}),
    "true class": ({"class_choice": "true"}, {"method": "cam-gt"}),
    "described": ({"variant": "described"}, {"method": "cam.described", "variant": "described"}),
    "cubic": ({"interpolation": "cubic"}, {"method": "cam", "interpolation": "cubic"}),
    "step": ({"threshold_step": 0.001}, {"method": "cam", "step": 0.001}),
}


@pytest.mark.parametrize("choice", MAPS)
def test_every_row_is_what_the_changed_way_gives(run, table, choice: str):
    changes, arguments = MAPS[choice]
    largest, every = (run.expected_ious(split="test", contours=c, **arguments) for c in ("largest", "all"))
    own = run.expected_ious("cam", "test")
    found = row(table, "max_box_acc", **changes)
    value, best = max_box_acc(largest)
    assert found["value_percent"] == pytest.approx(value)
    assert found["difference_points"] == pytest.approx(value - max_box_acc(own)[0])
    assert found["difference_low_points"] <= found["difference_points"] <= found["difference_high_points"]
    moved = discordant(largest[:, best] >= 0.5, own[:, max_box_acc(own)[1]] >= 0.5)
    assert (found["gained"], found["lost"]) == moved
    outside = found["difference_low_points"] > 0 or found["difference_high_points"] < 0
    assert outside == (found["p_value"] < 0.05), "interval and test are one decision"
    assert row(table, "max_box_acc_v2", **changes)["value_percent"] == pytest.approx(max_box_acc_v2(every))


def test_the_other_contours_of_each_figure(run, table):
    largest, every = (run.expected_ious("cam", "test", contours) for contours in ("largest", "all"))
    assert row(table, "max_box_acc", contours="all")["value_percent"] == pytest.approx(max_box_acc(every)[0])
    v2 = row(table, "max_box_acc_v2", contours="largest")
    assert v2["value_percent"] == pytest.approx(max_box_acc_v2(largest))
    assert v2["changed"] == "contours: all → largest" and np.isnan(v2["gained"])


def test_a_fixed_threshold_and_the_best_of_each_image(run, table):
    """By hand from the IoUs at all thresholds: at 0.2 for every image, and the highest of each image."""
    largest, every = (run.expected_ious("cam", "test", contours) for contours in ("largest", "all"))  # (N, 20)
    fixed, free = (row(table, "max_box_acc", threshold=name) for name in ("fixed-0.2", "per-image"))
    assert fixed["value_percent"] == pytest.approx(100 * (largest[:, 4] >= 0.5).mean())  # 4 x 0.05
    assert free["value_percent"] == pytest.approx(100 * (largest.max(axis=1) >= 0.5).mean())
    assert fixed["changed"] == "threshold: best → fixed-0.2"
    assert free["lost"] == 0 and fixed["value_percent"] <= max_box_acc(largest)[0] <= free["value_percent"]
    v2 = row(table, "max_box_acc_v2", threshold="per-image")
    assert v2["value_percent"] == pytest.approx(100 * np.mean([every.max(axis=1) >= d for d in (0.3, 0.5, 0.7)]))


def test_the_first_row_of_each_figure_is_the_experiments_own(table):
    for _, group in table.groupby("figure"):
        assert group["changed"].tolist()[0] == "" and (group["changed"] == "").sum() == 1
        assert group["difference_points"].iloc[0] == 0 == group["difference_high_points"].iloc[0]


def test_choices_whose_maps_are_not_there_are_left_out(table):
    """No norm stood before the classifier, so nothing was stored for the other tap."""
    assert set(table["tap"]) == {"before-norm"}


def test_all_combinations_are_every_product():
    assert len(list(ways_from(BASE, "all-combinations"))) == 3 * 2 * 2 * 2 * 2 * 3 * 2 * 3
    single = list(ways_from(BASE, "one-at-a-time"))
    assert single[0] == BASE and len(single) == 1 + 2 + 1 + 1 + 1 + 1 + 2 + 1 + 2
    assert all(way.changed(BASE).count("→") == (way != BASE) for way in single)


def test_all_combinations_hold_the_single_changes_with_the_same_numbers(run, table):
    values = run.experiment.model_dump(mode="json")
    values["evaluation"]["choices"] = "all-combinations"
    every = choices_table(parse_experiment(values, "test"), run.paths, "net", "cam", {})
    key = ["figure", *ALTERNATIVES]
    merged = table.merge(every, on=key, suffixes=("", "_all"))
    assert len(merged) == len(table) < len(every)
    np.testing.assert_array_equal(merged["value_percent"], merged["value_percent_all"])
    np.testing.assert_array_equal(merged["difference_low_points"], merged["difference_low_points_all"])


def test_no_map_is_swept_twice(run, sweeps):
    """Evaluated are cam and cam-gt; of the choices, two sizes, the other variant and interpolation are new."""
    evaluate_model(run.experiment, "net", run.paths)
    assert sorted(sweeps) == 2 * [4] + (2 + 4) * [12], "val of each method, test of each method, and four choices"


def test_choices_made_with_what_the_evaluation_found_are_those_made_alone(evaluated, table, tmp_path):
    table.to_csv(tmp_path / "alone.csv", index=False)
    written = pd.read_csv(evaluated.paths.evaluation("net", "cam") / "choices.csv")
    pd.testing.assert_frame_equal(written, pd.read_csv(tmp_path / "alone.csv"), check_exact=True)


def test_ways_share_maps_that_are_finished_alike():
    maps = {finished("cam", way, BASE) for way in ways_from(BASE, "all-combinations")}
    described, published = (2 * 2 * 3 * 2), 2 * 2 * (2 * 2 + 1)  # class, tap, size, interpolation; none at 384
    assert len(maps) == described + published
