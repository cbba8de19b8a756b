"""Scores of a run made by hand: which threshold chooses, which images count."""

import numpy as np
import pytest

from camagain.evaluation.boxes import LargestBoxes
from camagain.evaluation.inputs import Predictions
from camagain.evaluation.scored import Scored
from camagain.evaluation.scores import scores
from camagain.statistics.bootstrap import Sampling, wilson_interval
from camagain.statistics.correctness import Correct

#                   t0  t1  t2
TEST = np.array([[0, 1, 1],
                 [0, 1, 0],
                 [1, 1, 0],
                 [0, 0, 1]], dtype=bool)  # fmt: skip
VAL = np.array([[0, 0, 1],
                [1, 0, 1]], dtype=bool)  # fmt: skip
# The same with any contour: right more often on test, and another threshold is best on val.
TEST_ALL = np.array([[1, 1, 1],
                     [0, 1, 1],
                     [1, 1, 0],
                     [0, 1, 1]], dtype=bool)  # fmt: skip
VAL_ALL = np.array([[1, 0, 0],
                    [1, 0, 1]], dtype=bool)  # fmt: skip
TOP1 = np.array([True, False, False, True])
TOP5 = np.array([True, True, False, True])


def scored(predictions: Predictions | None, pixels: np.ndarray | None = None) -> Scored:
    def tables(table: np.ndarray, every: np.ndarray) -> dict:
        never = np.zeros_like(table)
        found = {("largest", 0.5): table, ("all", 0.3): ~never, ("all", 0.5): every, ("all", 0.7): never}
        found |= {("largest", delta): never for delta in (0.3, 0.7)}
        return {key: Correct.of(value) for key, value in found.items()}

    grid = np.array([0.0, 0.1, 0.2])
    correct = {"test": tables(TEST, TEST_ALL), "val": tables(VAL, VAL_ALL)}
    return Scored("m", "cam", {}, correct, grid, predictions, pixels, {}, LargestBoxes.unknown(0))


@pytest.fixture
def predictions() -> Predictions:
    return Predictions(np.zeros(4, dtype=int), TOP1, TOP5)


def test_the_true_class_has_every_score(predictions: Predictions):
    found = scores(scored(predictions), True, Sampling(200))
    values = {name: figure["value"] for name, figure in found.items() if figure}
    assert values == {
        "top1": 50.0,
        "top5": 75.0,
        "max_box_acc": 75.0,  # t1
        "max_box_acc_val_threshold": 50.0,  # val chooses t2
        "max_box_acc_v2": pytest.approx((100 + 100 + 0) / 3),
        "max_box_acc_v2_val_threshold": pytest.approx((100 + 50 + 0) / 3),  # val chooses t0
        "top1_loc": 25.0,  # at t1, which is best for all images: image 0; at t2, best for these two, it would be 50
        "top1_loc_val_threshold": 50.0,
        "top5_loc": 50.0,  # at t1: images 0 and 1
        "top5_loc_val_threshold": 50.0,  # at t2: images 0 and 3
        "gt_known_loc": 75.0,
        "gt_known_loc_val_threshold": 50.0,
    }
    assert found["max_box_acc"]["threshold"] == 0.1 and found["max_box_acc"]["threshold_chosen_on"] == "test"
    assert found["max_box_acc_val_threshold"]["threshold"] == 0.2
    assert found["max_box_acc_val_threshold"]["threshold_chosen_on"] == "val"
    assert [part["delta"] for part in found["max_box_acc_v2"]["by_delta"]] == [0.3, 0.5, 0.7]
    for figure in filter(None, found.values()):
        assert figure["low"] <= figure["value"] <= figure["high"] and figure["unit"] == "percent"


def test_the_predicted_class_has_no_figure_that_presumes_the_true_one(predictions: Predictions):
    found = scores(scored(predictions), False, Sampling(100))
    absent = {name for name, figure in found.items() if figure is None}
    assert absent == {"top5_loc", "top5_loc_val_threshold", "gt_known_loc", "gt_known_loc_val_threshold", "pxap"}


def test_what_does_not_classify_has_boxes_alone():
    found = scores(scored(None), False, Sampling(100))
    assert {name for name, figure in found.items() if figure} == {
        "max_box_acc",
        "max_box_acc_val_threshold",
        "max_box_acc_v2",
        "max_box_acc_v2_val_threshold",
    }


def test_a_share_at_a_threshold_from_val_has_wilsons_interval(predictions: Predictions):
    figure = scores(scored(predictions), True, Sampling(100))["max_box_acc_val_threshold"]
    assert (figure["low"], figure["high"]) == wilson_interval(TEST[:, 2])


def test_pixels_give_pxap(predictions: Predictions):
    pixels = np.array([[[3, 0, 0, 0, 0], [0, 0, 1, 0, 0]]] * 4, dtype=np.uint32)  # object pixels score higher
    assert scores(scored(predictions, pixels), False, Sampling(100))["pxap"]["value"] == 100.0


def test_intervals_have_the_confidence_that_is_asked_for(predictions: Predictions):
    for confidence in (0.5, 0.99):
        found = scores(scored(predictions), True, Sampling(100, confidence))
        assert (found["top1"]["low"], found["top1"]["high"]) == wilson_interval(TOP1, confidence)
        at_val = found["max_box_acc_val_threshold"]
        assert (at_val["low"], at_val["high"]) == wilson_interval(TEST[:, 2], confidence)
