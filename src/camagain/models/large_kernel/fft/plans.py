"""Which lengths the transforms have, and how each is taken apart in two steps."""

import math
from dataclasses import dataclass
from functools import lru_cache

from camagain.models.large_kernel.fft.butterflies import RADICES, Complex, transform
from camagain.models.large_kernel.fft.vectors import Code, Vector, number

LONGEST = max(RADICES) ** 2
"""Longest transform that there is code for."""


@dataclass(frozen=True)
class Plan:
    """A transform of length A B in two steps."""

    A: int
    B: int

    @property
    def length(self) -> int:
        return self.A * self.B

    @property
    def turns(self) -> str:
        return f"@turns{self.A}x{self.B}"

    def table(self) -> str:
        """The constants of the turns between the steps, exp(-2 pi i n k / (A B)) at (n A + k)."""
        angles = [2 * math.pi * n * k / self.length for n in range(self.B) for k in range(self.A)]
        numbers = ", ".join(f"float {number(part)}" for a in angles for part in (math.cos(a), -math.sin(a)))
        return f"{self.turns} = private constant [{2 * len(angles)} x float] [{numbers}], align 64"


@lru_cache(maxsize=256)
def plan(least: int) -> Plan:
    """The cheapest transform of at least so many points."""
    plans = [Plan(a, b) for a in RADICES for b in RADICES if a * b >= least]
    return min(plans, key=lambda plan: (cost(plan), plan.A))


def cost(plan: Plan) -> float:
    """Instructions of a transform, about: the two steps, the turns, and ways through memory, more if steps are long."""
    steps = sum(instructions(radix) / radix for radix in (plan.A, plan.B))
    return plan.length * (steps + 14 + max(plan.A, plan.B) / 2)


@lru_cache(maxsize=64)
def instructions(points: int) -> int:
    """Additions and multiplications of a written-out transform; changes of sign are part of them."""
    code = Code(lanes=1)
    transform([Complex(Vector(code, "re"), Vector(code, "im"))] * points)
    return sum("fneg" not in line for line in code.lines)
