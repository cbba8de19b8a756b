"""Processes that share the search for boxes."""

from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context


@contextmanager
def processes(count: int) -> Iterator[Executor | None]:
    """An executor of so many processes; None for one process.

    Threads are too slow: a map takes a dozen compiled calls of microseconds, and handing Python's lock to a thread on
    another core can take as long as one of them (docs/benchmarks.md). Processes are started afresh, which takes a
    second, instead of forked: a fork copies locks that other threads hold.
    """
    if count == 1:
        yield None
        return
    with ProcessPoolExecutor(count, get_context("spawn")) as executor:
        yield executor
