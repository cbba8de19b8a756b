"""Error rates of the dose-response test of kernel sizes, and coverage of the mediation's intervals.

Made-up experiments of 7 kernel sizes and 5 seeds, as `kernels`. A response is a straight line over log K, plus what a
seed has in common at all K, plus what is left, normal. For the mediation, a receptive field with such a line is the
mediator: its unit does the same everywhere, and K has an effect beside it.
"""

from collections.abc import Iterator

import numpy as np

from camagain.paper.exhibits.kernel_trend import BOUND
from camagain.statistics.bootstrap import Sampling
from camagain.statistics.confidence import CONFIDENCE
from camagain.statistics.dose import NO_TREND, UNDECIDED, trend
from camagain.statistics.mediation import mediation

KERNELS = np.array([3, 5, 7, 13, 21, 31, 51])
SEEDS = 5
TESTS, EXPERIMENTS = 4000, 1000
RESAMPLES = 1000

ALONG = np.log(KERNELS / KERNELS[0]) / np.log(KERNELS[-1] / KERNELS[0])
"""Place of each size between the smallest (0) and the largest (1), (D,)."""

TESTED = ("trend_percent", "no_trend_percent", "difference_percent", "curve_percent")
COVERED = ("total_percent", "through_percent", "beside_percent", "through_half_points")


def rows() -> Iterator[dict[str, object]]:
    """A row for each truth and deviation of a training in points."""
    for truth, response in RESPONSES.items():
        for deviation in (1.0, 3.0, 6.0, 9.0):
            yield row("test", truth, deviation, tested(response, np.full(len(KERNELS), deviation)), TESTS)
    for truth in ("no effect", AT_BOUND):
        found = tested(RESPONSES[truth], 3.0 * UNEVEN)
        yield row("test", f"{truth}; small kernels scatter four times as far", 3.0, found, TESTS)
    for truth, settings in MEDIATED.items():
        for deviation in (1.0, 3.0, 6.0):
            yield row("mediation", truth, deviation, covered(deviation, **settings), EXPERIMENTS)


def row(of: str, truth: str, deviation: float, found: dict[str, str], n: int) -> dict[str, object]:
    """A row with the columns of both kinds."""
    known = {"of": of, "truth": truth, "deviation_points": f"{deviation:g}"}
    return {**known, **dict.fromkeys((*TESTED, *COVERED), ""), **found, "n": n}


AT_BOUND = f"{BOUND:g} points, the bound"
UNEVEN = np.array([2, 2, 1.5, 1, 0.5, 0.5, 0.5])

RESPONSES = {
    "no effect": 0 * ALONG,
    AT_BOUND: BOUND * ALONG,
    "10 points": 10 * ALONG,
    "10 points, all of them up to K = 13": 10 * np.minimum(1, ALONG / ALONG[3]),
}
"""True mean responses (D,) by what is true."""


def tested(response: np.ndarray, deviations: np.ndarray) -> dict[str, str]:
    """How often a trend, none, a difference and a curve are found, in percent; deviations (D,) of a training."""
    rng, found = np.random.default_rng(0), np.zeros(4)
    for _ in range(TESTS):
        common = deviations.mean() * rng.standard_normal((SEEDS, 1)) / 2
        one = trend(KERNELS, response + common + deviations * rng.standard_normal((SEEDS, len(KERNELS))))
        verdict, wrong = one.verdict(CONFIDENCE, BOUND), 1 - CONFIDENCE
        certain = verdict not in (NO_TREND, UNDECIDED)
        found += [certain, verdict == NO_TREND, one.dose_p < wrong, one.departure_p < wrong]
    return {name: f"{100 * share:.1f}" for name, share in zip(TESTED, found / TESTS, strict=True)}


MEDIATED: dict[str, dict[str, float]] = {
    "no effect at all": {"per_unit": 0, "beside": 0},
    "all 10 points through ERF": {"per_unit": 0.5, "beside": 0},
    "all 10 points beside ERF": {"per_unit": 0, "beside": 10},
    "5 through, 5 beside": {"per_unit": 0.25, "beside": 5},
    "10 beside, and what else differs among seeds moves both": {"per_unit": 0, "beside": 10, "shared": 0.7},
}
"""What a unit of ERF does, in points; what K does beside it; the correlation of what is left of both."""

ERF_CHANGE, ERF_DEVIATION = 20.0, 2.0
"""Of the receptive field, in percent of the input: from the smallest kernels to the largest, and among seeds."""


def covered(deviation: float, per_unit: float, beside: float, shared: float = 0.0) -> dict[str, str]:
    """How often the intervals hold the true effects, in percent, and the median half width of the one through ERF."""
    rng, held, halves = np.random.default_rng(0), np.zeros(3), []
    truths = (ERF_CHANGE * per_unit + beside, ERF_CHANGE * per_unit, beside)
    for experiment in range(EXPERIMENTS):
        left = rng.standard_normal((2, SEEDS, len(KERNELS)))
        erf = ERF_CHANGE * ALONG + ERF_DEVIATION * left[0]  # (S, D)
        boxes = per_unit * erf + beside * ALONG + deviation * (shared * left[0] + (1 - shared**2) ** 0.5 * left[1])
        found = mediation(KERNELS, erf, boxes, Sampling(RESAMPLES, CONFIDENCE, experiment))
        estimates = (found.total, found.through, found.beside)
        held += [one.low <= truth <= one.high for one, truth in zip(estimates, truths, strict=True)]
        halves.append((found.through.high - found.through.low) / 2)
    shares = [f"{100 * share:.1f}" for share in held / EXPERIMENTS]
    return dict(zip(COVERED, [*shares, f"{np.median(halves):.1f}"], strict=True))
