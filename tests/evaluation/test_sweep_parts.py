"""The parts of the sweep, each against another program for the same thing, and how they are compiled."""

import subprocess
import sys

import cv2
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numba.core.dispatcher import Dispatcher
from scipy import ndimage

from camagain.evaluation import iou
from camagain.evaluation.box_sweep import areas, contours, filling, hills, nesting, runs, sweep
from camagain.evaluation.box_sweep.areas import doubled_areas
from camagain.evaluation.box_sweep.filling import without_holes
from camagain.evaluation.box_sweep.hills import find_hills
from camagain.evaluation.box_sweep.runs import Runs, cut_rows, peak_pixels
from camagain.evaluation.boxes import best_ious_by_contours, boxes_at
from camagain.evaluation.compiled import compiled

EDGES, CORNERS = ndimage.generate_binary_structure(2, 1), ndimage.generate_binary_structure(2, 2)
TRUTHS = np.array([[2, 1, 9, 7], [0, 3, 30, 20]])


@st.composite
def images(draw: st.DrawFn) -> np.ndarray:
    """Small images of few values, or larger ones that are smooth."""
    shapes = array_shapes(min_dims=2, max_dims=2, max_side=12)
    pixels = draw(arrays(np.uint8, shapes, elements=st.sampled_from([0, 1, 2, 99, 254, 255])))
    if draw(st.booleans()):
        pixels = cv2.resize(pixels, draw(st.tuples(*[st.integers(2, 40)] * 2)))
    return pixels


@settings(max_examples=60, deadline=None)
@given(images())
def test_runs_rise_to_one_peak_and_fall(pixels: np.ndarray):
    runs = cut_rows(pixels)
    ends = np.append(runs.start[1:], 0)
    ends[runs.first[1:] - 1] = pixels.shape[1]
    rows = np.repeat(np.arange(len(pixels)), np.diff(runs.first))
    assert (runs.start[runs.first[:-1]] == 0).all()
    for y, start, peak, end in zip(rows, runs.start, runs.peak, ends, strict=True):
        assert start <= peak < end
        steps = np.diff(pixels[y, start:end].astype(int))
        assert (steps[: peak - start] >= 0).all() and (steps[peak - start :] <= 0).all()


@settings(max_examples=60, deadline=None)
@given(images(), st.integers(0, 255))
def test_peak_pixels_span_the_rows_and_columns_of_every_level(pixels: np.ndarray, level: int):
    found = peak_pixels(cut_rows(pixels))
    value, _, x, y = found[found[:, 0] > level].T
    np.testing.assert_array_equal(pixels[y, x], value)
    for axis, places in ((0, x), (1, y)):
        np.testing.assert_array_equal(np.unique(places), np.flatnonzero((pixels > level).any(axis=axis)))


@settings(max_examples=60, deadline=None)
@given(images(), st.integers(0, 254))
def test_hills_and_joins_count_the_components_of_every_level(pixels: np.ndarray, level: int):
    bright = find_hills(cut_rows(pixels), bright=True)
    count = np.count_nonzero(bright.height > level) - np.count_nonzero(bright.joins[:, 0] > level)
    assert count == ndimage.label(pixels > level, CORNERS)[1]
    dark = find_hills(cut_rows(255 - pixels), bright=False)
    count = np.count_nonzero(dark.height > 254 - level) - np.count_nonzero(dark.joins[:, 0] > 254 - level)
    assert count == ndimage.label(np.pad(pixels <= level, 1, constant_values=True), EDGES)[1]


@settings(max_examples=60, deadline=None)
@given(images(), st.integers(0, 254))
def test_filling_is_filling_at_every_level(pixels: np.ndarray, level: int):
    dark = cut_rows(255 - pixels)
    filled = without_holes(dark, find_hills(dark, bright=False))
    np.testing.assert_array_equal(filled > level, ndimage.binary_fill_holes(pixels > level, EDGES))


@settings(max_examples=60, deadline=None)
@given(images())
def test_areas_are_those_of_cv2(pixels: np.ndarray):
    """Of the component around the highest pixel of all, at every level."""
    dark = cut_rows(255 - pixels)
    filled = cut_rows(without_holes(dark, find_hills(dark, bright=False)))
    hills = find_hills(filled, bright=True)
    # Of several hills of that height one takes in the others, or they never meet.
    hill = next(i for i in np.argsort(-hills.height) if i not in hills.joins[:, 1])
    run = next(i for i in np.flatnonzero(hills.of_run == hill) if peak_values(filled)[i] == hills.height[hill])
    y, x = int(np.searchsorted(filled.first, run, side="right")) - 1, int(filled.peak[run])
    areas = doubled_areas(filled, hills)
    for level in range(0, int(hills.height[hill]), 5):
        component = ndimage.label(filled.image > level, CORNERS)[0]
        mask = (component == component[y, x]).astype(np.uint8)
        [contour] = cv2.findContours(mask, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)[0]
        assert areas[hill, level] == 2 * cv2.contourArea(contour)


def peak_values(runs: Runs) -> np.ndarray:
    """The value of each run's peak."""
    rows = np.repeat(np.arange(len(runs.image)), np.diff(runs.first))
    return runs.image[rows, runs.peak]


def compilations() -> dict[str, int]:
    """How often each function has been compiled, or read from the cache, in this process."""
    modules = (areas, contours, filling, hills, iou, nesting, runs, sweep)
    functions = [value for module in modules for value in vars(module).values() if isinstance(value, Dispatcher)]
    return {function.__qualname__: len(function.signatures) for function in functions}


def test_no_kind_of_array_compiles_anything_anew():
    """Compiling takes seconds, so whatever comes in is brought to one type first."""

    def use(score_map: np.ndarray, truths: np.ndarray) -> None:
        best_ious_by_contours([score_map], [truths], np.array([0.1, 0.5]))
        boxes_at(score_map, np.array([0.1, 0.5]), "all")

    score_map = np.random.default_rng(0).random((40, 30))
    use(score_map, TRUTHS)
    before = compilations()
    assert len(before) > 20
    for view in (
        score_map.astype(np.float32),
        score_map.T,
        score_map[::2, ::-3],
        np.broadcast_to(score_map[0], (5, 30)),
    ):
        for truths in (TRUTHS, TRUTHS.astype(np.float32), np.broadcast_to(TRUTHS[:1], (3, 4))):
            use(view, truths)
    assert compilations() == before


def test_results_survive_without_a_folder_for_the_cache(monkeypatch: pytest.MonkeyPatch):
    def nowhere(function, **options):
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return njit(function, **options)

    njit = numba.njit
    monkeypatch.setattr(numba, "njit", nowhere)
    assert compiled(lambda x: x + 1)(2) == 3


def test_other_commands_start_without_numba():
    code = "import sys, camagain.cli, camagain.config, camagain.evaluation.metrics; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
