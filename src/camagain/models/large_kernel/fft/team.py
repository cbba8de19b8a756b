"""Work on torch's own threads.

Threads of our own would wait for processors that look idle: after each operation that they share, torch's threads watch
out for the next one for some milliseconds, and that keeps a processor busy. A transform takes less than that.
"""

import ctypes
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from pathlib import Path

import torch

MEMBER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


def share_out(work: Callable[[int], None], shares: int) -> None:
    """Calls work(0), work(1) ... work(shares - 1), each on a thread of its own where there are as many.

    Raises what one of them has raised, after all have ended.
    """
    if shares == 1:
        work(0)
        return
    left, done, errors = iter(range(shares)), [], []

    def member(*_: object) -> None:
        """Takes one share after the other, until all are taken: a team may be smaller than what was asked for."""
        try:
            for share in left:
                work(share)
                done.append(share)
        except BaseException as error:
            errors.append(error)

    if team := openmp():
        team(MEMBER(member), None, shares, 0)
    else:
        others = [pool(shares - 1).submit(member) for _ in range(shares - 1)]
        member()
        wait(others)
    if errors:
        raise errors[0]
    if len(done) < shares:  # ctypes drops what a signal raises before the block above begins
        raise KeyboardInterrupt


@cache
def openmp() -> Callable[..., None] | None:
    """GNU's function that runs another one on each thread of a team, from the OpenMP library that torch works with.

    LLVM's and Intel's libraries have it, too. None where torch works without, and on systems where it was not tried.
    """
    if sys.platform != "linux":
        return None
    try:
        function = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libtorch_cpu.so")).GOMP_parallel
    except (OSError, AttributeError):
        return None
    function.argtypes, function.restype = [MEMBER, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint], None
    return function


@cache
def pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="fft")
