"""The single sweep over all levels against OpenCV, mask by mask.

`test_boxes_oracle` holds the public functions to the definition; here every one of the 256 levels of an 8-bit image is
compared, on images made to break a sweep: ties in area, diagonals, spirals, combs, plateaus, rings, single pixels.
"""

from itertools import product

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from camagain.evaluation.box_sweep.contours import ContourBoxes

TRUTHS = np.array([[2, 1, 9, 7], [0, 3, 30, 20]])


def oracle(pixels: np.ndarray, level: int) -> tuple[list[tuple[int, ...]], int]:
    """Boxes of the contours above a level, in cv2's order, and the number of the one that max() by area takes."""
    contours = cv2.findContours((pixels > level).astype(np.uint8), cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)[0]
    if not contours:
        return [(0, 0, 0, 0)], 0
    bottom, right = pixels.shape[0] - 1, pixels.shape[1] - 1
    boxes = []
    for x, y, w, h in map(cv2.boundingRect, contours):
        boxes.append((x, y, min(x + w, right), min(y + h, bottom)))
    areas = [cv2.contourArea(contour) for contour in contours]
    return boxes, areas.index(max(areas))


def best_pair(boxes: list[tuple[int, ...]], truths: np.ndarray) -> float:
    def iou(a, b) -> float:
        width, height = (min(a[2 + k], b[2 + k]) - max(a[k], b[k]) + 1 for k in (0, 1))
        shared = max(0, width) * max(0, height)
        return shared / (sum((c[2] - c[0] + 1) * (c[3] - c[1] + 1) for c in (a, b)) - shared)

    return max(iou(a, b) for a in boxes for b in truths.tolist())


def assert_equal_to_cv2(pixels: np.ndarray, truths: np.ndarray = TRUTHS) -> None:
    """Same boxes in the same order, same choice and same IoUs, bit for bit, at every level."""
    found, highest = ContourBoxes(pixels), int(pixels.max())
    # Thresholds that give each level once, from 0 to the maximum, where nothing is kept.
    thresholds = np.append((np.arange(highest) + 0.5) / max(highest, 1), 1.0)
    every = found.at_thresholds(thresholds, "all")
    largest = found.at_thresholds(thresholds, "largest")
    ious = {kind: found.best_iou(truths, thresholds, kind).tolist() for kind in ("largest", "all")}
    mask = None
    for level in range(highest + 1):
        if mask is None or not np.array_equal(mask, pixels > level):
            mask = pixels > level
            boxes, best = oracle(pixels, level)
            expected = best_pair([boxes[best]], truths), best_pair(boxes, truths)
        assert list(map(tuple, every[level].tolist())) == boxes, f"level {level}"
        assert list(map(tuple, largest[level].tolist())) == [boxes[best]], f"level {level}"
        assert (ious["largest"][level], ious["all"][level]) == expected, f"level {level}"


def spiral(size: int) -> np.ndarray:
    """A wall of one pixel winding inwards, as bright as it is far in: one component with one long way round."""
    image, position, step = np.zeros((size, size), np.uint8), np.array([0, 0]), np.array([0, 1])
    for bright in range(1, 200):
        image[tuple(position)] = bright
        ahead, beyond = position + step, position + 2 * step
        inside = (ahead >= 0).all() and (ahead < size).all()
        free = (beyond < 0).any() or (beyond >= size).any() or image[tuple(beyond)] == 0
        if not (inside and free and image[tuple(ahead)] == 0):
            step = np.array([step[1], -step[0]])
            ahead = position + step
            if (ahead < 0).any() or (ahead >= size).any() or image[tuple(ahead)]:
                break
        position = ahead
    return image


