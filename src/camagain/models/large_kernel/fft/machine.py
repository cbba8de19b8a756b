"""Turns the text of a function into machine code for this processor, and keeps the code on disk.

LLVM comes with llvmlite, which numba needs anyway: nobody has to have a compiler. A function takes 0.03 to 0.3 seconds
once, and milliseconds from disk.
"""

import ctypes
import hashlib
import platform
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from camagain.artifacts import atomic
from camagain.models.large_kernel.fft.program import COUNTS, POINTERS, Program

FOLDERS = (Path(__file__).parent / "__pycache__", Path("~/.cache/camagain/fft"))
"""Where machine code is kept: beside the source or, where that is read-only, in the user's cache."""

KINDS: dict[str, Callable[[Program], str]] = {
    "values": Program.values,
    "gradient-of-maps": Program.gradient_of_maps,
    "gradients": Program.gradients,
}
"""The functions that there are: y, dx, and both dx and dw."""


@dataclass(frozen=True)
class Processor:
    """What LLVM calls this processor, what it can do, and how many numbers of 32 bits its vectors have."""

    name: str
    features: str
    lanes: int

    @staticmethod
    @lru_cache(maxsize=1)
    def here() -> "Processor | None":
        """None for a processor without vectors whose products and sums are rounded once."""
        import llvmlite.binding as llvm

        features = llvm.get_host_cpu_features()
        arm = platform.machine().lower() in ("arm64", "aarch64")
        if not arm and not (features.get("avx2") and features.get("fma")):
            return None
        return Processor(llvm.get_host_cpu_name(), features.flatten(), 16 if features.get("avx512f") else 8)


@dataclass(frozen=True)
class Compiled:
    """A function with the arguments of `program.POINTERS` and `program.COUNTS`, and bytes of room that it needs."""

    call: Callable[..., None]
    room: int
    engine: Any  # owns the machine code


@lru_cache(maxsize=256)
def compiled(kind: str, H: int, W: int, K: int, J: int, lanes: int) -> Compiled:
    """The function of a kind for H x W cells and K x J taps."""
    import llvmlite.binding as llvm

    processor = Processor.here()
    assert processor is not None
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=processor.name, features=processor.features, opt=3, jit=True
    )
    program = Program(H, W, K, J, lanes)

    def made() -> bytes:
        module = llvm.parse_assembly(KINDS[kind](program))
        module.triple, module.data_layout = machine.triple, str(machine.target_data)
        module.verify()
        return machine.emit_object(module)

    maker = f"{processor.name} {processor.features} {llvm.llvm_version_info}"
    name = f"{kind}-{H}x{W}-{K}x{J}-{lanes}-{hashlib.sha256(maker.encode()).hexdigest()[:12]}.o"
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(kept(name, made)))
    engine.finalize_object()
    types = [ctypes.c_void_p] * len(POINTERS) + [ctypes.c_int64] * len(COUNTS)
    call = ctypes.CFUNCTYPE(None, *types)(engine.get_function_address("run"))  # without Python's lock
    return Compiled(call, sum(program.scratch().values()), engine)


def kept(name: str, made: Callable[[], bytes]) -> bytes:
    """The machine code of this name from disk, or made and kept there; code of other sources is made anew."""
    places = [folder.expanduser() / name for folder in FOLDERS]
    for place in places:
        try:
            found = place.read_bytes()
        except OSError:
            continue
        seal, code = found[:32], found[32:]
        if seal == sealed(code):
            return code
    code = made()
    for place in places:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with atomic(place) as temporary:
                temporary.write_bytes(sealed(code) + code)
            break
        except OSError:
            continue
    return code


def sealed(code: bytes) -> bytes:
    """A checksum of machine code and of the sources that write it."""
    return hashlib.sha256(sources() + code).digest()


@lru_cache(maxsize=1)
def sources() -> bytes:
    return b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
