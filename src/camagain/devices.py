"""Which of a machine's GPUs a job takes: those that no other job of the same user has."""

import os
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from camagain.locks import POLL_SECONDS, Held, hold

VARIABLE = "CUDA_VISIBLE_DEVICES"
"""What CUDA reads when it starts: the GPUs that a process sees, by number or name; all if it is missing."""


@contextmanager
def own_gpus(count: int) -> Iterator[None]:
    """Leaves `count` GPUs in sight of this process and of those that it starts, which no other job has for so long.

    Each of them has a lock that the system frees with the process. Where too few are free it says so and waits.
    Nothing happens where no more are in sight than the job needs, as on a machine with one GPU or in a job of SLURM. It
    has to be called before this process uses CUDA.
    """
    names = visible() if count else []
    if len(names) <= count:
        yield
        return
    held = _waited_for(names, count)
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = ",".join(held)
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
        for descriptor in held.values():
            os.close(descriptor)


def visible() -> list[str]:
    """The GPUs in sight of this process, as CUDA numbers or names them."""
    said = os.environ.get(VARIABLE)
    if said is not None:
        return [name.strip() for name in said.split(",") if name.strip()]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]  # asks the driver, and does not start CUDA


def _waited_for(names: Sequence[str], count: int) -> dict[str, int]:
    """So many GPUs and the descriptors of their locks, however long it takes."""
    said = False
    while not (held := _free(names, count)):
        if not said:
            print(f"waiting for {count} of the GPUs {', '.join(names)}; others have them", file=sys.stderr, flush=True)
        said = True
        time.sleep(POLL_SECONDS * (1 + random.random()))
    return held


def _free(names: Sequence[str], count: int) -> dict[str, int]:
    """So many free GPUs, locked; none where fewer are free, so that two jobs never wait for each other."""
    owner = os.getuid() if hasattr(os, "getuid") else "user"
    folder, held = Path(tempfile.gettempdir()) / f"camagain-{owner}", {}
    for name in names:
        try:
            held[name] = hold(folder / f"gpu-{re.sub(r'[^A-Za-z0-9]', '-', name)}.lock")
        except Held:
            continue
        if len(held) == count:
            return held
    for descriptor in held.values():
        os.close(descriptor)
    return {}
