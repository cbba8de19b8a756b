"""Processes that share the search for boxes."""

import os
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context

from camagain.errors import LACK_OF_MEMORY, UserError
from camagain.parent import end_with


@contextmanager
def named_if_killed() -> Iterator[None]:
    """Says what it most often means that a process of an executor ended before its work."""
    try:
        yield
    except BrokenProcessPool:
        raise UserError(
            f"a process that searches for boxes ended early; {LACK_OF_MEMORY} Fewer processes need less of it: lower "
            "compute.threads."
        ) from None


PIXELS_EACH = 50_000_000
"""A process takes a second to start, as long as a thousand maps of 224 px: fewer are searched sooner without it."""


@contextmanager
def processes(most: int, pixels: int) -> Iterator[Executor | None]:
    """An executor of so many processes at most, as maps of so many pixels in all are worth; None where one is enough.

    Threads are too slow: a map takes a dozen compiled calls of microseconds, and handing Python's lock to a thread on
    another core can take as long as one of them (docs/benchmarks.md). Processes are started afresh, which takes a
    second, instead of forked: a fork copies locks that other threads hold. They end with this process, however it ends.
    """
    count = min(most, pixels // PIXELS_EACH)
    if count <= 1:
        yield None
        return
    with named_if_killed(), ProcessPoolExecutor(count, get_context("spawn"), end_with, (os.getpid(),)) as executor:
        yield executor
