"""The verdicts on the rows of a table that are not the same, and what chance has to do with them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from camagain.compare.judging.rows import Row, key_of
from camagain.compare.judging.verdicts import Verdict
from camagain.statistics.chance import explained, farthest

if TYPE_CHECKING:
    from camagain.compare.judging.judge import Judge

CODES = (
    Verdict.IDENTICAL_VALUES,
    Verdict.WITHIN_TOLERANCE,
    Verdict.CLAIM_HOLDS,
    Verdict.DIFFERS,
    Verdict.MISSING,
    Verdict.NOT_COMPARABLE,
)
SAME, WITHIN, HOLDS, DIFFERS, MISSING, NOT_COMPARABLE = range(len(CODES))
"""Verdicts as numbers, the better the smaller."""

SEEDS = "spread over seeds"
HAS_TO_BE_THE_SAME = "no tolerance is known"
BESIDE_THE_SAME = "rounding of sums, or beside values that are the same"


@dataclass(frozen=True)
class Judged:
    """The verdicts on r rows; `column` is the one of `columns` that speaks most against a row."""

    judge: "Judge"
    rows: np.ndarray  # (r,) positions in the joined table
    code: np.ndarray  # (r,)
    ratio: np.ndarray  # (r,) difference in units of the tolerance
    column: list[str]  # (r,)
    tolerance: np.ndarray  # (r,); NaN where there is none
    sources: Mapping[str, list[str]]  # (r,) of each column
    notes: list[str]  # (r,)

    def by_chance(self, rows: int) -> "Judged":
        """The same with rows beyond their tolerance let through, where chance explains that many of `rows` rows.

        Rows that differ without a tolerance, or farther beyond it than chance would put any, stay what they are.
        """
        beyond = (self.code == DIFFERS) & np.isfinite(self.tolerance)
        near = beyond & (self.ratio <= [farthest(rows, freedom) for freedom in self.freedoms()])
        if not near.any() or beyond.sum() > explained(rows):
            return self
        why = f"beyond it, as chance puts up to {explained(rows):,} of {rows:,} rows"
        return replace(self, code=np.where(near, WITHIN, self.code), notes=np.where(near, why, "").tolist())

    def freedoms(self) -> list[float]:
        """Degrees of freedom behind the tolerance of each row: few where it comes from a spread over few seeds."""
        known = [found.runs for found in self.judge.spread.values()]
        seeds = min(known) - 1 if known else math.inf
        sources = (self.sources.get(column, [""] * len(self.rows)) for column in self.column)
        return [seeds if SEEDS in found[place] else math.inf for place, found in enumerate(sources)]

    def worst(self, count: int) -> np.ndarray:
        """Places of the worst rows, the worst first."""
        return np.lexsort((-self.ratio, -self.code))[:count]

    def row(self, place: int) -> Row:
        """One of them with its values."""
        index, column, judge = int(self.rows[place]), self.column[place], self.judge
        a, b = (judge.value(column, side, index) for side in "ab")
        tolerance = float(self.tolerance[place])
        known = not np.isnan(tolerance)
        effect = effect_note(a, b) if is_effect(column) else ""
        note = "; ".join(filter(None, (effect, self.notes[place])))
        source = (
            self.sources[column][place]
            if known
            else (HAS_TO_BE_THE_SAME if self.code[place] == DIFFERS else BESIDE_THE_SAME)
        )
        key = key_of(judge.merged, list(judge.kind.keys), index)
        return Row(key, CODES[self.code[place]], column, a, b, tolerance if known else None, source, note)


def is_effect(column: str) -> bool:
    """Whether a column holds differences between two things, so that its sign is what people conclude from it."""
    return column.endswith("_points") and ("difference" in column or "change" in column or "gain" in column)


def effect_note(a: float | str | None, b: float | str | None) -> str:
    """The ratio of an effect in the first run to that in the second, and whether it turned round."""
    if not isinstance(a, float) or not isinstance(b, float) or b == 0:
        return ""
    return f"effect ratio {a / b:.2f}" + (", the sign turned" if a * b < 0 else "")
