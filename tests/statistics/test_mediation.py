"""Effects through a mediator and beside it, where they are known."""

import numpy as np
import pytest

from camagain.statistics.bootstrap import Sampling
from camagain.statistics.mediation import mediation

KERNELS = np.array([3, 5, 7, 13, 21, 31, 51])
ALONG = np.log(KERNELS / 3) / np.log(17)
SAMPLING = Sampling(400, 0.95, 0)


def scatter(seed: int) -> np.ndarray:
    """Numbers (5, 7) that are unrelated between seeds."""
    return np.random.default_rng(seed).standard_normal((5, 7))


def test_known_effects_are_found_exactly_where_nothing_else_scatters():
    field = 20 * ALONG + scatter(0)
    found = mediation(KERNELS, field, 0.5 * field + 3 * ALONG + 40, SAMPLING)
    assert found.per_unit.columns() == pytest.approx({"value": 0.5, "low": 0.5, "high": 0.5})
    assert found.beside.columns() == pytest.approx({"value": 3, "low": 3, "high": 3})
    assert found.total.value == pytest.approx(found.through.value + 3)
    assert found.through.low < 10 < found.through.high


def test_a_mediator_that_only_rises_with_the_dose_explains_nothing():
    found = mediation(KERNELS, 20 * ALONG + 0.1 * scatter(0), 10 * ALONG + scatter(1), SAMPLING)
    assert found.through.low < 0 < found.through.high
    assert found.total.low > 0


def test_what_a_unit_does_is_seen_within_doses_alone():
    # Between doses outcome and mediator fall and rise; within a dose they go together.
    within = np.array([-1.0, 0, 1])[:, None] * np.ones(7)
    found = mediation(KERNELS, 20 * ALONG + within, -10 * ALONG + 2 * within, SAMPLING)
    assert found.per_unit.value == pytest.approx(2)
    assert (found.through.value, found.beside.value) == pytest.approx((40, -50))


def test_intervals_are_as_wide_as_the_scatter_of_few_trainings_says():
    # The total effect is a contrast of means: its interval is close to Student's of the pooled deviation.
    field, boxes = 20 * ALONG + scatter(0), scatter(1)
    found = mediation(KERNELS, field, boxes, Sampling(4000, 0.95, 0))
    weights = (np.log(KERNELS) - np.log(KERNELS).mean()) * np.log(17) / (7 * np.log(KERNELS).var())
    error = np.sqrt((weights**2 * boxes.var(0, ddof=1)).sum() / 5)
    assert (found.total.high - found.total.low) / 2 == pytest.approx(2.1 * error, rel=0.1)


def test_without_variation_within_doses_or_with_one_seed_there_is_nothing_to_say():
    constant = mediation(KERNELS, np.tile(ALONG, (5, 1)), ALONG + scatter(0), SAMPLING)
    assert np.isnan([constant.through.value, constant.beside.value]).all() and np.isfinite(constant.total.low)
    alone = mediation(KERNELS, ALONG[None], ALONG[None], SAMPLING)
    assert alone.total.value == pytest.approx(1) and np.isnan([alone.total.low, alone.total.high]).all()
