"""Upsampling, normalisation and the scaling of boxes."""

from itertools import count

import cv2
import numpy as np
import pytest

from camagain.evaluation.score_maps import normalise, scale_boxes, score_maps, script_map, unscale_boxes, upsample


def test_normalised_maps_span_0_to_1():
    assert normalise(np.array([[-2.0, 0.0], [2.0, 6.0]])).tolist() == [[0.0, 0.25], [0.5, 1.0]]


@pytest.mark.parametrize("value", [0.0, -3.0, 7.0])
def test_constant_maps_become_zeros(value: float):
    [score_map] = score_maps([np.full((3, 3), value, dtype=np.float32)], 12)
    assert score_map.tolist() == np.zeros((12, 12)).tolist()


def test_linear_upsampling_by_hand():
    """cv2 aligns pixel areas: at twice the size, weights 3/4 and 1/4, and the border repeats."""
    assert upsample(np.array([[0.0, 4.0]]), 4)[0].tolist() == [0.0, 1.0, 3.0, 4.0]


@pytest.mark.parametrize(("name", "flag"), [("linear", cv2.INTER_LINEAR), ("cubic", cv2.INTER_CUBIC)])
def test_maps_are_float64_from_the_start(name, flag: int):
    stored = np.random.default_rng(0).normal(size=(12, 12)).astype(np.float32)
    [found] = score_maps([stored], 224, name)
    expected = cv2.resize(stored.astype(np.float64), (224, 224), interpolation=flag)
    expected = (expected - expected.min()) / (expected - expected.min()).max()
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.float64 and found.min() == 0 and found.max() == 1
    assert stored.min() < 0  # the stored map is left as it was


def test_linear_and_cubic_differ():
    stored = np.random.default_rng(0).random((7, 7))
    assert not np.array_equal(upsample(stored, 50, "linear"), upsample(stored, 50, "cubic"))


def test_maps_are_made_one_at_a_time():
    endless = score_maps((np.eye(3) * i for i in count(1)), 8)
    assert next(endless).shape == next(endless).shape == (8, 8)


@pytest.mark.parametrize(
    ("score_map", "message"),
    [
        (np.array([[np.nan, 1.0]]), "1 values that are NaN or infinite"),
        (np.array([[np.inf, 1.0]]), "NaN or infinite"),
        (np.zeros(4), r"shape \(4,\)"),
    ],
)
def test_faulty_maps_are_refused(score_map: np.ndarray, message: str):
    with pytest.raises(ValueError, match=message):
        upsample(score_map, 8)


def test_unknown_interpolation_is_refused():
    with pytest.raises(ValueError, match="found 'area', expected one of"):
        upsample(np.eye(2), 8, "area")  # pyright: ignore[reportArgumentType]


def test_boxes_are_scaled_and_truncated():
    # 60 * 224 / 500 = 26.88; 27 * 224 / 335 = 18.05; 385 * 224 / 500 = 172.48; 331 * 224 / 335 = 221.33
    assert scale_boxes(np.array([[60, 27, 385, 331]]), 500, 335, 224).tolist() == [[26, 18, 172, 221]]


def test_boxes_are_scaled_by_multiplying_first():
    """55 * 224 / 110 is exactly 112; 55 * (224 / 110) falls just short of it and would truncate to 111."""
    assert int(55 * (224 / 110)) == 111
    assert scale_boxes(np.array([[0, 0, 55, 55]]), 110, 110, 224).tolist() == [[0, 0, 112, 112]]
    assert int(174 / 300 * 50) == 28, "dividing first falls short in another place"
    assert scale_boxes(np.array([[0, 0, 174, 174]]), 300, 300, 50).tolist() == [[0, 0, 29, 29]]


def test_unscaling_undoes_scaling_up_to_a_map_pixel():
    original = np.array([[60.0, 27.0, 385.0, 331.0], [10.0, 20.0, 30.0, 40.0]])
    widths, heights = np.array([500, 100]), np.array([335, 80])
    scaled = np.concatenate(
        [scale_boxes(box[None], w, h, 224) for box, w, h in zip(original, widths, heights, strict=True)]
    )
    back = unscale_boxes(scaled, widths, heights, 224)
    pixel = np.stack([widths, heights, widths, heights], axis=1) / 224
    assert ((original - back >= 0) & (original - back < pixel)).all()
    assert unscale_boxes(np.array([[0, 0, 112, 224]]), np.array([448]), np.array([100]), 224).tolist() == [
        [0.0, 0.0, 224.0, 100.0]
    ]


def test_the_scripts_map_is_cut_and_wrapped_to_8_bits():
    """Corners keep their values when a map is resized: 0.5 is 127, 1.5 is 382 - 256, -0.01 is 254, 1 is 255."""
    found = script_map(np.array([[0.5, 1.5], [-0.01, 1.0]], dtype=np.float32))
    assert found.shape == (384, 384)
    levels = np.array([127, 126, 254, 255])  # of which every level from 0 to 255 occurs in between
    np.testing.assert_array_equal(found[[0, 0, -1, -1], [0, -1, 0, -1]], levels / 255)
    assert found.min() == 0 and found.max() == 1


def test_the_scripts_map_is_scaled_again_and_zero_where_constant():
    np.testing.assert_array_equal(np.unique(script_map(np.array([[0.2, 0.2], [0.2, 0.6]])))[[0, -1]], [0, 1])
    assert not script_map(np.full((3, 3), 0.7)).any()


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_published_maps_at_384_are_the_scripts_and_smaller_ones_are_resized_from_them(interpolation):
    coarse = np.random.default_rng(0).random((12, 12)).astype(np.float32)
    saved = script_map(coarse)
    np.testing.assert_array_equal(next(score_maps([coarse], 384, interpolation, "published")), saved)
    small = next(score_maps([coarse], 224, interpolation, "published"))
    np.testing.assert_array_equal(small, normalise(upsample(saved, 224, interpolation)))
    described = next(score_maps([coarse], 384, "linear", "described"))
    assert 0 < np.abs(described - saved).max() < 0.01  # without wrapping, rounding is all that differs


def test_a_map_spans_0_to_1_however_low_its_contrast_and_wherever_it_lies():
    for low, high in ((0.0, 1e-12), (5.0, 5.5), (-3.0, -1.0), (-1.0, 1.0)):
        found = normalise(np.array([[low, (low + high) / 2, high]]))
        np.testing.assert_allclose(found, [[0, 0.5, 1]], rtol=1e-12)
