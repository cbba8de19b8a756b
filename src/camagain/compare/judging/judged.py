"""The verdicts on the rows of a table that are not the same, and what chance has to do with them."""

from dataclasses import dataclass, replace

import numpy as np

from camagain.compare.judging.joined import Joined
from camagain.compare.judging.rows import Row
from camagain.compare.judging.verdicts import LEVELS, Verdict
from camagain.statistics.tolerances import explained, farthest


@dataclass(frozen=True)
class Judged:
    """The verdicts on r rows, each with the column that differs most in it."""

    joined: Joined
    rows: np.ndarray  # (r,) positions in the joined table
    level: np.ndarray  # (r,) `Verdict.level`
    ratio: np.ndarray  # (r,) difference divided by its tolerance
    column: list[str]  # (r,)
    tolerance: np.ndarray  # (r,) NaN where there is none
    source: list[str]  # (r,) of the tolerance, or why there is none
    freedom: np.ndarray  # (r,) degrees of freedom of the deviation behind the tolerance; few where it is of few seeds
    notes: list[str]  # (r,)

    def by_chance(self, rows: int) -> "Judged":
        """The same, but rows beyond their tolerance are within it where chance explains that many of `rows` rows.

        Rows that differ without a tolerance, or farther beyond it than chance would put any, stay what they are.
        """
        differs = Verdict.DIFFERS.level
        beyond = (self.level == differs) & np.isfinite(self.tolerance)
        near = beyond & (self.ratio <= [farthest(rows, freedom) for freedom in self.freedom])
        if not near.any() or beyond.sum() > explained(rows):
            return self
        why = f"beyond it, as chance puts up to {explained(rows):,} of {rows:,} rows"
        level = np.where(near, Verdict.WITHIN_TOLERANCE.level, self.level)
        return replace(self, level=level, notes=np.where(near, why, "").tolist())

    def worst(self, count: int) -> list[Row]:
        """At most so many rows with their values, the worst first."""
        return [self.row(place) for place in np.lexsort((-self.ratio, -self.level))[:count]]

    def row(self, place: int) -> Row:
        """One row with its values."""
        index, column = int(self.rows[place]), self.column[place]
        a, b = (self.joined.value(column, side, index) for side in "ab")
        tolerance = None if np.isnan(self.tolerance[place]) else float(self.tolerance[place])
        effect = effect_note(a, b) if is_effect(column) else ""
        note = "; ".join(filter(None, (effect, self.notes[place])))
        verdict, key = LEVELS[self.level[place]], self.joined.row_keys[index]
        return Row(key, verdict, column, a, b, tolerance, self.source[place], note)


def is_effect(column: str) -> bool:
    """Whether a column holds differences between two things, so that its sign is what people conclude from it."""
    return column.endswith("_points") and ("difference" in column or "change" in column or "gain" in column)


def effect_note(a: float | str | None, b: float | str | None) -> str:
    """The ratio of an effect in the first run to that in the second, and whether its sign differs."""
    if not isinstance(a, float) or not isinstance(b, float) or b == 0:
        return ""
    return f"effect ratio {a / b:.2f}" + (", of opposite sign" if a * b < 0 else "")
