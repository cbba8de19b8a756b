"""Confidence intervals of accuracies: known cases, properties, and coverage."""

import numpy as np
import pytest
from scipy.stats import binomtest

from benchmarks.simulations import coverage
from camagain.evaluation.metrics import DELTAS, max_box_acc, max_box_acc_v2
from camagain.statistics import bootstrap
from camagain.statistics.accuracies import INDISTINCT, accuracy_at, accuracy_at_best
from camagain.statistics.bootstrap import Interval, Sampling, wilson_interval
from camagain.statistics.correctness import Correct


def interval_at_best(pairs: list[tuple[Correct, Correct]], sampling: Sampling) -> Interval:
    """The interval of the mean of some accuracies, each at the threshold best for the first of its pair."""
    found = accuracy_at_best(pairs, sampling).estimate(sampling.confidence)
    return Interval(found.low, found.high)


def max_box_acc_interval(ious: np.ndarray, **sampling) -> Interval:
    """The interval of MaxBoxAcc as the figures take it."""
    table = Correct.of(ious >= 0.5)
    return interval_at_best([(table, table)], Sampling(**sampling))


def max_box_acc_v2_interval(ious: np.ndarray, **sampling) -> Interval:
    """The interval of MaxBoxAccV2."""
    tables = [Correct.of(ious >= delta) for delta in DELTAS]
    return interval_at_best([(table, table) for table in tables], Sampling(**sampling))


def top1_loc_interval(ious: np.ndarray, class_correct: np.ndarray, **sampling) -> Interval:
    """The interval of Top-1 Loc at the threshold best for boxes."""
    boxes = Correct.of(ious >= 0.5)
    return interval_at_best([(boxes, boxes.where(class_correct))], Sampling(**sampling))


def table(images: int, thresholds: int = 40, seed: int = 0) -> np.ndarray:
    """IoUs that rise and fall with the threshold, as those of real maps do: (N, T)."""
    generator = np.random.default_rng(seed)
    best = generator.uniform(0, thresholds, (images, 1))
    peak = generator.uniform(0.2, 1, (images, 1))
    return peak * np.exp(-(((np.arange(thresholds) - best) / 15) ** 2))


def test_wilson_by_hand():
    # 8 of 10, z = 1.959964: (0.8 + z^2/20 -+ z sqrt(0.016 + z^2/400)) / (1 + z^2/10).
    low, high = wilson_interval(np.arange(10) < 8)
    assert (low, high) == pytest.approx((49.016, 94.331), abs=1e-3)


