"""What a job used: wall time, memory and processor time, in a file beside its log."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from camagain.artifacts import write_text


@contextmanager
def usage_written(path: Path) -> Iterator[None]:
    """Measures the block, and writes a table of one row when it ends well.

    `s`: wall seconds. `cpu_time`: seconds of this process and of those that it started and that have ended. `max_rss`:
    the main memory (MB) of the largest of them, over its whole life. On Windows seconds alone.
    """
    path.unlink(missing_ok=True)
    began, used_before = time.perf_counter(), cpu_seconds()
    yield
    measured = {"s": time.perf_counter() - began}
    if (used := cpu_seconds()) is not None and used_before is not None:
        measured |= {"max_rss": peak_megabytes(), "cpu_time": used - used_before}
    rows = (measured, (f"{value:.4f}" for value in measured.values()))
    write_text(path, "".join("\t".join(row) + "\n" for row in rows))


def cpu_seconds() -> float | None:
    """Seconds that processors have worked for this process and its children; None on Windows."""
    if sys.platform == "win32":
        return None
    import resource

    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(used.ru_utime + used.ru_stime for used in both)


def peak_megabytes() -> float:
    """The most main memory that this process, or one of its children, ever had."""
    import resource

    most = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return most / (2**20 if sys.platform == "darwin" else 2**10)  # bytes there, kilobytes elsewhere
