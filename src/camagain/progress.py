"""Progress of long jobs: a bar on a terminal, an occasional plain line in a log."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")

QUIET_SECONDS = 5.0
"""A job shorter than this leaves no line in a log."""

LINE_SECONDS = 15.0
"""Time between two lines in a log."""


def track(items: Iterable[Item], total: int | None, what: str, unit: str = "images") -> Iterator[Item]:
    """Yields the items unchanged, one at a time, and shows how many of `total` are done."""
    with progress(what, total, unit=unit) as advance:
        for item in items:
            yield item
            advance(1)


@contextmanager
def progress(what: str, total: int | None, done: int = 0, unit: str = "files") -> Iterator[Callable[[int], None]]:
    """Yields a function that is told how many more units ("files" or "bytes") are done; writes to standard error.

    `total` is None when unknown; `done` units were done before, for example by an interrupted download.
    """
    if sys.stderr.isatty():
        with _bar(what, total, done, unit) as advance:
            yield advance
    else:
        yield _Lines(what, total, done, unit).advance


@contextmanager
def _bar(what: str, total: int | None, done: int, unit: str) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    amount: list[ProgressColumn] = [MofNCompleteColumn()]
    if unit == "bytes":
        amount = [DownloadColumn(), TransferSpeedColumn()]
    columns = [TextColumn("{task.description}"), BarColumn(), *amount, TimeRemainingColumn()]
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total, completed=done)
        yield lambda count: bar.advance(task, count)


class _Lines:
    """Prints "what: done of total, rate, time left" now and then, for logs and pipes."""

    def __init__(self, what: str, total: int | None, done: int, unit: str) -> None:
        self.what, self.total, self.done, self.unit = what, total, done, unit
        self.before, self.begin = done, time.monotonic()
        self.next_line = self.begin + QUIET_SECONDS

    def advance(self, count: int) -> None:
        self.done += count
        now = time.monotonic()
        if now >= self.next_line:
            self.next_line = now + LINE_SECONDS
            print(f"{self.what}: {self._amount()}{self._pace(now - self.begin)}", file=sys.stderr, flush=True)

    def _amount(self) -> str:
        scale, unit = (1e6, "MB") if self.unit == "bytes" else (1, self.unit)
        total = "" if self.total is None else f" of {self.total / scale:.0f}"
        return f"{self.done / scale:.0f}{total} {unit}"

    def _pace(self, seconds: float) -> str:
        """The rate of bytes, and how long the rest takes at the rate so far."""
        rate = (self.done - self.before) / seconds if seconds else 0.0  # units a second
        if not rate:
            return ""
        speed = f", {rate / 1e6:.1f} MB/s" if self.unit == "bytes" else ""
        left = "" if self.total is None else f", {duration(max(0, self.total - self.done) / rate)} left"
        return speed + left


def duration(seconds: float) -> str:
    """A time to wait in one unit: "40 s", "12 min", "3.5 h"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
