"""Accuracies worked out by hand."""

import numpy as np
import pytest

from camagain.evaluation.metrics import best_of, in_top, max_box_acc, max_box_acc_v2

#                 t0   t1   t2   t3
IOUS = np.array([[0.0, 0.5, 0.8, 0.2],
                 [0.3, 0.6, 0.4, 0.7],
                 [0.1, 0.2, 0.6, 0.9],
                 [0.0, 0.3, 0.3, 0.1]])  # fmt: skip


def test_an_iou_equal_to_delta_counts():
    assert max_box_acc(np.array([[0.5], [0.4999]])) == (50.0, 0)


def test_best_of_is_the_first_of_equals():
    assert best_of(np.array([10.0, 30.0, 20.0, 30.0])) == (30.0, 1)


def test_max_box_acc_takes_the_first_of_several_best_thresholds():
    assert max_box_acc(IOUS) == (50.0, 1)
    assert max_box_acc(IOUS, 0.3) == (100.0, 2)
    assert max_box_acc(IOUS, 0.7) == (50.0, 3)


def test_v2_chooses_a_threshold_for_each_delta():
    assert max_box_acc_v2(IOUS) == pytest.approx((100 + 50 + 50) / 3)
    assert max_box_acc_v2(IOUS, deltas=(0.3,)) == 100.0


def test_in_top():
    ranked = [np.array([3, 1, 0]), [0, 2], [2, 1, 0]]
    assert in_top(np.array([1, 2, 0]), ranked, 1).tolist() == [False, False, False]
    assert in_top(np.array([1, 2, 0]), ranked, 2).tolist() == [True, True, False]
    assert in_top(np.array([1, 2, 0]), ranked, 5).tolist() == [True, True, True]


@pytest.mark.parametrize("table", [np.empty((0, 4)), np.empty((4, 0)), np.zeros(4), np.array([[0.1, np.nan]])])
def test_faulty_tables_are_refused(table: np.ndarray):
    with pytest.raises(ValueError, match="ious: found"):
        max_box_acc(table)
