"""Ends a process with its parent: a job whose Snakemake was killed must not go on writing beside the job's next run."""

import ctypes
import os
import signal
import sys
import threading
import time

VARIABLE = "CAMAGAIN_SCHEDULER"
"""Holds the process id of the Snakemake that starts jobs."""

POLL_SECONDS = 0.5
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_scheduler() -> None:
    """Ends this process with the Snakemake that started it; does nothing for a command that a person typed."""
    scheduler = os.environ.pop(VARIABLE, None)  # what this process starts has another parent
    if scheduler is not None:
        end_with(int(scheduler))


def end_with(parent: int) -> None:
    """Ends this process as soon as its parent, given by its process id, is gone, however that ended.

    On Linux the system does it, also while this process is inside a long call; elsewhere a thread looks twice a second.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it was gone before this was asked for
        os._exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    os._exit(1)
