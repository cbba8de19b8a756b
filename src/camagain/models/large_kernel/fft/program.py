"""Code of a depthwise convolution and its gradients by fast Fourier transforms, for one size of maps and kernel.

Two images are the real and the imaginary part of one complex image: a real kernel leaves them apart, and no spectrum
has to be unpacked. A vector register holds one cell of eight neighbouring channels. A transform of length A B is B
transforms of length A, turned, and A transforms of length B, written out by `butterflies`;
what is known to be zero is not computed, nor what nobody reads. The transform of a column, its product with the
kernel's spectrum and the transform back follow each other while the column is in the fastest cache.

Letters as in `camagain.models.large_kernel.fourier`, with all G frequencies along W. On a circle of F places the taps
stand at 0 ... K - 1, the cells of x from K // 2 on and those of y at 0 ... H - 1. So y is x correlated with w, dx is dy
convolved with w, and dw is x correlated with dy, each without an offset; F = H + K // 2 places are enough, because what
is wrapped round meets zeros.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby

from camagain.models.large_kernel.fft.butterflies import Complex, transform
from camagain.models.large_kernel.fft.plans import Plan, plan
from camagain.models.large_kernel.fft.vectors import Code

ARGUMENTS = ("ptr %x", "ptr %w", "ptr %dy", "ptr %y", "ptr %dw", "ptr %scratch", *(f"i64 %{n}" for n in ("N", "C", "first", "last")))
"""Of the function `run`: maps (N, H, W, C), taps (K, J, C), room to work in, and the blocks of eight channels to do.

