"""Locks on files. The system frees them when their process ends, however it ends: no lock ever outlives a kill."""

import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_SECONDS = 0.2


class Held(Exception):
    """Another process holds the lock; the text names the process where it is known."""


def hold(path: Path, shared: bool = False) -> int:
    """Takes the lock of a file, which is made if it is not there, and returns its descriptor; `os.close` frees it.

    A shared lock lets other shared ones in, and keeps an exclusive one out. Raises `Held` where it cannot be had now.
    Where the file system knows no locks it prints so, and nothing is locked.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    if sys.platform == "win32":  # where Snakemake's rules, which are lines of bash, do not run either
        return descriptor
    import fcntl

    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 200).decode(errors="replace")
        os.close(descriptor)
        raise Held(holder or "another process") from None
    except OSError as error:
        print(f"{path}: this file system has no locks ({error.strerror}); nothing is locked", file=sys.stderr)
        return descriptor
    os.truncate(descriptor, 0)
    os.write(descriptor, f"process {os.getpid()} on {platform.node()}".encode())
    return descriptor


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Waits until no other process downloads into `folder`, and keeps others out until the block ends.

    Two trainings that start together thus download a file once, and neither loses the other's line of the ledger. One
    lock for the whole folder suffices: two downloads share one connection anyway. A folder that cannot be written needs
    no lock, because nothing changes in it.
    """
    if not os.access(folder, os.W_OK):
        yield
        return
    descriptor = _waited_for(folder)
    try:
        yield
    finally:
        os.close(descriptor)


def _waited_for(folder: Path) -> int:
    """The lock of a folder, however long it takes."""
    said = False
    while True:
        try:
            return hold(folder / ".lock")
        except Held:
            if not said:
                print(f"{folder}: another process is downloading; waiting for it", file=sys.stderr, flush=True)
            said = True
            time.sleep(POLL_SECONDS)
