"""PxAP: by hand, against plain programs, and its interval.

Two plain programs share nothing with the library: counts by np.histogram, and precision and recall by visiting every
threshold and comparing every pixel, in exact arithmetic.
"""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camagain.evaluation import pxap
from camagain.evaluation.pxap import bin_edges, pixel_average_precision, pixel_histograms, pxap_interval
from camagain.statistics.bootstrap import CHUNK, Sampling

STEPS = (0.001, 0.003, 0.01, 0.1, 1 / 7, 0.3, 0.9)


def grid(step: float) -> np.ndarray:
    return bin_edges(np.arange(0, 1, step))


def noise(generator: np.random.Generator, edges: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return generator.random(shape)


def on_edges(generator: np.random.Generator, edges: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Only thresholds themselves and 1."""
    return generator.choice(edges[edges <= 1], shape)


def beside_edges(generator: np.random.Generator, edges: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """One unit in the last place below or above a threshold."""
    return np.clip(np.nextafter(on_edges(generator, edges, shape), generator.choice([-1.0, 2.0], shape)), 0, 1)


def constant(generator: np.random.Generator, edges: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return np.full(shape, float(generator.choice([0, 1, 0.5, generator.random()])))


def binary(generator: np.random.Generator, edges: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return (generator.random(shape) < 0.5).astype(np.float64)


def dim(generator: np.random.Generator, edges: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A maximum far below 1: the first thresholds keep no pixel."""
    return generator.random(shape) * 0.02


KINDS = (noise, on_edges, beside_edges, constant, binary, dim)
LABELS = {"mixed": [0, 1, 255], "none ignored": [0, 1], "object": [1], "no object": [0, 255], "no ground": [1, 255]}


def images(count: int) -> np.ndarray:
    """Histograms of images of very different difficulty and size of the object: (N, 2, T') uint32."""
    generator = np.random.default_rng(0)
    found = []
    for _ in range(count):
        object_ = generator.random((12, 12)) < generator.uniform(0.05, 0.8)
        score_map = np.clip(generator.random((12, 12)) + generator.uniform(-0.2, 0.9) * object_, 0, 1)
        found.append(pixel_histograms(score_map, object_, grid(0.01)))
    return np.stack(found).astype(np.uint32)


def value(histograms: np.ndarray) -> float:
    return pixel_average_precision(histograms.sum(axis=0))


def test_four_pixels_by_hand():
    edges = grid(0.5)
    assert edges.tolist() == [0.0, 0.5, 1.0, 2.0, 3.0]
    counts = pixel_histograms(np.array([[1.0, 0.5], [0.6, 0.4]]), np.array([[1, 0], [1, 1]], dtype=np.uint8), edges)
    assert counts.tolist() == [[0, 1, 0, 0], [1, 1, 1, 0]]
    assert counts.dtype == np.int64
    # From 1: one of one pixel, recall 1/3. From 0.5: two of three, recall 2/3. From 0: three of four, recall 1.
    assert pixel_average_precision(counts) == pytest.approx(100 * (1 + 2 / 3 + 3 / 4) / 3, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    step=st.sampled_from(STEPS),
    regions=st.sampled_from(sorted(LABELS)),
    single=st.booleans(),
)
def test_counts_and_precision_equal_the_plain_programs(
    kind, seed: int, shape: tuple[int, int], step: float, regions: str, single: bool
):
    generator, edges = np.random.default_rng(seed), grid(step)
    score_map = kind(generator, edges, shape).astype(np.float32 if single else np.float64)
    labels = generator.choice(LABELS[regions], shape).astype(np.uint8)
    counts = pixel_histograms(score_map, labels, edges)
    expected = [np.histogram(score_map[labels == label].astype(np.float64), edges)[0].tolist() for label in (0, 1)]
    assert counts.tolist() == expected
    if (labels == 1).any():
        assert pixel_average_precision(counts) == pytest.approx(stepwise(score_map, labels, edges), abs=1e-9)
    else:
        with pytest.raises(ValueError, match="no object pixel"):
            pixel_average_precision(counts)


def stepwise(score_map: np.ndarray, labels: np.ndarray, edges: np.ndarray) -> float:
    """PxAP in percent, threshold by threshold."""
    is_object, counted = labels == 1, labels != 255
    area, before = Fraction(0), 0
    for threshold in edges[::-1]:
        kept = (score_map.astype(np.float64) >= threshold) & counted
        right = int((kept & is_object).sum())
        if right > before:
            area += Fraction(right, int(kept.sum())) * Fraction(right - before, int(is_object.sum()))
        before = right
    return float(100 * area)


def test_uneven_edges():
    """The guess by division is far off here; the edges decide."""
    edges = np.array([0, 1e-9, 0.2, 0.21, 0.95, 1.5])
    score_map = np.random.default_rng(0).random((9, 9))
    counts = pixel_histograms(score_map, np.ones((9, 9), dtype=bool), edges)
    assert counts[1].tolist() == np.histogram(score_map, edges)[0].tolist()


def test_strided_and_read_only_arrays():
    score_map, labels = np.random.default_rng(0).random((8, 10)), np.eye(8, 10, dtype=np.uint8)
    expected = pixel_histograms(score_map, labels, grid(0.1)).tolist()
    wide = np.repeat(score_map, 2, axis=1)[:, ::2]
    labels.flags.writeable = False
    assert pixel_histograms(wide, labels, grid(0.1)).tolist() == expected
    assert pixel_histograms(score_map.T, labels.T, grid(0.1)).tolist() == expected


def test_perfect_constant_and_inverted_maps():
    object_ = np.arange(100).reshape(10, 10) < 30

    def scored(score_map: np.ndarray) -> float:
        return pixel_average_precision(pixel_histograms(score_map, object_, grid(0.001)))

    assert scored(object_.astype(float)) == 100
    assert scored(np.where(object_, 1, 0.9995)) == 100  # 1 has a bin of its own
    assert scored(np.where(object_, 0.6, 0.59)) == 100
    assert scored(np.zeros((10, 10))) == scored(np.ones((10, 10))) == scored(np.full((10, 10), 0.3)) == 30
    assert scored(1.0 - object_) == 30  # the object comes last, all at once, and then everything is kept


def test_images_are_pooled_in_any_order():
    """Their pixels count together: the same as one large image. Images with larger objects weigh more."""
    generator = np.random.default_rng(1)
    maps, labels = generator.random((7, 5, 6)), generator.choice([0, 1, 255], (7, 5, 6)).astype(np.uint8)
    found = np.stack([pixel_histograms(m, r, grid(0.01)) for m, r in zip(maps, labels, strict=True)])
    one_image = pixel_histograms(maps.reshape(35, 6), labels.reshape(35, 6), grid(0.01))
    assert found.sum(axis=0).tolist() == one_image.tolist()
    assert value(found) == value(found[::-1]) == value(found[generator.permutation(7)])
    assert value(found) == value(found.astype(np.uint32))


@pytest.mark.parametrize("fault", [np.nan, -1e-9, 1 + 1e-9, np.inf, -np.inf])
@pytest.mark.parametrize("label", [0, 1, 255])
def test_faulty_scores_are_refused_wherever_they_lie(fault: float, label: int):
    score_map = np.full((4, 4), 0.5)
    score_map[3, 3] = fault
    with pytest.raises(ValueError, match="score map: found"):
        pixel_histograms(score_map, np.full((4, 4), label, dtype=np.uint8), grid(0.1))


def test_faulty_shapes_regions_and_edges_are_refused():
    score_map, labels = np.full((4, 5), 0.5), np.ones((4, 5), dtype=np.uint8)
    for faulty_map, faulty_labels, message in (
        (score_map, labels.T, r"regions: found shape \(5, 4\), expected \(4, 5\)"),
        (score_map[0], labels[0], "score map: found shape"),
        (score_map, np.where(np.eye(4, 5), np.uint8(254), labels), r"regions: found values \[1, 254\]"),
        (score_map, labels.astype(np.int64), "regions: found int64"),
    ):
        with pytest.raises(ValueError, match=message):
            pixel_histograms(faulty_map, faulty_labels, grid(0.1))
    for edges in ([0, 0.5, 1], [0.1, 2], [0, 0.5, 0.5, 2], [0, 0.7, 0.5, 2], [[0, 2], [0, 2]], [0], [0, np.nan, 2]):
        with pytest.raises(ValueError, match="edges: found"):
            pixel_histograms(score_map, labels, np.array(edges))
    for thresholds in ([0.5], [0, 1.0], [0, 0.2, 0.1]):
        with pytest.raises(ValueError, match="edges: found"):
            bin_edges(np.array(thresholds))


def test_tables_of_the_wrong_shape_are_refused():
    found = images(3)
    with pytest.raises(ValueError, match="summed over images"):
        pixel_average_precision(found)
    with pytest.raises(ValueError, match=r"expected \(N, 2, T'\)"):
        pxap_interval(found[0], Sampling())
    with pytest.raises(ValueError, match="no object pixel"):
        pxap_interval(found * np.array([[1], [0]], dtype=np.uint32), Sampling())


def test_resampling_is_that_of_images():
    """Against a plain loop that draws the same images and calls the metric."""
    found = images(50)
    generator = np.random.Generator(np.random.Philox(7))
    rows = np.concatenate([generator.integers(50, size=(min(CHUNK, 100 - s), 50)) for s in range(0, 100, CHUNK)])
    expected = np.quantile([value(found[row]) for row in rows], [0.05, 0.95]).tolist()
    assert list(pxap_interval(found, Sampling(resamples=100, confidence=0.9, seed=7))) == expected


def test_interval_holds_the_value_and_shrinks_with_more_images():
    widths = []
    for count in (20, 200, 2000):
        found = images(count)
        low, high = pxap_interval(found, Sampling(resamples=100))
        assert 0 <= low < value(found) < high <= 100
        widths.append(high - low)
    assert widths[0] > 2 * widths[1] > 4 * widths[2]


def test_interval_is_widened_to_hold_the_value():
    """At so low a confidence both percentiles are the median, and the median is not the value."""
    found = images(5)
    low, high = pxap_interval(found, Sampling(resamples=200, confidence=1e-9))
    assert low < high and value(found) in (low, high)


def test_a_seed_fixes_the_interval_whatever_the_size_of_a_block(monkeypatch: pytest.MonkeyPatch):
    found = images(30)
    one = pxap_interval(found, Sampling(resamples=100, seed=1))
    assert one == pxap_interval(found, Sampling(resamples=100, seed=1))
    assert one != pxap_interval(found, Sampling(resamples=100, seed=2))
    monkeypatch.setattr(pxap, "BLOCK", 7)
    assert one == pxap_interval(found, Sampling(resamples=100, seed=1))


def test_sums_are_exact_beyond_uint32_and_float32():
    """Two images alike: every resample has the same value, but only if no count is rounded."""
    image = np.array([[3_000_000_001, 2**24 + 1, 0], [1, 1, 0]], dtype=np.uint32)
    expected = pixel_average_precision(2 * image.astype(np.int64))
    assert expected == pytest.approx(50 / (2**24 + 2) + 100 / (3_000_000_001 + 2**24 + 3), rel=1e-14)
    assert pxap_interval(np.stack([image, image]), Sampling(resamples=10)) == (expected, expected)


def test_resamples_without_an_object_are_left_out():
    """One of two images has an object: a quarter of the resamples has none, and there PxAP is not defined."""
    edges = grid(0.1)
    score_map = np.array([[0.95, 0.85], [0.75, 0.65]])
    with_object = pixel_histograms(score_map, np.array([[1, 0], [0, 1]], dtype=np.uint8), edges)
    without = pixel_histograms(score_map, np.zeros((2, 2), dtype=np.uint8), edges)
    found = np.stack([with_object, without]).astype(np.uint32)
    # Only the first image, twice: 1/1 and 2/4 at the object's two pixels. Both: 1/2 and 2/8.
    assert pxap_interval(found, Sampling(resamples=200)) == pytest.approx((37.5, 75.0))
    for seed in range(20):  # with several of them nothing is left, and the interval is the value
        assert not np.isnan(pxap_interval(found, Sampling(resamples=1, seed=seed))).any()
