"""The same digits on every x86 processor: what holds each library to one code path (`compute.portable`).

Numerical libraries choose their code by the processor they find, and each code adds numbers up in another order. The
variables below name one choice that every x86 processor with AVX2 has. Libraries read them once, when they are loaded:
only the command line sets them, before it imports any. Importing this module, or camagain, changes nothing. Other
kinds of processors, and GPUs, have no such choice and are left alone. docs/workflow.md says how far it gets.
"""

import os
import platform
import sys

from camagain.environment import cpu_flags
from camagain.errors import UserError

SETTINGS = {
    "ATEN_CPU_CAPABILITY": "avx2",  # torch's own loops; else AVX-512 where there is one
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # torch's convolutions
    # torch's matrix products and decompositions. MKL's AVX2 code serves Intel's processors only: on others it takes
    # the automatic choice without a word. This is the one choice that it documents for all.
    "MKL_CBWR": "COMPATIBLE",
    "MKL_DYNAMIC": "FALSE",  # never fewer threads than asked for, which would part sums elsewhere
    "OPENBLAS_CORETYPE": "Haswell",  # matrix products and decompositions of numpy, scipy and scikit-learn
    "OPENBLAS_NUM_THREADS": "1",
    "NPY_ENABLE_CPU_FEATURES": "X86_V3",  # numpy's own loops
    "NUMBA_CPU_NAME": "haswell",  # the search for boxes; numba's cache on disk keeps machine code by these two
    "NUMBA_CPU_FEATURES": "+avx2,+bmi,+bmi2,+f16c,+fma,+lzcnt,+movbe,+popcnt",
    "OPENCV_CPU_DISABLE": "AVX512-SKX",
    "OPENCV_IPP": "avx2",
}
"""Variable of the environment -> its value."""

CONFLICTING = ("NPY_DISABLE_CPU_FEATURES", "MKL_ENABLE_INSTRUCTIONS", "DNNL_MAX_CPU_ISA")
"""Variables that would choose otherwise, or that a library refuses beside those above."""

NEEDED = ("avx2", "fma", "bmi2", "f16c")
"""Flags of a processor that can run this code, as Linux names them."""

READERS = ("numpy", "torch", "numba", "cv2", "scipy")
"""Modules that read the variables when they are loaded."""


def enter() -> None:
    """Holds the libraries that this process, and every process it starts, will load to one code path.

    Does nothing on processors other than x86. UserError on an x86 processor without AVX2, and where a library is
    loaded already, which could no longer be held to it.
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return
    if active():
        return
    missing = [flag for flag in NEEDED if flag not in (cpu_flags() or NEEDED)]
    if missing:
        raise UserError(
            f"compute.portable: this processor has no {', '.join(missing)}; the common code path of x86 processors "
            "needs AVX2 (Intel since 2013, AMD since 2015). Set `compute.portable: false` to run here; digits will "
            "then differ in the last places from those of other machines."
        )
    loaded = [name for name in READERS if name in sys.modules]
    if loaded:
        raise UserError(
            f"compute.portable: {', '.join(loaded)} is loaded already and has chosen its code path; expected the "
            "command `camagain` in a process of its own."
        )
    for name in CONFLICTING:
        os.environ.pop(name, None)
    os.environ.update(SETTINGS)


def active() -> bool:
    """Whether this process was started, or has begun, with every variable set."""
    return all(os.environ.get(name) == value for name, value in SETTINGS.items())
