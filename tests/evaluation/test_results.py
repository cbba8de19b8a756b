"""The table of images, made from boxes by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from camagain.evaluation.inputs import Predictions, Truth
from camagain.evaluation.results import images


@pytest.fixture
def scored() -> SimpleNamespace:
    """Three images of 40 x 20 pixels on maps of 10 x 10; the first has two true boxes."""
    truth = Truth(
        classes=4,
        image_id=["a", "b", "c"],
        label=np.array([0, 1, 2]),
        width=np.full(3, 40),
        height=np.full(3, 20),
        boxes=[np.array([[0, 0, 0, 0], [2, 2, 5, 5]]), np.array([[0, 0, 9, 4]]), np.array([[5, 5, 9, 9]])],
        masks=None,
    )
    predictions = Predictions(np.array([0, 3, 2]), np.array([True, False, True]), np.array([True, True, True]))
    boxes = np.array([[2, 2, 5, 5], [0, 0, 9, 9], [0, 0, 4, 9]])
    return SimpleNamespace(truths={"test": truth}, predictions=predictions, boxes=boxes)


def test_a_row_of_an_image(scored: SimpleNamespace):
    found = images(scored, 10)
    assert found["iou"].tolist() == [1.0, 0.5, 0.0], "that with the best of the true boxes"
    assert found["correct"].tolist() == [True, True, False], "an IoU of exactly 0.5 is right"
    assert found[["x0", "y0", "x1", "y1"]].values.tolist() == [[8, 4, 20, 10], [0, 0, 36, 18], [0, 0, 16, 18]]
    assert found["predicted"].tolist() == [0, 3, 2] and found["label"].tolist() == [0, 1, 2]
    assert found["class_correct"].tolist() == [True, False, True], "the first class alone counts"


def test_what_does_not_classify_has_no_class(scored: SimpleNamespace):
    scored.predictions = None
    found = images(scored, 10)
    assert found["predicted"].isna().all() and found["class_correct"].isna().all()
