"""Boxes and IoUs against a plain program that follows the definition threshold by threshold.

The program below shares nothing with the library: it thresholds with numpy, visits every threshold, and computes IoUs
one pair at a time in Python integers. `test_sweep` compares more images, all levels of each.
"""

from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camagain.evaluation.boxes import best_ious, boxes_at

GRID = np.arange(0, 1, 0.001)


def oracle_boxes(score_map: np.ndarray, threshold: float, every: bool) -> list[list[int]]:
    """Boxes at one threshold, in the order of cv2's contours."""
    pixels = np.floor(score_map.astype(np.float64) * 255).astype(np.uint8)
    kept = (pixels > int(threshold * int(pixels.max()))).astype(np.uint8)
    contours, _ = cv2.findContours(kept, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
    if len(contours) == 0:
        return [[0, 0, 0, 0]]
    if not every:
        largest = contours[0]
        for contour in contours:
            if cv2.contourArea(contour) > cv2.contourArea(largest):
                largest = contour
        contours = [largest]
    bottom, right = score_map.shape[0] - 1, score_map.shape[1] - 1
    boxes = []
    for contour in contours:
        x, y, w, h = cv2.boundingRect(contour)
        boxes.append([x, y, min(x + w, right), min(y + h, bottom)])
    return boxes


def oracle_iou(boxes: list[list[int]], truths: list[list[int]]) -> float:
    """The best IoU over all pairs, in exact arithmetic, rounded once."""
    best = Fraction(0)
    for a in boxes:
        for b in truths:
            width = min(a[2], b[2]) - max(a[0], b[0]) + 1
            height = min(a[3], b[3]) - max(a[1], b[1]) + 1
            shared = max(0, width) * max(0, height)
            areas = [(box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (a, b)]
            best = max(best, Fraction(shared, sum(areas) - shared))
    return float(best)


def noise(generator: np.random.Generator, height: int, width: int) -> np.ndarray:
    return generator.random((height, width))


def few_levels(generator: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Every level many times over: ties in area, ties in value, checkerboards."""
    levels = int(generator.integers(2, 8))
    return generator.integers(0, levels, (height, width)) / (levels - 1)


def binary(generator: np.random.Generator, height: int, width: int) -> np.ndarray:
    return (generator.random((height, width)) < generator.random()).astype(np.float64)


def constant(generator: np.random.Generator, height: int, width: int) -> np.ndarray:
    return np.full((height, width), float(generator.choice([0, 1 / 255, 0.5, 1, generator.random()])))


def dim(generator: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A maximum far below 1, so that many thresholds fall on one level."""
    return noise(generator, height, width) * float(generator.choice([0.9, 0.1, 0.02, 0.003]))


def plateaus(generator: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Overlapping rectangles of constant value, which touch, nest and leave the border free or not."""
    score_map = np.zeros((height, width))
    for _ in range(int(generator.integers(1, 8))):
        y, x = int(generator.integers(height)), int(generator.integers(width))
        h, w = int(generator.integers(1, height + 1)), int(generator.integers(1, width + 1))
        score_map[y : y + h, x : x + w] = generator.random()
    return score_map


def holes(generator: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Rings in rings."""
    score_map = np.zeros((height, width))
    for _ in range(int(generator.integers(1, 5))):
        centre = (int(generator.integers(width)), int(generator.integers(height)))
        for radius in range(int(generator.integers(2, 12)), 0, -3):
            cv2.circle(score_map, centre, radius, float(generator.random()), 1)
    return score_map


def smooth(generator: np.random.Generator, height: int, width: int) -> np.ndarray:
    """What the evaluation really meets: a coarse map, upsampled, spanning [0, 1]."""
    coarse = generator.random((int(generator.integers(2, 8)), int(generator.integers(2, 8))))
    fine = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width)
    fine = fine - fine.min()
    return fine / fine.max() if fine.max() > 0 else fine


KINDS = (noise, few_levels, binary, constant, dim, plateaus, holes, smooth)


def assert_equal_to_oracle(score_map: np.ndarray, truth: np.ndarray, thresholds: np.ndarray) -> None:
    for contours in ("largest", "all"):
        expected = [oracle_boxes(score_map, float(t), contours == "all") for t in thresholds]
        found = boxes_at(score_map, thresholds, contours)
        assert [boxes.tolist() for boxes in found] == expected
        ious = best_ious(iter([score_map]), [truth], thresholds, contours)
        assert ious.tolist() == [[oracle_iou(boxes, truth.tolist()) for boxes in expected]]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), height=st.integers(1, 40), width=st.integers(1, 40), single=st.booleans())
def test_no_box_and_no_iou_differs(kind, seed: int, height: int, width: int, single: bool):
    generator = np.random.default_rng(seed)
    score_map = kind(generator, height, width).astype(np.float32 if single else np.float64)
    corners = np.sort(generator.integers(0, [[width], [height]], (int(generator.integers(1, 4)), 2, 2)), axis=2)
    truth = corners.transpose(0, 2, 1).reshape(-1, 4)  # (k, x or y, low or high) -> (k, x0 y0 x1 y1)
    thresholds = np.concatenate([[0.0, 1.0], np.sort(generator.choice(GRID, 20, replace=False))])
    assert_equal_to_oracle(score_map, truth, thresholds)


@pytest.mark.parametrize("kind", (smooth, few_levels, holes), ids=lambda kind: kind.__name__)
def test_no_box_and_no_iou_differs_on_the_full_grid(kind):
    generator = np.random.default_rng(0)
    assert_equal_to_oracle(kind(generator, 61, 84), np.array([[10, 5, 60, 40], [3, 50, 20, 60]]), GRID)
