"""Code for a processor's vector registers, written down instruction by instruction in LLVM's language.

An operation on a `Vector` writes one instruction to its `Code` and returns the vector that will hold the result.
Rounding is part of the text (a product that is added without being rounded first is written as such), so the same text
gives the same digits on every processor.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Integer = int | str
"""A number that is known when the code is written, or the name of one that is known when it runs."""


@dataclass
class Code:
    """The lines of one function so far, for vectors of so many numbers of 32 bits."""

    lanes: int
    lines: list[str] = field(default_factory=list)
    names: int = 0  # given so far
    block: str = "entry"  # stretch of code that is being written

    @property
    def bytes(self) -> int:
        """Bytes of a vector."""
        return 4 * self.lanes

    @property
    def type(self) -> str:
        return f"<{self.lanes} x float>"

    @property
    def fma(self) -> str:
        """LLVM's name of a product and a sum rounded once."""
        return f"@llvm.fma.v{self.lanes}f32"

    def name(self) -> str:
        self.names += 1
        return f"v{self.names}"

    def set(self, name: str, instruction: str) -> str:
        """Writes an instruction and gives its result a name."""
        self.lines.append(f"  %{name} = {instruction}")
        return f"%{name}"

    def value(self, instruction: str) -> str:
        return self.set(self.name(), instruction)

    @contextmanager
    def loop(self, start: Integer, stop: Integer, step: int = 1) -> Iterator[str]:
        """Repeats what is written inside, at least once, for start, start + step, ... below stop; gives the counter."""
        name, before = self.name(), self.block
        self.enter(f"head_{name}")
        self.set(name, f"phi i64 [ {start}, %{before} ], [ %{name}.next, %tail_{name} ]")
        yield f"%{name}"
        self.enter(f"tail_{name}")
        self.set(f"{name}.next", f"add i64 %{name}, {step}")
        again = self.set(f"{name}.again", f"icmp slt i64 %{name}.next, {stop}")
        self.block = f"after_{name}"
        self.lines += [f"  br i1 {again}, label %head_{name}, label %{self.block}", f"{self.block}:"]

    def enter(self, block: str) -> None:
        """Begins a new stretch of code that others can jump to."""
        self.lines += [f"  br label %{block}", f"{block}:"]
        self.block = block

    def times(self, a: Integer, b: Integer) -> str:
        return self.value(f"mul i64 {a}, {b}")

    def plus(self, a: Integer, b: Integer) -> Integer:
        return a if b == 0 else self.value(f"add i64 {a}, {b}")

    def at(self, pointer: str, offset: Integer) -> str:
        """The place so many bytes after another."""
        return pointer if offset == 0 else self.value(f"getelementptr i8, ptr {pointer}, i64 {offset}")

    def load(self, place: str, aligned: int = 4) -> "Vector":
        return Vector(self, self.value(f"load {self.type}, ptr {place}, align {aligned}"))

    def load_number(self, place: str) -> "Vector":
        """One number in every lane."""
        number = self.value(f"load float, ptr {place}, align 4")
        first = self.value(f"insertelement {self.type} poison, float {number}, i64 0")
        lanes = f"<{self.lanes} x i32> zeroinitializer"
        return Vector(self, self.value(f"shufflevector {self.type} {first}, {self.type} poison, {lanes}"))

    def store(self, vector: "Vector", place: str, aligned: int = 4) -> None:
        self.lines.append(f"  store {self.type} {vector.name}, ptr {place}, align {aligned}")

    def zero(self) -> "Vector":
        return Vector(self, "zeroinitializer")


@dataclass(frozen=True)
class Vector:
    """The name of a vector in the code. Zeros are known, and operations with them write nothing."""

    code: Code
    name: str

    @property
    def is_zero(self) -> bool:
        return self.name == "zeroinitializer"

    def __add__(self, other: "Vector") -> "Vector":
        if self.is_zero or other.is_zero:
            return other if self.is_zero else self
        return self.result(f"fadd {self.code.type} {self.name}, {other.name}")

    def __sub__(self, other: "Vector") -> "Vector":
        if self.is_zero or other.is_zero:
            return -other if self.is_zero else self
        return self.result(f"fsub {self.code.type} {self.name}, {other.name}")

    def __neg__(self) -> "Vector":
        return self if self.is_zero else self.result(f"fneg {self.code.type} {self.name}")

    def __mul__(self, other: "Vector | float") -> "Vector":
        other = self.lanes(other)
        zero = self.is_zero or other.is_zero
        return self.code.zero() if zero else self.result(f"fmul {self.code.type} {self.name}, {other.name}")

    def plus(self, a: "Vector", b: "Vector | float") -> "Vector":
        """This plus a times b, rounded once."""
        b = self.lanes(b)
        if a.is_zero or b.is_zero:
            return self
        if self.is_zero:
            return a * b
        arguments = ", ".join(f"{self.code.type} {each.name}" for each in (a, b, self))
        return self.result(f"call {self.code.type} {self.code.fma}({arguments})")

    def minus(self, a: "Vector", b: "Vector | float") -> "Vector":
        """This minus a times b, rounded once."""
        return self.plus(a, -b)

    def lanes(self, value: "Vector | float") -> "Vector":
        """A number in every lane."""
        if isinstance(value, Vector):
            return value
        return Vector(self.code, f"splat (float {number(value)})") if value else self.code.zero()

    def result(self, instruction: str) -> "Vector":
        return Vector(self.code, self.code.value(instruction))


def number(value: float) -> str:
    """A number rounded to 32 bits, as LLVM's language has it: the bits of the same number of 64."""
    return "0x" + struct.pack(">d", struct.unpack("f", struct.pack("f", value))[0]).hex().upper()