@pytest.mark.parametrize("images", [1, 7, 400, 5794])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
def test_wilson_is_that_of_scipy_to_the_last_digit(images: int, confidence: float):
    for right in {0, 1, images // 3, images - 1, images}:
        expected = binomtest(right, images).proportion_ci(confidence, "wilson")
        assert wilson_interval(np.arange(images) < right, confidence) == (100 * expected.low, 100 * expected.high)


def test_wilson_has_width_at_the_ends():
    assert wilson_interval(np.ones(20, dtype=bool)).low < 100 == wilson_interval(np.ones(20, dtype=bool)).high
    assert wilson_interval(np.zeros(20, dtype=bool)).high > 0


@pytest.mark.parametrize("right", [0, 28, 280, 393, 400])
def test_one_threshold_is_the_case_of_wilson(right: int):
    """With nothing to choose, an accuracy is a share, and its interval Wilson's."""
    correct = np.arange(400) < right
    low, high = max_box_acc_interval(correct[:, None].astype(float), resamples=20_000)
    assert (low, high) == pytest.approx(tuple(wilson_interval(correct)), abs=0.1)


def draws_of(images: int, resamples: int) -> list[np.ndarray]:
    """The images that resamples of seed 7 draw."""
    generator = np.random.Generator(np.random.Philox(7))
    sizes = [min(bootstrap.CHUNK, resamples - start) for start in range(0, resamples, bootstrap.CHUNK)]
    return [generator.integers(images, size=(size, images)) for size in sizes]


def test_errors_are_those_of_plain_resampling():
    """Against a loop that draws the same images: at the own threshold, at the resample's best, at the best of all."""
    right, resamples = table(50) >= 0.5, 100
    own, best = right.mean(0), right.mean(0).argmax()
    tables = [Correct.of(right)]
    found = accuracy_at_best([(tables[0], tables[0])], Sampling(resamples, 0.9, 7))
    assert found.value == 100 * own[best]
    fixed, real, equal = [], [], []
    deviation = np.sqrt(np.maximum(own * (1 - own), 0.01))
    gap_error = [(right[:, best] ^ right[:, t]).mean() - (own[best] - own[t]) ** 2 for t in range(40)]
    candidates = own[best] - own <= INDISTINCT * np.sqrt(np.array(gap_error) / 50)
    assert 1 < candidates.sum() < 40
    for rows in np.concatenate(draws_of(50, resamples)):
        change = right[rows].mean(0) - own
        fixed.append(change[best])
        real.append(((change - (own[best] - own)) / deviation).max() * deviation[best])
        equal.append((change / deviation)[candidates].max() * deviation[best])
    np.testing.assert_allclose(found.errors, 100 * np.array([fixed, real, equal]), atol=1e-9)


def test_top1_loc_errs_where_boxes_choose():
    right, classes = table(60) >= 0.5, np.arange(60) % 3 > 0
    boxes = Correct.of(right)
    found = accuracy_at_best([(boxes, boxes.where(classes))], Sampling(100, seed=7))
    fixed, real, equal = found.errors
    best = right.mean(0).argmax()
    assert found.value == pytest.approx(100 * (right[:, best] & classes).mean())
    own, both = right.mean(0), (right & classes[:, None]).mean(0)
    deviations, scale = np.sqrt(own * (1 - own)).clip(0.09129), np.sqrt(both * (1 - both)).clip(0.09129)
    drawn = []
    for rows in np.concatenate(draws_of(60, 100)):
        at = ((right[rows].mean(0) - own) / deviations - (own[best] - own) / deviations).argmax()  # boxes choose
        drawn.append(100 * ((right[rows, at] & classes[rows]).mean() - both[best]) * scale[best] / scale[at])
    assert np.std(drawn) > np.std(fixed)  # which threshold they choose is a matter of chance
    np.testing.assert_allclose(real, drawn - np.mean(drawn) + fixed.mean(), atol=1e-9)  # and adds nothing on average
    assert (equal != fixed).any()
    everyone = accuracy_at_best([(boxes, boxes.where(np.ones(60, dtype=bool)))], Sampling(100))
    np.testing.assert_array_equal(everyone.errors, accuracy_at_best([(boxes, boxes)], Sampling(100)).errors)


FORMS = {"flat": coverage.flat(1.0), "two peaks": coverage.two_peaks(1.0), "low and flat": coverage.low_and_flat(1.0)}


@pytest.mark.parametrize("form", FORMS)
def test_intervals_of_a_maximum_cover_where_the_percentile_bootstrap_does_not(form: str):
    """60 test sets of 100 images from a known population; of the percentile intervals hardly any would hold."""
    case = coverage.Case("MaxBoxAcc", form, [(FORMS[form], FORMS[form])])
    held = percentile = 0
    for seed in range(60):
        drawn = np.random.default_rng(seed).integers(case.types, size=100)
        found = coverage.accuracy(case.first, drawn, seed)
        estimate = found.estimate(0.95)
        held += estimate.low <= case.truth <= estimate.high
        low, high = found.value + np.quantile(found.errors[1], [0.025, 0.975])
        percentile += low <= case.truth <= high
    assert held >= 53  # at 95 % in truth fewer are found once in 200 times
    assert percentile <= 53


def test_coverage_of_a_known_share():
    """Of 300 samples with a true share of 0.6, about 95 % of the intervals hold it; scipy's exact interval agrees."""
    generator = np.random.default_rng(3)
    held = 0
    for seed in range(300):
        correct = generator.random(200) < 0.6
        low, high = max_box_acc_interval(correct[:, None].astype(float), resamples=300, seed=seed)
        held += low <= 60 <= high
        exact = binomtest(int(correct.sum()), 200).proportion_ci(0.95, "exact")
        assert low == pytest.approx(100 * exact.low, abs=2.5) and high == pytest.approx(100 * exact.high, abs=2.5)
    assert 0.91 <= held / 300 <= 0.98


def test_intervals_hold_the_figure_and_shrink_with_more_images():
    widths = []
    for images in (50, 500, 5000):
        ious = table(images)
        low, high = max_box_acc_interval(ious, resamples=200)
        assert 0 <= low <= max_box_acc(ious)[0] <= high <= 100
        widths.append(high - low)
        low, high = max_box_acc_v2_interval(ious, resamples=200)
        assert 0 <= low <= max_box_acc_v2(ious) <= high <= 100
    assert widths[0] > 2 * widths[1] > 4 * widths[2]


def test_higher_confidence_is_wider():
    ious = table(100)
    narrow, wide = (max_box_acc_interval(ious, resamples=500, confidence=c) for c in (0.8, 0.99))
    assert wide.low < narrow.low and narrow.high < wide.high
    correct = ious[:, 20] > 0.5
    assert wilson_interval(correct, 0.99).low < wilson_interval(correct, 0.8).low


def test_a_seed_fixes_the_interval():
    ious = table(80)
    one = max_box_acc_interval(ious, resamples=150, seed=1)
    assert one == max_box_acc_interval(ious, resamples=150, seed=1)
    assert one != max_box_acc_interval(ious, resamples=150, seed=2)


def test_resamples_are_not_tied_to_the_size_of_a_chunk(monkeypatch: pytest.MonkeyPatch):
    ious = table(33)
    one = max_box_acc_interval(ious, resamples=130)
    monkeypatch.setattr(bootstrap, "CHUNK", 7)
    assert max_box_acc_interval(ious, resamples=130) == one


def test_at_fixed_thresholds_nothing_is_chosen():
    tables = [Correct.of(table(60, seed=seed) >= 0.5) for seed in (0, 1)]
    found = accuracy_at(tables, [7, 30], Sampling(resamples=50))
    assert found.value == pytest.approx((tables[0].at(7).mean() + tables[1].at(30).mean()) * 50)
    alone = [accuracy_at([one], [index], Sampling(resamples=50)) for one, index in zip(tables, (7, 30), strict=True)]
    np.testing.assert_allclose(found.errors, (alone[0].errors + alone[1].errors) / 2)
    assert not np.diff(found.errors, axis=0).any(), "all readings are that of a fixed threshold"


def test_the_first_table_of_a_pair_chooses_and_the_second_counts():
    chooser = Correct.of(np.array([[False, True], [False, True]]))
    counted = Correct.of(np.array([[True, False], [True, True]]))
    assert accuracy_at_best([(chooser, counted)], Sampling(resamples=5)).value == 50
    assert accuracy_at_best([(counted, chooser)], Sampling(resamples=5)).value == 0


def test_of_equally_good_thresholds_the_first_counts():
    chooser, counted = np.eye(3, dtype=bool), np.array([[0, 1, 1], [0, 1, 1], [1, 1, 0]], dtype=bool)
    found = accuracy_at_best([(Correct.of(chooser), Correct.of(counted))], Sampling(50))
    assert found.value == pytest.approx(100 / 3)