def object_like(generator: np.random.Generator, height: int, width: int) -> np.ndarray:
    """What the evaluation meets: a bump with noise on a coarse grid, clipped at 0 and upsampled."""
    grid = int(generator.integers(3, 13))
    y, x = np.mgrid[:grid, :grid] - generator.uniform(0, grid, (2, 1, 1))
    coarse = np.exp(-(x**2 + y**2) / grid) - 0.2 + 0.15 * generator.standard_normal((grid, grid))
    fine = cv2.resize(np.clip(coarse, 0, None), (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width)
    return (fine / max(fine.max(), 1e-9) * generator.choice([255, 255, 90, 7])).astype(np.uint8)


def levels(generator: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Noise of a few levels, up to the highest values or only to the lowest."""
    count = int(generator.choice([2, 3, 7, 20, 256]))
    return (generator.integers(0, count, (height, width)) * int(generator.choice([1, 255 // (count - 1)]))).astype(
        np.uint8
    )


def strokes(generator: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Thin lines, circles and boxes of few values: no areas, equal areas, diagonals, rings that touch and nest."""
    image = np.full((height, width), int(generator.choice([0, 0, 128, 255])), np.uint8)
    for _ in range(int(generator.integers(1, 25))):
        a, b = (tuple(int(v) for v in generator.integers(0, [width, height])) for _ in range(2))
        value, kind = int(generator.choice([0, 60, 128, 200, 255])), generator.integers(3)
        if kind == 0:
            cv2.line(image, a, b, value, 1)
        elif kind == 1:
            cv2.circle(image, a, int(generator.integers(1, 12)), value, 1)
        else:
            cv2.rectangle(image, a, b, value, int(generator.choice([1, -1])))
    return image


@pytest.mark.parametrize("kind", [object_like, levels, strokes], ids=lambda kind: kind.__name__)
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), height=st.integers(1, 69), width=st.integers(1, 69))
def test_every_level_is_that_of_cv2(kind, seed: int, height: int, width: int):
    assert_equal_to_cv2(kind(np.random.default_rng(seed), height, width))


@settings(max_examples=120, deadline=None)
@given(
    arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=7), elements=st.sampled_from([0, 1, 2, 254, 255]))
)
@example(np.array([[1, 0, 1], [0, 0, 0], [1, 0, 1]], np.uint8))  # ties within a row and between rows
@example(np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.uint8))  # a hole whose contour is that of its component
def test_small_images(pixels: np.ndarray):
    assert_equal_to_cv2(pixels)


@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (5, 2), (1, 8), (8, 1)])
def test_all_binary_images_of_a_shape(shape: tuple[int, int]):
    for bits in product((0, 1), repeat=shape[0] * shape[1]):
        assert_equal_to_cv2(np.array(bits, np.uint8).reshape(shape))


CHECKERBOARD = np.indices((23, 31)).sum(axis=0) % 2


@pytest.mark.parametrize(
    "pixels",
    [
        CHECKERBOARD * 255,
        255 - np.indices((23, 31)).sum(axis=0) % 3 * 100,
        spiral(41),
        255 - spiral(41),
        spiral(41).T[::-1],
        np.tile([9, 200], (30, 12)) * (np.arange(30)[:, None] > 2) + 7,  # a comb
        np.maximum(*np.abs(np.indices((33, 33)) - 16)) % 2 * 200 + np.arange(33) % 5,  # squares in squares
        np.abs(np.indices((33, 33)) - 16).sum(axis=0) % 2 * 255,  # diamonds in diamonds
        np.arange(256).reshape(16, 16),  # a staircase
        np.arange(256).reshape(16, 16)[::-1, ::-1],
        np.full((5, 9), 255),
    ],
)
def test_adversarial_images(pixels: np.ndarray):
    assert_equal_to_cv2(pixels.astype(np.uint8))


def test_of_equal_areas_the_last_one_found_wins_whatever_grows():
    """Three diagonal strokes without area; the one at the bottom loses its lead when a pixel is added at its top."""
    pixels = np.zeros((12, 12), np.uint8)
    pixels[2, 2] = pixels[3, 3] = pixels[6, 8] = pixels[7, 9] = 200
    pixels[8, 2] = pixels[9, 3] = 255
    pixels[[7, 6, 5], [1, 2, 3]] = 100  # the bottom stroke's first pixel is now above that of the one to its right
    assert_equal_to_cv2(pixels)
    at = ContourBoxes(pixels).at_thresholds(np.array([0.1, 0.5, 0.9]), "largest")
    assert [boxes[0].tolist() for boxes in at] == [[8, 6, 10, 8], [2, 8, 4, 10], [2, 8, 4, 10]]
