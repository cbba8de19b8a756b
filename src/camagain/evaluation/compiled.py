"""How the loops over pixels are compiled: by numba, at the first call, kept on disk, and run without Python's lock.

numba's cache watches one file per compiled function: a function that called a compiled function of another file would
go on using the old one after an edit of that file. Hence a rule for this package: a compiled function calls only those
of its own file, and Python hands the arrays from file to file.
"""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable)


def compiled(function: Function) -> Function:
    """The function, compiled for the types of its first call; results are those of the same lines in plain Python.

    The machine code is kept in `__pycache__` beside the source or, where that is read-only, in the user's cache folder
    (numba's order; NUMBA_CACHE_DIR decides otherwise). Where neither can be written, every process compiles anew.
    """
    try:
        return cast(Function, numba.njit(function, cache=True, nogil=True))
    except RuntimeError:  # numba found no folder for its cache
        return cast(Function, numba.njit(function, nogil=True))
