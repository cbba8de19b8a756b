"""IoU with inclusive pixels."""

import numpy as np
import pytest

from camagain.evaluation.iou import check_boxes, iou


def test_iou_by_hand():
    first = np.array([[0, 0, 9, 9], [0, 0, 0, 0]])  # 100 pixels, 1 pixel
    second = np.array([[0, 0, 9, 9], [5, 5, 14, 14], [9, 9, 9, 9], [10, 0, 19, 9]])
    expected = [[1.0, 25 / 175, 1 / 100, 0.0], [1 / 100, 0.0, 0.0, 0.0]]
    assert iou(first, second).tolist() == expected


def test_iou_does_not_depend_on_the_order_or_on_the_type():
    generator = np.random.default_rng(0)
    corners = np.sort(generator.integers(0, 300, (40, 2, 2)), axis=1).reshape(40, 4)
    np.testing.assert_array_equal(iou(corners, corners), iou(corners, corners).T)
    np.testing.assert_array_equal(iou(corners, corners), iou(corners.astype(np.float64), corners))
    assert (np.diag(iou(corners, corners)) == 1).all()


def test_a_box_of_one_pixel_is_a_box_and_one_turned_around_is_not():
    assert check_boxes(np.array([[3, 4, 3, 4]]), "truth").tolist() == [[3, 4, 3, 4]]
    for turned in ([4, 4, 3, 4], [3, 5, 3, 4]):
        with pytest.raises(ValueError, match=r"truth: found .* expected x0 <= x1"):
            check_boxes(np.array([turned]), "truth")