The last block begins at channel C - 8. %y takes dx where that is what is computed.
"""

Place = Callable[[str, int], str]
"""(n, m) -> where element n + step m of a line is."""


class Writer:
    """Writes one function for H x W cells and K x J taps, `run` with the arguments above."""

    def __init__(self, H: int, W: int, K: int, J: int, lanes: int) -> None:
        self.code = Code(lanes)
        self.pair = 2 * self.code.bytes  # bytes of a vector of complex numbers
        self.H, self.W, self.K, self.J = H, W, K, J
        self.along_h, self.along_w = plan(H + K // 2), plan(W + J // 2)
        self.F, self.G = self.along_h.length, self.along_w.length
        self.pitch = self.pair * (self.G | 1)  # odd, so that a column does not fall on few sets of the cache
        self.x_rows, self.x_columns = range(K // 2, K // 2 + H), range(J // 2, J // 2 + W)
        self.y_rows, self.y_columns = range(H), range(W)

    # -- the three functions

    def convolution(self, correlate: bool) -> str:
        """y of x and w (correlate), or dx of dy and w."""
        here, there = ((self.x_rows, self.x_columns), (self.y_rows, self.y_columns))[:: 1 if correlate else -1]
        with self.blocks():
            self.transform_taps()
            with self.pairs():
                self.transform_rows("%x", "%maps", here[1])
                with self.code.loop(0, self.G) as g:
                    taps, product = self.spectrum("%taps", g), self.kept("%product", self.pair)

                    def multiply(n: str, m: int, value: Complex) -> None:
                        other = self.get(taps(n, m))
                        self.put(value.times_conjugate(other) if correlate else value.times(other), product(n, m))

                    self.transform_column("%maps", g, here[0], multiply)
                    self.transform_column_back(product, "%maps", g, there[0])
                self.transform_rows_back("%maps", "%y", there[1])
        return self.text()

    def gradients(self) -> str:
        """dx of dy and w, and dw of x and dy."""
        code = self.code
        with self.blocks():
            self.transform_taps()
            with code.loop(0, self.F * self.G) as n:
                self.put(self.nothing, code.at("%sums", code.times(n, self.pair)))
            with self.pairs():
                self.transform_rows("%x", "%maps", self.x_columns)
                self.transform_rows("%dy", "%others", self.y_columns)
                with code.loop(0, self.G) as g:
                    taps, sums, product = (
                        self.spectrum("%taps", g),
                        self.spectrum("%sums", g),
                        self.kept("%product", self.pair),
                    )

                    def keep(n: str, m: int, value: Complex) -> None:
                        self.put(value, product(n, m))

                    def multiply(n: str, m: int, value: Complex) -> None:
                        image = self.get(product(n, m))
                        self.put(self.get(sums(n, m)).plus(image.times_conjugate(value)), sums(n, m))
                        self.put(value.times(self.get(taps(n, m))), product(n, m))

                    self.transform_column("%maps", g, self.x_rows, keep)
                    self.transform_column("%others", g, self.y_rows, multiply)
                    self.transform_column_back(product, "%maps", g, self.x_rows)
                self.transform_rows_back("%maps", "%y", self.x_columns)
            self.transform_sums_back()
        return self.text()

    # -- their parts

    def transform_taps(self) -> None:
        """The kernel's spectrum, divided by the number of places."""
        code = self.code
        with code.loop(0, self.K) as k:
            row = code.at("%w_here", code.times(k, "%w_row"))
            place = self.spaced(row, "%cell")

            def load(n: str, m: int) -> Complex:
                return Complex(code.load(place(n, m)), code.zero())

            self.line(self.along_w, load, self.into("%maps", k), range(self.J), range(self.G))
        with code.loop(0, self.G) as g:
            taps = self.spectrum("%taps", g)

            def store(n: str, m: int, value: Complex) -> None:
                self.put(self.scaled(value), taps(n, m))

            self.transform_column("%maps", g, range(self.K), store)

    def transform_sums_back(self) -> None:
        """dw of the sum of products of spectra."""
        code = self.code
        with code.loop(0, self.G) as g:
            self.transform_column_back(self.spectrum("%sums", g), "%maps", g, range(self.K))
        with code.loop(0, self.K) as k:
            row = code.at("%dw_here", code.times(k, "%w_row"))
            place, maps = self.spaced(row, "%cell"), self.kept(code.at("%maps", code.times(k, self.pitch)), self.pair)

            def store(n: str, m: int, value: Complex) -> None:
                code.store(self.scaled(value).im, place(n, m))

            self.line(self.along_w, lambda n, m: swapped(self.get(maps(n, m))), store, range(self.G), range(self.J))

    def transform_rows(self, source: str, maps: str, given: range) -> None:
        """Rows of a pair of images."""
        code = self.code
        with code.loop(0, self.H) as h:
            first, second = self.pair_of_rows(source, h)
            a, b = self.spaced(first, "%cell", given.start), self.spaced(second, "%second_cell", given.start)
            self.line(
                self.along_w,
                lambda n, m: Complex(code.load(a(n, m)), code.load(b(n, m))),
                self.into(maps, h),
                given,
                range(self.G),
            )

    def transform_rows_back(self, maps: str, target: str, wanted: range) -> None:
        """Rows of two images from transforms of them."""
        code = self.code
        with code.loop(0, self.H) as h:
            first, second = self.pair_of_rows(target, h)
            a, b = self.spaced(first, "%cell", wanted.start), self.spaced(second, "%second_cell", wanted.start)
            row = self.kept(code.at(maps, code.times(h, self.pitch)), self.pair)

            def store(n: str, m: int, value: Complex) -> None:
                code.store(value.im, a(n, m))
                code.store(value.re, b(n, m))

            self.line(self.along_w, lambda n, m: swapped(self.get(row(n, m))), store, range(self.G), wanted)

    def transform_column(self, maps: str, g: str, given: range, store: Callable) -> None:
        column = self.kept(self.code.at(maps, self.code.times(g, self.pair)), self.pitch, given.start)
        self.line(self.along_h, lambda n, m: self.get(column(n, m)), store, given, range(self.F))

    def transform_column_back(self, source: Place, maps: str, g: str, wanted: range) -> None:
        column = self.kept(self.code.at(maps, self.code.times(g, self.pair)), self.pitch, wanted.start)
        self.line(
            self.along_h,
            lambda n, m: swapped(self.get(source(n, m))),
            lambda n, m, value: self.put(swapped(value), column(n, m)),
            range(self.F),
            wanted,
        )

    def line(self, plan: Plan, load: Callable, store: Callable, given: range, wanted: range) -> None:
        """A transform of a line of which only the points `given` are not zero, and only those `wanted` are stored.

        `load(n, m)` gives point n + B m, `store(n, m, value)` takes point n + A m.
        """
        code, A, B = self.code, plan.A, plan.B
        between = self.kept("%line", self.pair)
        for ns, ms in alike(B, given):
            with code.loop(ns.start, ns.stop) as n:
                points = transform([load(n, m * B) if m in ms else self.nothing for m in range(A)])
                turns = code.at(plan.turns, code.times(n, 8 * A))
                start = code.times(n, A)
                for k, point in enumerate(points):
                    if k:
                        point = point.times(
                            Complex(*(code.load_number(code.at(turns, 8 * k + part)) for part in (0, 4)))
                        )
                    self.put(point, between(start, k))
        for ks, ms in alike(A, wanted):
            if ms:
                with code.loop(ks.start, ks.stop) as k:
                    points = transform([self.get(between(k, n * A)) for n in range(B)])
                    for m in ms:
                        store(k, m * A, points[m])

    # -- places

    def kept(self, start: str, stride: int, offset: int = 0) -> Place:
        """Of complex numbers `stride` bytes apart; that of number `offset` is the start."""
        code = self.code
        return lambda n, m: code.at(code.at(start, code.times(n, stride)), (m - offset) * stride)

    def spaced(self, start: str, stride: str, offset: int = 0) -> Place:
        """Of vectors whose distance is known only when the code runs."""
        code = self.code
        return lambda n, m: code.at(start, code.times(code.plus(n, m - offset), stride))

    def spectrum(self, start: str, g: str) -> Place:
        """Of a column of a spectrum, which lies in one piece."""
        return self.kept(self.code.at(start, self.code.times(g, self.pair * self.F)), self.pair)

    def into(self, maps: str, h: str) -> Callable:
        row = self.kept(self.code.at(maps, self.code.times(h, self.pitch)), self.pair)
        return lambda n, m, value: self.put(value, row(n, m))

    def pair_of_rows(self, name: str, h: str) -> tuple[str, str]:
        code = self.code
        return code.at(f"{name}_first", code.times(h, "%row")), code.at(f"{name}_second", code.times(h, "%second_row"))

    def get(self, place: str) -> Complex:
        return Complex(self.code.load(place, self.code.bytes), self.code.load(self.code.at(place, self.code.bytes), self.code.bytes))

    def put(self, value: Complex, place: str) -> None:
        self.code.store(value.re, place, self.code.bytes)
        self.code.store(value.im, self.code.at(place, self.code.bytes), self.code.bytes)

    def scaled(self, value: Complex) -> Complex:
        return Complex(*(part * (1 / (self.F * self.G)) for part in value))

    @property
    def nothing(self) -> Complex:
        return Complex(self.code.zero(), self.code.zero())

    # -- the frame

    @contextmanager
    def blocks(self) -> Iterator[None]:
        """Repeats what is inside for every block of channels."""
        code = self.code
        with code.loop("%first", "%last") as block:
            start = code.value(f"call i64 @llvm.smin.i64(i64 {code.times(block, code.lanes)}, i64 %until)")
            code.lines.append(f"  %here = mul i64 {start}, 4")
            for name in ("w", "dw"):
                code.lines.append(f"  %{name}_here = getelementptr i8, ptr %{name}, i64 %here")
            yield

    @contextmanager
    def pairs(self) -> Iterator[None]:
        """Repeats what is inside for every two images; an odd last one gets zeros beside it."""
        code = self.code
        with code.loop(0, "%N", 2) as n:
            place = code.plus(code.times(n, "%image"), "%here")
            lone = code.value(f"icmp eq i64 {code.plus(n, 1)}, %N")
            for name in ("cell", "row"):
                code.lines.append(f"  %second_{name} = select i1 {lone}, i64 0, i64 %{name}")
            for name in ("x", "dy", "y"):
                code.lines.append(f"  %{name}_first = getelementptr i8, ptr %{name}, i64 {place}")
                other = code.at(f"%{name}_first", "%image")
                stand_in = "%dump" if name == "y" else "%zeros"
                code.lines.append(f"  %{name}_second = select i1 {lone}, ptr {stand_in}, ptr {other}")
            yield

    def scratch(self) -> dict[str, int]:
        """Names of the working places, and their bytes."""
        maps, spectrum = self.pitch * max(self.H, self.K), self.pair * self.F * self.G
        line = self.pair * max(self.F, self.G)
        return {
            "line": line, "product": line, "maps": maps, "others": maps, "taps": spectrum, "sums": spectrum,
            "zeros": self.pair, "dump": self.pair,
        }  # fmt: skip

    def text(self) -> str:
        """The whole module."""
        code, entry, offset = self.code, [], 0
        for name, size in self.scratch().items():
            entry.append(f"  %{name} = getelementptr i8, ptr %scratch, i64 {offset}")
            offset += size
        entry += [
            f"  store {code.type} zeroinitializer, ptr %zeros, align {code.bytes}",
            "  %cell = mul i64 %C, 4",
            f"  %row = mul i64 %cell, {self.W}",
            f"  %image = mul i64 %row, {self.H}",
            f"  %w_row = mul i64 %cell, {self.J}",
            f"  %until = sub i64 %C, {code.lanes}",
        ]
        tables = sorted({plan.table() for plan in (self.along_h, self.along_w)})
        return "\n".join(
            [
                *tables,
                f"declare {code.type} {code.fma}({code.type}, {code.type}, {code.type})",
                "declare i64 @llvm.smin.i64(i64, i64)",
                f"define void @run({', '.join(ARGUMENTS)}) {{",
                "entry:",
                *entry,
                *code.lines,
                "  ret void",
                "}",
            ]
        )


def alike(step: int, wanted: range) -> Iterator[tuple[range, range]]:
    """Runs of n below `step` that share the numbers m with n + step m in `wanted`, with those numbers."""

    def numbers(n: int) -> range:
        return range(-((n - wanted.start) // step), -((n - wanted.stop) // step))

    for ms, ns in groupby(range(step), numbers):
        found = list(ns)
        yield range(found[0], found[-1] + 1), ms


def swapped(value: Complex) -> Complex:
    """Real for imaginary part: a forward transform between two swaps is the inverse one, but for a factor."""
    return Complex(value.im, value.re)
