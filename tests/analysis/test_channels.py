"""Bins of channels by weight: equal in size, against sorting everything, and the same for any order of images."""

import numpy as np
import pytest

from camagain.analysis.gap.bins import NO_BIN, bin_sizes, binned_sums, weight_bins

K, C, N, B = 4, 30, 50, 6


@pytest.fixture
def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Class weights (K, C), predicted classes (N,) without the last class, and values (N, C)."""
    generator = np.random.default_rng(0)
    predicted = generator.choice(K - 1, N, p=[0.6, 0.3, 0.1])
    return generator.normal(size=(K, C)), predicted, generator.normal(size=(N, C))


def test_sums_are_those_of_sorting_all_channels_of_all_images(drawn):
    class_weight, predicted, values = drawn
    bins = weight_bins(class_weight, predicted, B)
    weight = class_weight[predicted]  # (N, C)
    edges = np.quantile(weight, np.linspace(0, 1, B + 1))[1:-1]
    sums, sizes = binned_sums(values, bins, predicted, B), bin_sizes(bins, predicted, B)
    assert sums.shape == sizes.shape == (N, B)
    assert sums.sum(1) == pytest.approx(values.sum(1)), "every channel is in one bin"
    assert sizes.sum(1) == pytest.approx(C)
    own = bins[predicted]  # (N, C)
    for number in range(B):
        assert sums[:, number] == pytest.approx(np.where(own == number, values, 0).sum(1))
        assert sizes[:, number] == pytest.approx((own == number).sum(1))
    near_an_edge = np.abs(weight[..., None] - edges).min(-1) < 0.1
    assert (own == np.searchsorted(edges, weight))[~near_an_edge].all()


def test_bins_rise_with_weight_and_are_equal_up_to_one_prediction(drawn):
    class_weight, predicted, _ = drawn
    bins = weight_bins(class_weight, predicted, B)
    used = bins[: K - 1]
    order = np.argsort(class_weight[: K - 1], axis=None)
    assert (np.diff(used.ravel()[order]) >= 0).all()
    sizes = bin_sizes(bins, predicted, B).sum(0)
    assert np.abs(sizes - N * C / B).max() <= np.bincount(predicted).max()
    assert (bins[K - 1] == NO_BIN).all(), "a class that is never predicted has no channels to count"


def test_bins_are_equal_even_where_all_weights_are(drawn):
    _, predicted, _ = drawn
    sizes = bin_sizes(weight_bins(np.zeros((K, C)), predicted, B), predicted, B).sum(0)
    assert np.abs(sizes - N * C / B).max() <= np.bincount(predicted).max()


def test_one_class_by_hand():
    bins = weight_bins(np.array([[0.3, -1.0, 2.0, 0.1]]), np.zeros(5, int), 2)
    assert bins.tolist() == [[1, 0, 1, 0]]
    values = np.array([[1.0, 2.0, 4.0, 8.0]] * 5)
    assert binned_sums(values, bins, np.zeros(5, int), 2).tolist() == [[10.0, 5.0]] * 5


def test_bins_are_symmetric():
    """Five channels in three bins: the middle one has one, whichever end is counted from."""
    class_weight = np.array([[1.0, 2.0, 3.0, 4.0, 5.0]])
    for sign, expected in ((1, [0, 0, 1, 2, 2]), (-1, [2, 2, 1, 0, 0])):
        assert weight_bins(sign * class_weight, np.zeros(3, int), 3).tolist() == [expected]
