"""Discrete Fourier transforms of a few points, written out as straight-line code for vectors of channels.

Prime lengths pair the terms n and -n; composite lengths are taken apart in two (Cooley and Tukey).
"""

import math
from typing import NamedTuple

from camagain.models.large_kernel.fft.vectors import Vector

FACTORS = {
    4: (2, 2), 6: (2, 3), 8: (2, 4), 9: (3, 3), 10: (2, 5), 12: (3, 4), 14: (2, 7), 15: (3, 5), 16: (4, 4), 18: (2, 9),
    20: (4, 5),
}  # fmt: skip
"""How composite lengths are taken apart."""

RADICES = (2, 3, 5, 7, *FACTORS)
"""Lengths that are written out."""


class Complex(NamedTuple):
    """A vector of complex numbers."""

    re: Vector
    im: Vector

    def plus(self, other: "Complex") -> "Complex":
        return Complex(self.re + other.re, self.im + other.im)

    def minus(self, other: "Complex") -> "Complex":
        return Complex(self.re - other.re, self.im - other.im)

    def times(self, other: "Complex") -> "Complex":
        a, b = self, other
        return Complex((a.re * b.re).minus(a.im, b.im), (a.re * b.im).plus(a.im, b.re))

    def times_conjugate(self, other: "Complex") -> "Complex":
        """Times the conjugate of another."""
        a, b = self, other
        return Complex((a.re * b.re).plus(a.im, b.im), (a.im * b.re).minus(a.re, b.im))

    def turned(self, part: int, whole: int) -> "Complex":
        """Turned clockwise by part / whole of a full turn."""
        eighths, rest = divmod(8 * (part % whole), whole)
        if rest or eighths % 2:
            if not rest and eighths in (1, 5):  # one rounding fewer
                root = math.copysign(math.sqrt(0.5), 2 - eighths)
                return Complex((self.re + self.im) * root, (self.im - self.re) * root)
            if not rest:
                root = math.copysign(math.sqrt(0.5), eighths - 4)
                return Complex((self.re - self.im) * root, (self.re + self.im) * root)
            cosine, sine = math.cos(2 * math.pi * part / whole), math.sin(2 * math.pi * part / whole)
            return Complex((self.re * cosine).plus(self.im, sine), (self.im * cosine).minus(self.re, sine))
        quarters = {
            0: self,
            2: Complex(self.im, -self.re),
            4: Complex(-self.re, -self.im),
            6: Complex(-self.im, self.re),
        }
        return quarters[eighths]


def transform(points: list[Complex]) -> list[Complex]:
    """The discrete Fourier transform, X[k] = sum over n of x[n] exp(-2 pi i n k / N)."""
    if len(points) == 2:
        return [points[0].plus(points[1]), points[0].minus(points[1])]
    return in_two_steps(points, *FACTORS[len(points)]) if len(points) in FACTORS else of_odd_length(points)


def in_two_steps(points: list[Complex], A: int, B: int) -> list[Complex]:
    """N = A B points: B transforms of A points each, turned, and A transforms of B points."""
    first = [transform(points[b::B]) for b in range(B)]
    second = [transform([first[b][a].turned(a * b, A * B) for b in range(B)]) for a in range(A)]
    return [second[k % A][k // A] for k in range(A * B)]


def of_odd_length(points: list[Complex]) -> list[Complex]:
    """Sums and differences of the terms n and -n meet cosines and sines alone."""
    N = len(points)
    half = range(1, N // 2 + 1)
    sums = [points[n].plus(points[N - n]) for n in half]
    differences = [points[n].minus(points[N - n]) for n in half]
    total = points[0]
    for each in sums:
        total = total.plus(each)
    result = [total] * N
    for k in half:
        even, odd = points[0], None
        for n, each, difference in zip(half, sums, differences, strict=True):
            cosine, sine = math.cos(2 * math.pi * n * k / N), math.sin(2 * math.pi * n * k / N)
            even = Complex(even.re.plus(each.re, cosine), even.im.plus(each.im, cosine))
            odd = (
                Complex(difference.re * sine, difference.im * sine)
                if odd is None
                else Complex(odd.re.plus(difference.re, sine), odd.im.plus(difference.im, sine))
            )
        assert odd is not None
        result[k] = Complex(even.re + odd.im, even.im - odd.re)
        result[N - k] = Complex(even.re - odd.im, even.im + odd.re)
    return result
