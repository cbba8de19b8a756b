"""The warm process: loads what jobs need, computes nothing, and forks for each job that a client asks for.

It starts no thread and uses no GPU, so that its copies can. (The allocator of pyarrow, and OpenBLAS, have threads as
soon as they are loaded; both have prepared themselves for forks.)
"""

import atexit
import gc
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, NoReturn

from camagain import cli
from camagain.config.file import load_experiment
from camagain.parent import end_with, end_with_scheduler
from camagain.portable import enter
from camagain.stages import stages
from camagain.warm.client import BEGUN, MOST_BYTES, READY, installation, same_user

SLOW_CLIENT_SECONDS = 5.0
HARMLESS = ("PWD", "OLDPWD", "SHLVL", "_")
"""Variables in which the environment of a job may differ from that in which the libraries were loaded."""


@dataclass(frozen=True)
class Job:
    """A job that goes on."""

    process: int
    ended: int  # a descriptor that can be read when the process has ended
    client: socket.socket

    def close(self) -> None:
        os.close(self.ended)
        self.client.close()


def main() -> None:
    """Serves the jobs of an experiment: the descriptor of a listening socket, the experiment file, stages to come.

    In the process of each job it goes on as the command `camagain`.
    """
    end_with_scheduler()
    environment = dict(os.environ)
    descriptor, experiment, *due = sys.argv[1:]
    load(Path(experiment), due)
    serve(socket.socket(fileno=int(descriptor)), environment)
    end(exit_code(cli.main))


def load(experiment: Path, due: Collection[str]) -> None:
    """Imports what the jobs of these stages will need, and what libraries else would do at their first use."""
    gc.disable()  # nearly everything that an import makes is there to stay
    if load_experiment(experiment).compute.portable:
        enter()
    import_module("camagain.lineage")
    for stage in due:
        for module in stages()[stage].code:
            import_module(module)
    if "pandas" in sys.modules:
        import_module("pyarrow.dataset")  # reads its tables
    if "numba" in sys.modules:
        sys.modules["numba"].njit(lambda: None)()  # fills its tables of what can be compiled
    gc.freeze()  # so that copies do not touch, and thereby copy, the memory that they share
    gc.enable()


def serve(listener: socket.socket, environment: Mapping[str, str]) -> None:
    """Answers clients until this process is ended; returns in the process of each job, when that is to begin."""
    jobs: list[Job] = []
    while True:
        ready = wait([listener, *(place for job in jobs for place in (job.ended, job.client))])
        # Before new jobs begin, those are gone whose client was killed: Snakemake may start the same one again.
        for job in [job for job in jobs if job.ended in ready or job.client in ready]:
            if not goes_on(job):
                jobs.remove(job)
                job.close()
        if listener in ready and (accepted := request_of(listener, environment)):
            client, request, descriptors = accepted
            server = os.getpid()
            process = forked()
            if process == 0:
                listener.close()
                for job in jobs:
                    job.close()
                become(server, client, request, descriptors)
                return
            for descriptor in descriptors:
                os.close(descriptor)
            if process is None:
                client.close()
            else:
                jobs.append(Job(process, os.pidfd_open(process), client))


def forked() -> int | None:
    """As `os.fork`; None where the system has no process or no memory left, which the client is to say."""
    try:
        return os.fork()
    except OSError:
        return None


def goes_on(job: Job) -> bool:
    """Whether a job goes on, after it or its client has moved."""
    if wait([job.ended], 0):
        with suppress(OSError):
            job.client.send(str(ended(job.process)).encode())
        return False
    try:
        number = job.client.recv(MOST_BYTES)
    except OSError:
        number = b""
    os.kill(job.process, int(number or signal.SIGKILL))
    if not number:
        ended(job.process)
    return bool(number)


def ended(process: int) -> int:
    """The exit code of a process, once it has ended; negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def request_of(
    listener: socket.socket, environment: Mapping[str, str]
) -> tuple[socket.socket, dict[str, Any], list[int]] | None:
    """A client that waits, what it asks for and its descriptors; None if it is gone, or unlike this process."""
    client, _ = listener.accept()
    client.settimeout(SLOW_CLIENT_SECONDS)
    descriptors: list[int] = []
    try:
        if same_user(client):
            client.send(READY)
            message, descriptors, *_ = socket.recv_fds(client, MOST_BYTES, 3)
            request = json.loads(message)
            same = essence(request["environment"]) == essence(environment)
            if same and request["installation"] == installation() and len(descriptors) == 3:
                client.settimeout(None)
                return client, request, descriptors
    except (OSError, ValueError):
        pass
    for descriptor in descriptors:
        os.close(descriptor)
    client.close()
    return None


def essence(environment: Mapping[str, str]) -> dict[str, str]:
    """The part of an environment that a library may have read when it was loaded."""
    return {name: value for name, value in environment.items() if name not in HARMLESS}


def become(server: int, client: socket.socket, request: Mapping[str, Any], descriptors: Collection[int]) -> None:
    """Makes this copy of the server the process of a job, and tells the client that it has begun."""
    end_with(server)
    for target, descriptor in enumerate(descriptors):
        os.dup2(descriptor, target)
        os.close(descriptor)
    sys.stdout.reconfigure(line_buffering=sys.stdout.isatty())  # type: ignore[union-attr]
    os.chdir(request["folder"])
    os.environ.update({name: value for name, value in request["environment"].items() if name in HARMLESS})
    sys.argv = request["command"]
    client.send(BEGUN)
    client.close()


def exit_code(work: Callable[[], None]) -> int:
    """The exit code of a process that does this work alone; what that raises is printed as Python does."""
    try:
        work()
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        print(ended.code, file=sys.stderr)
        return 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def end(code: int) -> NoReturn:
    """Ends this process as Python would, but leaves its modules to the system.

    Taking them down would write to, and so copy, memory that the server and all jobs share.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = 120  # as Python says that what was printed could not be written
    os._exit(code)
