"""Patches that change places, and maps that are put back."""

import numpy as np
import pytest

from camagain.analysis.texture.patches import carry_map, draw_order, put_back, put_back_map, shuffle
from camagain.evaluation.score_maps import normalise, upsample


@pytest.mark.parametrize("grid", [2, 3, 8])
def test_every_patch_has_one_new_place(grid: int):
    for seed in range(20):
        order = draw_order(grid, np.random.default_rng(seed))
        assert sorted(order) == list(range(grid * grid))
        assert (order != np.arange(grid * grid)).all()


def test_all_orders_without_a_patch_in_its_place_occur_alike():
    generator = np.random.default_rng(0)
    drawn = [tuple(draw_order(2, generator)) for _ in range(1800)]
    counts = [drawn.count(order) for order in sorted(set(drawn))]
    assert len(counts) == 9  # permutations of four things without a fixed one
    assert min(counts) > 200 - 5 * 14 and max(counts) < 200 + 5 * 14  # five standard deviations


def test_a_single_patch_cannot_move():
    with pytest.raises(ValueError, match="grid is 1"):
        draw_order(1, np.random.default_rng(0))


def test_a_hand_made_shuffle():
    pixels = np.array([[1, 1, 2, 2], [1, 1, 2, 2], [3, 4, 5, 6], [7, 8, 9, 0]])
    shuffled = shuffle(pixels, np.array([3, 0, 1, 2]))
    assert shuffled.tolist() == [[5, 6, 1, 1], [9, 0, 1, 1], [2, 2, 3, 4], [2, 2, 7, 8]]


@pytest.mark.parametrize("shape", [(24, 24, 3), (24, 48), (48, 24, 2)])
def test_shuffling_keeps_every_pixel_and_can_be_undone(shape: tuple[int, ...]):
    generator = np.random.default_rng(1)
    pixels = generator.integers(256, size=shape).astype(np.uint8)
    for grid in (2, 4, 8):
        order = draw_order(grid, generator)
        shuffled = shuffle(pixels, order)
        assert shuffled.dtype == pixels.dtype and shuffled.shape == pixels.shape
        assert not np.array_equal(shuffled, pixels)
        np.testing.assert_array_equal(np.sort(shuffled.ravel()), np.sort(pixels.ravel()))
        np.testing.assert_array_equal(put_back(shuffled, order), pixels)


def test_sides_that_the_grid_does_not_divide_are_refused():
    with pytest.raises(ValueError, match="found 24 x 25 pixels, expected sides that 4 patches divide"):
        shuffle(np.zeros((24, 25)), draw_order(4, np.random.default_rng(0)))


def test_a_map_at_full_size_is_put_back_without_loss():
    generator = np.random.default_rng(2)
    score_map, order = generator.random((24, 24)), draw_order(4, generator)
    back = put_back_map(shuffle(score_map, order), order, 24, "linear")
    np.testing.assert_allclose(back, normalise(score_map), atol=1e-12)


def test_a_map_is_put_back_where_the_grid_does_not_divide_the_size():
    order = draw_order(3, np.random.default_rng(3))
    score_map = np.zeros((9, 9))
    score_map[:3, :3] = 1  # patch 0 of the shuffled image, whose place in the image is order[0]
    back = put_back_map(score_map, order, 32, "linear")
    assert back.shape == (32, 32) and back.min() == 0 and back.max() == 1
    row, column = divmod(int(order[0]), 3)
    middle = back[int((row + 0.5) * 32 / 3), int((column + 0.5) * 32 / 3)]
    assert middle == 1 and np.mean(back > 0.5) == pytest.approx(1 / 9, abs=0.03)


def test_the_control_loses_only_what_the_grid_cannot_resolve():
    generator = np.random.default_rng(4)
    order = draw_order(2, generator)
    fine = generator.random((16, 16))
    lossless = put_back_map(carry_map(fine, order, 16, "linear"), order, 16, "linear")
    np.testing.assert_allclose(lossless, normalise(fine), atol=1e-12)
    coarse = generator.random((4, 4))
    carried = carry_map(coarse, order, 16, "linear")
    assert carried.shape == (4, 4)
    expected = shuffle(upsample(coarse, 16), order).reshape(4, 4, 4, 4).mean((1, 3))  # cells of 4 x 4 pixels
    np.testing.assert_allclose(carried, expected, atol=1e-12)
