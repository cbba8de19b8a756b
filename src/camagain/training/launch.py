"""One training in several processes of this machine, each on its own GPU or CPU cores."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from torch.multiprocessing import ProcessExitedException, start_processes

from camagain.compute import prepare
from camagain.config import Compute
from camagain.errors import LACK_OF_MEMORY, UserError
from camagain.parent import end_with


def in_processes(work: Callable[..., None], compute: Compute, *arguments: Any) -> None:
    """Calls `work(*arguments)` in as many processes as `compute` says, here if that is one, and waits for all.

    The processes find each other through a file, so no port has to be free. A UserError in one of them is raised here
    and the others are ended; they also end when this process does, however it ends. `work` is a function of a module.
    """
    if compute.processes == 1:
        return work(*arguments)
    check_processes(compute)
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # they would warn of what `finetune` asks for, each of them
    with tempfile.TemporaryDirectory(prefix="camagain-") as folder:
        context = start_processes(
            _process, (work, compute, arguments, Path(folder), os.getpid()), nprocs=compute.processes, join=False
        )
        try:
            while not context.join():
                pass
        except Exception as error:
            raise clear(error, Path(folder), compute) from None
        finally:
            for process in context.processes:
                process.kill()
                process.join()


def check_processes(compute: Compute) -> None:
    """Raises UserError where this machine cannot run so many processes."""
    device = prepare(compute)
    if device.type == "mps":
        raise UserError("compute.processes must be 1 on `mps`: a Mac has one GPU.")
    if device.type == "cuda" and torch.cuda.device_count() < compute.processes:
        raise UserError(
            f"compute.processes is {compute.processes}, but this job sees {torch.cuda.device_count()} GPUs; each "
            "process needs its own."
        )


def _process(
    rank: int, work: Callable[..., None], compute: Compute, arguments: tuple, folder: Path, parent: int
) -> None:
    """The life of one process."""
    end_with(parent)
    device = prepare(compute)
    values = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": compute.processes, "LOCAL_WORLD_SIZE": compute.processes}
    # accelerate reads these. Without OMP_NUM_THREADS it would choose the number of threads itself.
    os.environ.update({name: str(value) for name, value in values.items()}, OMP_NUM_THREADS=str(compute.threads))
    if device.type == "cuda":
        torch.cuda.set_device(rank)
    backend = "nccl" if device.type == "cuda" else "gloo"
    meeting = f"file://{folder / 'meeting'}"
    distributed.init_process_group(backend, init_method=meeting, rank=rank, world_size=compute.processes)
    try:
        work(*arguments)
        distributed.barrier()
        distributed.destroy_process_group()
    except UserError as error:
        (folder / f"error-{rank}").write_text(str(error), encoding="utf-8")
        raise SystemExit(1) from None  # a group that waits for this process cannot be left in an orderly way


def clear(error: Exception, folder: Path, compute: Compute) -> Exception:
    """The cause of a failure: the message of the process that failed, not the others' errors about its silence."""
    messages = sorted(folder.glob("error-*"))
    if messages:
        return UserError(messages[0].read_text(encoding="utf-8"))
    if isinstance(error, ProcessExitedException):
        name = getattr(error, "signal_name", None)
        return UserError(
            f"process {error.error_index + 1} of {compute.processes} ended early "
            f"({f'killed by {name}' if name else f'exit status {error.exit_code}'}); "
            f"{LACK_OF_MEMORY}"
        )
    return error
