"""Whether a model differs between two runs: one decision on its scores and one on each of its analyses.

The numbers of one model move together, so they are judged together: all scores of all its maps by one p-value, the rows
of an analysis by another. The error rate of all decisions of a comparison together is at most ERROR_RATE. Scores and
analyses each have a share of it, in which every decision has an equal part (Bonferroni).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from camagain.compare.judging.verdicts import Verdict
from camagain.statistics.confidence import CONFIDENCE
from camagain.statistics.evidence import any_of, most_of

SCORES_SHARE, ANALYSES_SHARE = 0.5, 0.1
"""Scores are what runs are compared for, and an analysis that went wrong is wrong in most of its rows. The rest is left
for numbers whose errors are not normal (benchmarks/simulations/comparison.py)."""

ERROR_RATE = 1 - CONFIDENCE

Subject = tuple[str, str]
"""A model, and the analysis; "" for its scores."""


@dataclass(frozen=True)
class Evidence:
    """The p-values that a decision is made of: (C,). `basis`: what they measure a difference by.

    `unexplained`: they say only that two networks differ, and other trainings may differ as much.
    """

    p_values: np.ndarray
    basis: str
    unexplained: bool = False


@dataclass(frozen=True)
class Decision:
    """What was decided of one model. `p`: adjusted for all decisions of the comparison, at most 1."""

    model: str
    analysis: str
    basis: str
    p: float
    verdict: Verdict

    def __str__(self) -> str:
        what = f"{self.model}, {self.analysis}" if self.analysis else self.model
        return f"{what}: {self.verdict}, p = {self.p:.2g} for {self.basis}"


def decide(evidence: Mapping[Subject, Evidence]) -> dict[Subject, Decision]:
    """The decisions of a comparison, each at its part of the error rate."""
    scores = sum(not analysis for _, analysis in evidence)
    analyses = len(evidence) - scores
    found = {}
    for (model, analysis), given in evidence.items():
        p_values = given.p_values[np.isfinite(given.p_values)]
        part = ANALYSES_SHARE / analyses if analysis else SCORES_SHARE / scores
        p = min(1.0, (most_of(p_values) if analysis else any_of(p_values)) / part)
        beyond = Verdict.UNDECIDED if given.unexplained else Verdict.DIFFERS
        verdict = beyond if p < ERROR_RATE else Verdict.WITHIN_TOLERANCE
        found[model, analysis] = Decision(model, analysis, given.basis, p, verdict)
    return found
