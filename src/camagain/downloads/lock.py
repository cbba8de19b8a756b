"""One process at a time in a downloads folder."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

POLL_SECONDS = 0.2


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Waits until no other process downloads into `folder`, and keeps others out until the block ends.

    Two trainings that start together thus download a file once, and neither loses the other's line of the ledger. One
    lock for the whole folder suffices: two downloads share one connection anyway. The system frees the lock of a
    process that dies. A folder that cannot be written needs no lock, because nothing changes in it.
    """
    if not os.access(folder, os.W_OK):
        yield
        return
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"{folder}: another process is downloading; waiting for it", file=sys.stderr, flush=True)
        lock.acquire(poll_interval=POLL_SECONDS)
    try:
        yield
    finally:
        lock.release()
