"""What each corruption keeps and what it destroys."""

import numpy as np
import pytest
from PIL import Image

from camagain.analysis.texture.corruptions import Corruption, corruptions_of, grey, odd_window, scramble_phases
from camagain.config import Input
from camagain.datasets.images import warp
from camagain.datasets.pixels import normalised


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """An image with colours that vary together, edges and noise, (48, 48, 3) uint8."""
    generator = np.random.default_rng(0)
    image = generator.integers(60, 120, size=(48, 48, 3))
    image[10:30, 15:40] += np.array([120, 60, 10])
    return image.astype(np.uint8)


def test_clean_images_are_those_that_evaluation_sees():
    every_value = np.arange(256, dtype=np.uint8).repeat(12).reshape(32, 32, 3)
    settings = Input(size=32, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))
    clean = Corruption("clean").apply(every_value, 0, "a")
    np.testing.assert_array_equal(normalised(clean, settings), warp(Image.fromarray(every_value), settings).numpy())


def test_every_kind_depends_on_seed_and_image_alone(pixels):
    for kind in corruptions_of(48, (2, 4, 8), (0.08, 0.2))[0]:
        first = kind.apply(pixels, 0, "bird")
        np.testing.assert_array_equal(first, kind.apply(pixels, 0, "bird"))
        drawn = kind.name in ("patches", "phases")
        assert drawn == (not np.array_equal(first, kind.apply(pixels, 1, "bird"))), kind
        assert drawn == (not np.array_equal(first, kind.apply(pixels, 0, "other bird"))), kind
        assert np.array_equal(first, pixels / 255) == (kind.name == "clean"), kind


@pytest.mark.parametrize("side", [48, 33])
def test_random_phases_keep_spectrum_mean_and_covariance_of_the_colours(pixels, side: int):
    image = pixels[:side, :side] / 255
    scrambled = scramble_phases(image, np.random.default_rng(0))
    assert scrambled.shape == image.shape and np.abs(scrambled - image).mean() > 0.05
    amplitude, kept = (np.abs(np.fft.fft2(x, axes=(0, 1))) for x in (image, scrambled))
    np.testing.assert_allclose(kept, amplitude, atol=1e-9)
    np.testing.assert_allclose(scrambled.mean((0, 1)), image.mean((0, 1)), atol=1e-12)
    np.testing.assert_allclose(np.cov(scrambled.reshape(-1, 3).T), np.cov(image.reshape(-1, 3).T), atol=1e-12)


def test_random_phases_leave_no_trace_of_places(pixels):
    mean = np.mean([scramble_phases(pixels / 255, np.random.default_rng(seed)) for seed in range(200)], axis=0)
    square, around = mean[12:28, 17:38].mean(), mean.mean()
    assert abs(square - around) < 0.02 < (pixels[12:28, 17:38].mean() - pixels.mean()) / 255


def test_a_median_filter_removes_what_is_small_and_keeps_what_is_large():
    image = np.full((48, 48, 3), 50, np.uint8)
    image[5, 5] = image[20:22, 40] = 255  # spots smaller than half of the window
    image[24:, :24] = 200
    smooth = Corruption("median", 7).apply(image, 0, "a") * 255
    assert (smooth[:20] == 50).all() and (smooth[20:22, 36:] == 50).all()
    assert (smooth[28:, :20] == 200).all() and (smooth[24:28, :20] == 200).all()  # its edge stays where it was


@pytest.mark.parametrize("side", [48, 96, 224, 384])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.03, 0.08, 0.13, 0.5])
def test_windows_are_odd_and_near_their_share(side: int, share: float):
    window = odd_window(share, side)
    assert window % 2 == 1 and window >= 3
    assert abs(window - share * side) <= 1 or (window == 3 and share * side < 3)


def test_grey_is_luminance_in_all_colours():
    assert grey(np.array([[[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]]])).round(12).tolist() == [[[0.299] * 3, [1.0] * 3]]


def test_grids_that_do_not_divide_are_left_out_and_equal_windows_count_once():
    kinds, left_out = corruptions_of(48, (8, 5, 2, 2), (0.03, 0.04, 0.2))
    assert [(kind.name, kind.strength) for kind in kinds] == [
        ("clean", 0),
        ("patches", 2),
        ("patches", 8),
        ("median", 3),
        ("median", 9),
        ("phases", 0),
        ("grey", 0),
    ]
    assert left_out == ["5 x 5 patches: 48 pixels cannot be divided by 5"]
    assert [kind.loses for kind in kinds[::2]] == ["nothing", "shape", "texture", "colour"]
