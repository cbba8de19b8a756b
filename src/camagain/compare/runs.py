"""Whether the figures of two runs agree, joined by (model, method, figure), each within its own tolerance."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from camagain.compare.read import read_figures, read_spread, shared_test_images, warnings

Verdict = Literal["identical", "within tolerance", "differs", "missing"]

CONFIDENCE_Z = 1.96
"""A difference is within tolerance when 95 % of differences by chance would be."""


@dataclass(frozen=True)
class Item:
    """One figure of both runs, in percent; None where a run lacks it."""

    model: str
    method: str
    figure: str
    a: float | None
    b: float | None
    tolerance: float
    verdict: Verdict

    @property
    def difference(self) -> float:
        return abs((self.a or 0.0) - (self.b or 0.0))

    def text(self) -> str:
        values = " against ".join("missing" if value is None else f"{value:.2f} %" for value in (self.a, self.b))
        return (
            f"{self.model} / {self.method} / {self.figure}: {values} (tolerance {self.tolerance:.2f}): {self.verdict}"
        )


@dataclass(frozen=True)
class Comparison:
    """The outcome of comparing run A with run B."""

    a: Path
    b: Path
    items: tuple[Item, ...]
    warnings: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        return int(any(item.verdict in ("differs", "missing") for item in self.items))

    def text(self, quiet: bool = False) -> str:
        """The verdict in one line, after one line per figure unless quiet."""
        lines = [] if quiet else [item.text() for item in self.items]
        return "\n".join([*lines, *(f"warning: {warning}" for warning in self.warnings), self.summary()])

    def summary(self) -> str:
        """The one-line verdict."""
        counts = {verdict: sum(item.verdict == verdict for item in self.items) for verdict in get_args(Verdict)}
        name = f"{self.a} and {self.b}"
        if counts["identical"] == len(self.items):
            return f"agree: {name} have the same {len(self.items)} figures, to the last digit"
        if self.exit_code == 0:
            worst = max(self.items, key=lambda item: item.difference / item.tolerance if item.tolerance else 0)
            return (
                f"agree: {name} have {counts['identical']} of {len(self.items)} figures identical and the rest within "
                f"tolerance; nearest to its bound is {worst.text()}"
            )
        worst = max(
            (item for item in self.items if item.verdict in ("differs", "missing")), key=lambda item: item.difference
        )
        return (
            f"DIFFER: {name} in {counts['differs']} of {len(self.items)} figures"
            + (f", {counts['missing']} missing on one side" if counts["missing"] else "")
            + f"; the largest is {worst.text()}"
        )


def compare_runs(a: Path, b: Path) -> Comparison:
    """Compares every figure of two runs; UserError when they are no runs or measure different things."""
    images = shared_test_images(a, b)
    first, second = read_figures(a), read_figures(b)
    spread = {**read_spread(a), **read_spread(b)}
    items = []
    for key in sorted(first.keys() | second.keys()):
        one, other = first.get(key), second.get(key)
        tolerance = tolerance_of(one, other, images, spread.get(key, 0.0))
        items.append(Item(*key, one, other, tolerance, verdict_of(one, other, tolerance)))
    return Comparison(a, b, tuple(items), tuple(warnings(a, b)))


def tolerance_of(a: float | None, b: float | None, images: int, seed_deviation: float) -> float:
    """The largest difference that chance explains, in percentage points.

    Two sources add up: the binomial error of two accuracies on `images` images each, and twice the variance over seeds
    where it was measured (training on another machine is like training with another seed).
    """
    if a is None or b is None:
        return 0.0
    binomial = sum((p / 100) * (1 - p / 100) / images for p in (a, b)) * 100**2
    return CONFIDENCE_Z * math.sqrt(binomial + 2 * seed_deviation**2)


def verdict_of(a: float | None, b: float | None, tolerance: float) -> Verdict:
    """Identical, within tolerance, differs, or missing."""
    if a is None or b is None:
        return "missing"
    if a == b:
        return "identical"
    return "within tolerance" if abs(a - b) <= tolerance else "differs"
