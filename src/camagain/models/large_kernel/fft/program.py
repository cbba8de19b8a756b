"""Code of a depthwise convolution and its gradients by fast Fourier transforms, for one size of maps and kernel.

Two images are the real and the imaginary part of one complex image: a real kernel leaves them apart, and no spectrum
has to be unpacked. A vector register holds one cell of neighbouring channels. A transform of length A B is B transforms
of length A, turned, and A transforms of length B, which `butterflies` writes out; what is known to be zero is not
computed, nor what nobody reads. The transform of a column, its product with the kernel's spectrum and the transform
back follow each other while the column is in the fastest cache.

Letters: N images, H x W cells, C channels, K x J kernel taps, F frequencies along H and G along W, x the maps, w the
taps, y the result, and dx, dw, dy their gradients. On a circle of F places the taps stand at 0 ... K - 1, the cells of
x from K // 2 on and those of y at 0 ... H - 1. So y is x correlated with w, dx is dy convolved with w, and dw is x
correlated with dy, each without an offset; F = H + K // 2 places are enough, because what is wrapped round meets zeros.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby

from camagain.models.large_kernel.fft.butterflies import Complex, transform
from camagain.models.large_kernel.fft.plans import Plan, plan
from camagain.models.large_kernel.fft.vectors import Code

POINTERS = ("x", "w", "dy", "y", "dw", "scratch")
"""Maps (N, H, W, C), taps (K, J, C), and room to work in; y takes dx where that is computed, and x dy for it alone."""

COUNTS = ("N", "C", "first", "last")
"""Images, channels, and which blocks of channels to do; the last block of all ends with the last channel."""

Place = Callable[[str, int], str]
"""(n, m) -> where number n + m of a line is; n is known when the code runs, m when it is written."""

Load = Callable[[str, int], Complex]
"""(n, m) -> that number."""

Store = Callable[[str, int, Complex], None]
"""Takes that number."""


class Program:
    """Writes one function for H x W cells and K x J taps, `run` with the pointers and counts above."""

    def __init__(self, H: int, W: int, K: int, J: int, lanes: int) -> None:
        self.code = Code(lanes)
        self.pair = 2 * self.code.bytes  # bytes of a vector of complex numbers
        self.H, self.W, self.K, self.J = H, W, K, J
        self.along_h, self.along_w = plan(H + K // 2), plan(W + J // 2)
        self.F, self.G = self.along_h.length, self.along_w.length
        self.pitch = self.pair * (self.G | 1)  # odd, so that a column does not fall on few sets of the cache
        self.of_x = (range(K // 2, K // 2 + H), range(J // 2, J // 2 + W))  # places of rows, and of columns
        self.of_y = (range(H), range(W))

    # -- the functions

    def values(self) -> str:
        """y of x and w."""
        return self.convolution(self.of_x, self.of_y, Complex.times_conjugate)

    def gradient_of_maps(self) -> str:
        """dx of dy and w."""
        return self.convolution(self.of_y, self.of_x, Complex.times)

    def convolution(self, given: tuple[range, range], wanted: tuple[range, range], multiply: Callable) -> str:
        """Maps at some places of maps at others, by that product of their spectrum with the kernel's."""
        with self.blocks():
            self.transform_taps()
            with self.pairs():
                self.transform_rows("x", "maps", given[1])
                with self.code.loop(0, self.G) as g:
                    taps, product = self.spectrum("taps", g), self.evenly("%product", self.pair)

                    def store(n: str, m: int, value: Complex) -> None:
                        self.put(multiply(value, self.get(taps(n, m))), product(n, m))

                    self.transform_column("maps", g, given[0], store)
                    self.transform_column_back(product, "maps", g, wanted[0])
                self.transform_rows_back("maps", "y", wanted[1])
        return self.text()

    def gradients(self) -> str:
        """dx of dy and w, and dw of x and dy."""
        with self.blocks():
            self.transform_taps()
            with self.code.loop(0, self.F * self.G) as n:
                self.put(self.nothing, self.evenly("%sums", self.pair)(n, 0))
            with self.pairs():
                self.transform_rows("x", "maps", self.of_x[1])
                self.transform_rows("dy", "others", self.of_y[1])
                with self.code.loop(0, self.G) as g:
                    taps, sums = self.spectrum("taps", g), self.spectrum("sums", g)
                    product = self.evenly("%product", self.pair)

                    def store(n: str, m: int, value: Complex) -> None:
                        correlated = self.get(product(n, m)).times_conjugate(value)
                        self.put(self.get(sums(n, m)).plus(correlated), sums(n, m))
                        self.put(value.times(self.get(taps(n, m))), product(n, m))

                    self.transform_column("maps", g, self.of_x[0], self.into(product))
                    self.transform_column("others", g, self.of_y[0], store)
                    self.transform_column_back(product, "maps", g, self.of_x[0])
                self.transform_rows_back("maps", "y", self.of_x[1])
            self.transform_sums_back()
        return self.text()

    # -- their parts

    def transform_taps(self) -> None:
        """The kernel's spectrum."""
        code = self.code
        with code.loop(0, self.K) as k:
            taps = self.spaced(code.at("%w_here", code.times(k, "%w_row")), "%cell")

            def load(n: str, m: int) -> Complex:
                return Complex(code.load(taps(n, m)), code.zero())

            self.line(self.along_w, load, self.into(self.row("maps", k)), range(self.J), range(self.G))
        with code.loop(0, self.G) as g:
            spectrum = self.spectrum("taps", g)

            def store(n: str, m: int, value: Complex) -> None:
                self.put(self.averaged(value), spectrum(n, m))

            self.transform_column("maps", g, range(self.K), store)

    def transform_sums_back(self) -> None:
        """dw of the sum of products of spectra."""
        code = self.code
        with code.loop(0, self.G) as g:
            self.transform_column_back(self.spectrum("sums", g), "maps", g, range(self.K))
        with code.loop(0, self.K) as k:
            taps = self.spaced(code.at("%dw_here", code.times(k, "%w_row")), "%cell")

            def store(n: str, m: int, value: Complex) -> None:
                code.store(self.averaged(value).im, taps(n, m))

            self.line(self.along_w, self.swapped(self.row("maps", k)), store, range(self.G), range(self.J))

    def transform_rows(self, source: str, maps: str, given: range) -> None:
        """Rows of a pair of images."""
        code = self.code
        with code.loop(0, self.H) as h:
            first, second = self.rows_of_pair(source, h, given.start)

            def load(n: str, m: int) -> Complex:
                return Complex(code.load(first(n, m)), code.load(second(n, m)))

            self.line(self.along_w, load, self.into(self.row(maps, h)), given, range(self.G))

    def transform_rows_back(self, maps: str, target: str, wanted: range) -> None:
        """Rows of a pair of images from their transforms."""
        code = self.code
        with code.loop(0, self.H) as h:
            first, second = self.rows_of_pair(target, h, wanted.start)

            def store(n: str, m: int, value: Complex) -> None:
                code.store(value.im, first(n, m))
                code.store(value.re, second(n, m))

            self.line(self.along_w, self.swapped(self.row(maps, h)), store, range(self.G), wanted)

    def transform_column(self, maps: str, g: str, given: range, store: Store) -> None:
        column = self.column(maps, g, given.start)
        self.line(self.along_h, lambda n, m: self.get(column(n, m)), store, given, range(self.F))

    def transform_column_back(self, source: Place, maps: str, g: str, wanted: range) -> None:
        column = self.column(maps, g, wanted.start)

        def store(n: str, m: int, value: Complex) -> None:
            self.put(Complex(value.im, value.re), column(n, m))

        self.line(self.along_h, self.swapped(source), store, range(self.F), wanted)

    def line(self, plan: Plan, load: Load, store: Store, given: range, wanted: range) -> None:
        """A transform of a line of which only the points `given` are not zero and only those `wanted` are stored."""
        code, A, B = self.code, plan.A, plan.B
        between = self.evenly("%line", self.pair)
        for ns, ms in alike(B, given):
            with code.loop(ns.start, ns.stop) as n:
                points = transform([load(n, m * B) if m in ms else self.nothing for m in range(A)])
                turns, start = code.at(plan.turns, code.times(n, 8 * A)), code.times(n, A)
                for m, point in enumerate(points):
                    if m:
                        cosine, sine = (code.load_number(code.at(turns, 8 * m + part)) for part in (0, 4))
                        point = point.times(Complex(cosine, sine))
                    self.put(point, between(start, m))
        for ks, ms in alike(A, wanted):
            if not ms:
                continue
            with code.loop(ks.start, ks.stop) as k:
                points = transform([self.get(between(k, n * A)) for n in range(B)])
                for m in ms:
                    store(k, m * A, points[m])

    # -- places

    def evenly(self, start: str, stride: int, offset: int = 0) -> Place:
        """Places that many bytes apart; that of number `offset` is the start."""
        code = self.code
        return lambda n, m: code.at(code.at(start, code.times(n, stride)), (m - offset) * stride)

    def spaced(self, start: str, stride: str, offset: int = 0) -> Place:
        """The same where their distance is known only when the code runs."""
        code = self.code
        return lambda n, m: code.at(start, code.times(code.plus(n, m - offset), stride))

    def row(self, maps: str, h: str) -> Place:
        return self.evenly(self.code.at(f"%{maps}", self.code.times(h, self.pitch)), self.pair)

    def column(self, maps: str, g: str, offset: int) -> Place:
        return self.evenly(self.code.at(f"%{maps}", self.code.times(g, self.pair)), self.pitch, offset)

    def spectrum(self, name: str, g: str) -> Place:
        """Of a column of a spectrum, which lies in one piece."""
        return self.evenly(self.code.at(f"%{name}", self.code.times(g, self.pair * self.F)), self.pair)

    def rows_of_pair(self, name: str, h: str, offset: int) -> list[Place]:
        code = self.code
        starts = [code.at(f"%{name}_{which}", code.times(h, f"%{which}_row")) for which in ("first", "second")]
        return [self.spaced(starts[0], "%first_cell", offset), self.spaced(starts[1], "%second_cell", offset)]

    # -- numbers

    def get(self, place: str) -> Complex:
        code = self.code
        return Complex(code.load(place, code.bytes), code.load(code.at(place, code.bytes), code.bytes))

    def put(self, value: Complex, place: str) -> None:
        code = self.code
        code.store(value.re, place, code.bytes)
        code.store(value.im, code.at(place, code.bytes), code.bytes)

    def into(self, places: Place) -> Store:
        return lambda n, m, value: self.put(value, places(n, m))

    def swapped(self, places: Place) -> Load:
        """Real for imaginary part: a forward transform between two swaps is the inverse one, but for a factor."""

        def load(n: str, m: int) -> Complex:
            value = self.get(places(n, m))
            return Complex(value.im, value.re)

        return load

    def averaged(self, value: Complex) -> Complex:
        """That factor applied."""
        return Complex(value.re * (1 / (self.F * self.G)), value.im * (1 / (self.F * self.G)))

    @property
    def nothing(self) -> Complex:
        return Complex(self.code.zero(), self.code.zero())

    # -- the frame

    @contextmanager
    def blocks(self) -> Iterator[None]:
        """Repeats what is inside for every block of channels."""
        code = self.code
        with code.loop("%first", "%last") as block:
            channel = code.value(f"call i64 @llvm.smin.i64(i64 {code.times(block, code.lanes)}, i64 %last_channel)")
            code.set("here", f"mul i64 {channel}, 4")
            for name in ("w", "dw"):
                code.set(f"{name}_here", f"getelementptr i8, ptr %{name}, i64 %here")
            yield

    @contextmanager
    def pairs(self) -> Iterator[None]:
        """Repeats what is inside for every two images; an odd last one gets zeros beside it."""
        code = self.code
        with code.loop(0, "%N", 2) as n:
            start = code.plus(code.times(n, "%image"), "%here")
            lone = code.value(f"icmp eq i64 {code.plus(n, 1)}, %N")
            for name in ("cell", "row"):
                code.set(f"first_{name}", f"add i64 %{name}, 0")
                code.set(f"second_{name}", f"select i1 {lone}, i64 0, i64 %{name}")
            for name, stand_in in (("x", "zeros"), ("dy", "zeros"), ("y", "unread")):
                code.set(f"{name}_first", f"getelementptr i8, ptr %{name}, i64 {start}")
                other = code.at(f"%{name}_first", "%image")
                code.set(f"{name}_second", f"select i1 {lone}, ptr %{stand_in}, ptr {other}")
            yield

    def scratch(self) -> dict[str, int]:
        """Names of the places to work in, and their bytes."""
        line, maps = self.pair * max(self.F, self.G), self.pitch * max(self.H, self.K)
        spectrum = self.pair * self.F * self.G
        sizes = {"line": line, "product": line, "maps": maps, "others": maps, "taps": spectrum, "sums": spectrum}
        return {**sizes, "zeros": self.pair, "unread": self.pair}

    def text(self) -> str:
        """The whole module: tables, and the function with what it calculates first."""
        begin, offset = Code(self.code.lanes), 0
        for name, size in self.scratch().items():
            begin.set(name, f"getelementptr i8, ptr %scratch, i64 {offset}")
            offset += size
        begin.store(begin.zero(), "%zeros", begin.bytes)
        begin.set("cell", "mul i64 %C, 4")
        begin.set("row", f"mul i64 %cell, {self.W}")
        begin.set("image", f"mul i64 %row, {self.H}")
        begin.set("w_row", f"mul i64 %cell, {self.J}")
        begin.set("last_channel", f"sub i64 %C, {begin.lanes}")
        arguments = [f"ptr %{name}" for name in POINTERS] + [f"i64 %{name}" for name in COUNTS]
        return "\n".join(
            [
                *sorted({plan.table() for plan in (self.along_h, self.along_w)}),
                f"declare {begin.type} {begin.fma}({begin.type}, {begin.type}, {begin.type})",
                "declare i64 @llvm.smin.i64(i64, i64)",
                f"define void @run({', '.join(arguments)}) {{",
                "entry:",
                *begin.lines,
                *self.code.lines,
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
