"""Scores of corrupted images on hand-made answers, and the whole analysis on a finished run."""

import copy
import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from camagain.analysis.kit.localizer import localize_by, localize_finished
from camagain.analysis.kit.run import analyze
from camagain.analysis.texture.corrupted import Responses
from camagain.analysis.texture.corruptions import Corruption
from camagain.analysis.texture.measure import COLUMNS, findings
from camagain.analysis.texture.patches import carry_map
from camagain.analysis.texture.score import Scorer, chance_percent, contrasts
from camagain.config import Experiment
from camagain.config.file import parse_experiment
from camagain.evaluation.inputs import Truth, read_maps, read_predictions, read_truths
from camagain.statistics.estimates import Resampled

SIDE, CELLS, IMAGES = 32, 16, 8
KINDS = [Corruption("clean"), Corruption("patches", 2), Corruption("median", 3), Corruption("phases")]
CLEAN, PATCHES, MEDIAN, PHASES = range(4)


@pytest.fixture
def experiment(tiny_values: dict) -> Experiment:
    values = copy.deepcopy(tiny_values)
    values["evaluation"] |= {"size": SIDE}
    return parse_experiment(values, "test")


@pytest.fixture
def scorer(experiment: Experiment) -> Scorer:
    """Images of two classes with one box each, at four different places."""
    corners = [(4, 4), (12, 4), (4, 14), (14, 12)] * (IMAGES // 4)
    truth = Truth(
        classes=2,
        image_id=[f"i{i}" for i in range(IMAGES)],
        label=np.arange(IMAGES) % 2,
        width=np.full(IMAGES, SIDE),
        height=np.full(IMAGES, SIDE),
        boxes=[np.array([[x, y, x + 13, y + 13]]) for x, y in corners],
        masks=None,
    )
    return Scorer(experiment, truth)


def perfect_maps(scorer: Scorer) -> np.ndarray:
    """Maps (N, h, w) that are bright inside the boxes."""
    maps = np.zeros((IMAGES, CELLS, CELLS), np.float32)
    for score_map, ((x0, y0, x1, y1),) in zip(maps, scorer.truth.boxes, strict=True):
        score_map[y0 // 2 : y1 // 2 + 1, x0 // 2 : x1 // 2 + 1] = 1
    return maps


def answers(scorer: Scorer, **changed: np.ndarray) -> Responses:
    """A network that a corruption does not change: right classes, and maps that move with the patches."""
    clean = perfect_maps(scorer)
    maps = np.stack([clean] * len(KINDS), axis=1)  # (N, K, h, w)
    for image, image_id in enumerate(scorer.truth.image_id):
        order = KINDS[PATCHES].order(scorer.experiment.seed, image_id)
        maps[image, PATCHES] = carry_map(clean[image], order, SIDE, "linear")
    predicted = np.stack([scorer.truth.label] * len(KINDS), axis=1)
    said = Responses(scorer.truth.label, predicted, maps, maps.copy(), np.array([0, 0, 0, 0.1]))
    return replace(said, **changed)


def test_a_network_that_nothing_changes_loses_nothing(scorer):
    found = findings(scorer, KINDS, answers(scorer))
    table = found.table.set_index("corruption")
    kinds = table.iloc[: len(KINDS)]
    assert tuple(found.table.columns) == COLUMNS
    assert (kinds["top1_percent"] == 100).all()
    assert kinds["max_box_acc_percent"].tolist()[:3] == [100, 100, 100]
    assert np.isnan(kinds["max_box_acc_percent"]["phases"]) and kinds["clipped_percent"]["phases"] == 10
    changes = [column for column in COLUMNS if "_change" in column]
    assert np.isnan(kinds.loc["clean", changes].astype(float)).all()
    np.testing.assert_allclose(kinds.loc[["patches", "median"], changes].astype(float), 0, atol=1e-4)
    np.testing.assert_allclose(table.loc[["mean", "contrast"], changes].astype(float), 0, atol=1e-4)
    assert kinds["mass_in_box_percent"]["clean"] > 85 and found.about["notes"] == []
    assert found.about["box_area_percent"] == pytest.approx(100 * 14 * 14 / SIDE**2)


def test_what_is_lost_where(scorer):
    """Texture loss costs every second class and all maps; shape loss costs nothing."""
    said = answers(scorer)
    said.predicted[said.label == 1, MEDIAN] = 0
    said.true_maps[:, MEDIAN] = 0
    table = findings(scorer, KINDS, said).table
    means = table[table["corruption"].isin(["mean", "contrast"])].set_index("loses")
    assert table["top1_percent"].tolist()[:4] == [100, 100, 50, 100]
    assert means["top1_change_points"].to_dict() == {"shape": 0, "texture": -50, "texture minus shape": -50}
    assert means["max_box_acc_change_points"].to_dict() == {"shape": 0, "texture": -100, "texture minus shape": -100}
    assert means["top1_change_low_points"]["texture"] < -50 < means["top1_change_high_points"]["texture"]
    lost = table.iloc[MEDIAN]
    assert lost["mass_in_box_percent"] == pytest.approx(100 * 14 * 14 / SIDE**2)  # a map of zeros: spread evenly
    assert lost["mass_in_box_change_points"] == pytest.approx(
        lost["mass_in_box_percent"] - table.iloc[0]["mass_in_box_percent"]
    )
    assert lost["max_box_acc_percent"] == 0 and lost["max_box_acc_predicted_percent"] == 100


def test_boxes_by_prediction_are_scored_only_where_they_differ(scorer, monkeypatch):
    said, kind = answers(scorer), KINDS[PATCHES]
    said.predicted_maps[2:5, PATCHES] = np.random.default_rng(0).random((3, CELLS, CELLS))
    predicted, true = said.predicted_maps[:, PATCHES], said.true_maps[:, PATCHES]
    by_prediction = scorer.by_prediction(predicted, true, scorer.boxes(true, kind), kind)
    whole = localize_finished(scorer.finished(predicted, kind), scorer.truth.boxes, scorer.experiment)
    np.testing.assert_array_equal(by_prediction.correct.bits, whole.correct.bits)
    assert (by_prediction.percent, by_prediction.low_percent) == (whole.percent, whole.low_percent)
    same = scorer.by_prediction(true, true, scorer.boxes(true, kind), kind)
    assert same.percent == 100


def test_a_single_cell_leaves_accuracy(scorer):
    said = answers(scorer)
    said = replace(said, true_maps=said.true_maps[..., :1, :1], predicted_maps=said.predicted_maps[..., :1, :1])
    found = findings(scorer, KINDS, said)
    assert found.table["top1_percent"].tolist()[:4] == [100] * 4
    assert found.table["max_box_acc_percent"].isna().all()
    assert found.about["notes"] == ["the feature grid is a single cell, which localizes nothing: accuracy alone"]


def test_accuracy_that_is_not_above_chance_has_no_mean_change(scorer):
    said = answers(scorer)
    said.predicted[:] = 0
    found = findings(scorer, KINDS, said)
    means = found.table[found.table["corruption"] == "mean"]
    assert means["top1_change_points"].isna().all() and means["max_box_acc_change_points"].notna().all()
    assert (
        found.about["chance_percent"] == 50 and "not above that of the most frequent class" in found.about["notes"][0]
    )


def test_contrasts_by_hand():
    def change(value: float) -> dict[str, Resampled]:
        return {"top1": Resampled(value, np.array([value - 1, value + 1]))}

    changes = [change(0), change(-2), change(-6), change(-10), change(-70), {}]
    made = contrasts(["nothing", "shape", "shape", "texture", "colour", "texture"], changes)
    assert {name: figures["top1"].value for name, figures in made.items()} == {
        "shape": -4,
        "texture": -10,
        "contrast": -6,
    }
    assert made["contrast"]["top1"].draws.tolist() == [-6, -6]
    assert contrasts(["nothing", "texture"], changes[:2])["contrast"] == {}


def test_chance_is_the_most_frequent_class():
    assert chance_percent(np.array([0, 2, 2, 1])) == 50


@pytest.fixture(scope="module")
def finished(tiny_run, tmp_path_factory: pytest.TempPathFactory):
    """The experiment with other settings, and what the analysis wrote for one model of a copy of the run."""
    experiment, own = tiny_run
    settings = {"grids": (2, 5), "smoothing": (0.1,), "images": 9}
    analysis = {"texture": experiment.analysis.texture.model_copy(update=settings)}
    experiment = experiment.model_copy(update={"analysis": experiment.analysis.model_copy(update=analysis)})
    paths = replace(own, results=tmp_path_factory.mktemp("texture"))
    for folder in ("models", "localization"):
        shutil.copytree(own.root / folder / "small-resnet", paths.root / folder / "small-resnet")
    analyze(experiment, "texture", "small-resnet", paths)
    folder = paths.analysis("texture", "small-resnet")
    return experiment, paths, pd.read_csv(folder / "table.csv"), json.loads((folder / "status.json").read_text())


def test_a_run_gets_its_table(finished):
    _, _, table, status = finished
    assert tuple(table.columns) == COLUMNS
    assert table["corruption"].tolist() == ["clean", "patches", "median", "phases", "grey", "mean", "mean", "contrast"]
    assert table["patches_per_side"].tolist()[1] == 2 and table["window_px"].tolist()[2] == 5
    assert (status["images"], status["input_size"], status["feature_grid"]) == (9, 48, [6, 6])
    assert status["notes"][0] == "left out: 5 x 5 patches: 48 pixels cannot be divided by 5"
    for name in ("top1", "max_box_acc", "mass_in_box"):
        low, value, high = (table[f"{name}{bound}_percent"].dropna() for bound in ("_low", "", "_high"))
        assert (low <= value).all() and (value <= high).all() and len(value) >= 4


def test_clean_images_score_as_the_localization_pass_has_them(finished):
    experiment, paths, table, _ = finished
    truths = read_truths(paths.index, experiment.evaluation.size)
    rows = (2 * np.arange(9) + 1) * 12 // 18  # 9 of 12 images, spread evenly
    truth = truths["test"].take(rows)
    folder = paths.localization("small-resnet")
    right = read_predictions(folder / "predictions.parquet", truths["test"], "test").top1[rows]
    assert table["top1_percent"][0] == pytest.approx(100 * right.mean())
    for column, method in (("max_box_acc", "cam-gt"), ("max_box_acc_predicted", "cam")):
        stored = read_maps(folder / "maps.npz", f"{method}.described", {"test": truths["test"]})["test"][rows]
        assert table[f"{column}_percent"][0] == pytest.approx(localize_by(stored, truth, experiment).percent)


def test_the_same_settings_give_the_same_bytes(finished):
    experiment, paths, *_ = finished
    file = paths.analysis("texture", "small-resnet") / "table.csv"
    before = file.read_bytes()
    analyze(experiment, "texture", "small-resnet", paths)
    assert file.read_bytes() == before
