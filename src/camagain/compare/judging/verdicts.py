"""What a comparison says of one thing that two runs have: how equal it is, from the same bytes to not comparable."""

from collections.abc import Iterable
from enum import StrEnum

from camagain.errors import UserError, nearest


class Verdict(StrEnum):
    """From best to worst.

    `same conclusion`: the numbers differ, and both runs conclude the same from them, such as the same verdict on a
    claim. `undecided`: the networks differ, and nobody knows whether trainings with other seeds differ as much.
    """

    IDENTICAL_BYTES = "identical bytes"
    IDENTICAL_VALUES = "identical values"
    WITHIN_TOLERANCE = "within tolerance"
    SAME_CONCLUSION = "same conclusion"
    UNDECIDED = "undecided"
    DIFFERS = "differs"
    MISSING = "missing"
    NOT_COMPARABLE = "not comparable"

    @property
    def level(self) -> int:
        """0 for the best."""
        return LEVELS.index(self)

    @property
    def option(self) -> str:
        """How it is typed on the command line."""
        return self.value.replace(" ", "-")


LEVELS = tuple(Verdict)
IDENTICAL = (Verdict.IDENTICAL_BYTES, Verdict.IDENTICAL_VALUES)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of several; what cannot be compared counts only where nothing else is there."""
    found = list(verdicts)
    compared = [verdict for verdict in found if verdict is not Verdict.NOT_COMPARABLE]
    return max(compared or found or [Verdict.NOT_COMPARABLE], key=lambda verdict: verdict.level)


def parse_level(text: str) -> Verdict:
    """The verdict that `--fail-on` names; UserError where there is none of this name."""
    for verdict in Verdict:
        if text in (verdict.value, verdict.option):
            return verdict
    options = [verdict.option for verdict in Verdict]
    raise UserError(f"--fail-on {text}: expected one of {', '.join(options)}.{nearest(text, options)}")
