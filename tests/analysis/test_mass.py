"""Where a map's mass lies: by hand, and for maps that are even, on the object, or empty."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from camagain.analysis.kit.mass import CUE, box_regions, concentrations, object_regions, shares, shares_of, with_cues
from camagain.evaluation.inputs import Truth
from camagain.evaluation.masks import IGNORED, OBJECT
from camagain.statistics.bootstrap import Sampling

SAMPLING = Sampling(resamples=50)


def truth(*boxes: list[list[int]], masks: list | None = None) -> Truth:
    count = len(boxes)
    sides = np.full(count, 8)
    return Truth(2, [str(i) for i in range(count)], np.zeros(count, int), sides, sides, [*map(np.array, boxes)], masks)


def test_shares_by_hand():
    score_map = np.array([[1.0, 2.0, 3.0], [4.0, 0.0, 10.0]])
    regions = np.array([[0, 1, 1], [2, 2, IGNORED]], np.uint8)
    mass, area = shares(score_map, regions, 3)
    assert mass.tolist() == [0.1, 0.5, 0.4], "the ignored pixel with half of the mass does not count"
    assert area.tolist() == [0.2, 0.4, 0.4]


def test_an_even_map_is_uniform_and_one_on_the_object_is_not():
    regions = list(box_regions(truth([[2, 1, 3, 6]], [[0, 0, 7, 0]]), 8))
    assert [np.count_nonzero(labels == OBJECT) for labels in regions] == [12, 8], "both corners belong to a box"
    even = np.ones((2, 8, 8))
    on_object = np.stack(regions).astype(float)
    found = shares_of({"even": even, "object": on_object}, regions, 2)
    assert [e.value for e in concentrations(*found["even"], SAMPLING)] == pytest.approx([1, 1])
    outside, inside = concentrations(*found["object"], SAMPLING)
    assert outside.value == 0
    assert inside.value == pytest.approx(64 / 10), "all of the mass in 12 and in 8 of 64 pixels, 10 on average"


def test_a_map_without_mass_is_left_out_of_both_means():
    regions = np.zeros((2, 4, 4), np.uint8)
    regions[0, :2], regions[1, :1] = OBJECT, OBJECT
    maps = np.stack([np.ones((4, 4)), np.zeros((4, 4))])
    mass, area = shares_of({"m": maps}, regions, 2)["m"]
    assert np.isnan(mass[1]).all() and area[1].tolist() == [0.75, 0.25]
    assert concentrations(mass, area, SAMPLING)[OBJECT].value == pytest.approx(1)


def test_maps_and_regions_must_fit():
    with pytest.raises(ValueError, match="found shape"):
        shares(np.ones((2, 2)), np.zeros((2, 3), np.uint8), 1)
    with pytest.raises(ValueError, match="expected values >= 0"):
        shares(np.array([[-1.0]]), np.zeros((1, 1), np.uint8), 1)
    with pytest.raises(ValueError, match="expected values >= 0"):
        shares(np.array([[np.nan]]), np.zeros((1, 1), np.uint8), 1)
    with pytest.raises(ValueError, match=r"shorter|longer"):
        shares_of({"m": np.ones((2, 4, 4))}, np.zeros((1, 4, 4), np.uint8), 1)


def test_several_boxes_of_an_image_count_once():
    (labels,) = box_regions(truth([[0, 0, 3, 3], [2, 2, 5, 5]]), 8)
    assert np.count_nonzero(labels) == 16 + 16 - 4


def test_masks_come_before_boxes(tmp_path: Path):
    mask = np.zeros((8, 8), np.uint8)
    mask[3, 3:6] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    of_image = truth([[2, 1, 3, 6]], masks=[(tmp_path / "mask.png", None)])
    assert np.count_nonzero(next(iter(object_regions(of_image, 8)))) == 3
    assert np.count_nonzero(next(iter(object_regions(truth([[2, 1, 3, 6]]), 8)))) == 12


def test_cues_are_cut_to_the_object_and_scaled_from_the_image():
    regions = np.zeros((4, 4), np.uint8)
    regions[1:3] = OBJECT
    boxes = np.array([[0, 0, 5, 2], [15, 4, 20, 8.0]])  # edges, in an image of 20 x 8 pixels
    found = with_cues(regions, boxes, 20, 8)
    assert found.tolist() == [[0, 0, 0, 0], [1, 1, 1, 1], [1, 1, 1, CUE], [0, 0, 0, 0]]
    assert not regions.max() > OBJECT, "the regions of the object are another map's, too"
    assert np.array_equal(with_cues(regions, np.empty((0, 4)), 20, 8), regions)


def test_cues_have_the_area_of_their_boxes():
    """A pixel belongs to a box by its centre: exactly w h pixels for a box of w x h whole pixels."""
    regions = np.full((12, 12), OBJECT, np.uint8)
    assert np.count_nonzero(with_cues(regions, np.array([[3, 2, 7, 9.0]]), 12, 12) == CUE) == 4 * 7
    assert np.count_nonzero(with_cues(regions, np.array([[1.5, 1, 3.5, 4.5]]), 6, 6) == CUE) == 4 * 7
