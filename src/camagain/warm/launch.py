"""Starts the warm process, for Snakemake."""

import atexit
import secrets
import socket
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

from camagain.warm.client import socket_name

SERVER = "from camagain.warm.server import main; main()"
"""Not `python -m`: the processes that a job starts would import the server again, as their main module."""


def launched(experiment: Path, due: Collection[str], environment: Mapping[str, str]) -> str:
    """Starts a warm process for jobs of some stages, which will have this environment, and returns its address.

    It ends with this process, however that ends, and leaves nothing behind: its address is no file. It has a session of
    its own, so that Ctrl-C reaches a job once, through its client.
    """
    address = f"@camagain-{secrets.token_hex(16)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(socket_name(address))
        listener.listen(1024)
        descriptor = listener.fileno()
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", SERVER, str(descriptor), str(experiment), *due],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # what is wrong a cold start says in the log of the job
            pass_fds=[descriptor],
            start_new_session=True,
        )
    atexit.register(_end, process)
    return address


def _end(process: subprocess.Popen) -> None:
    process.kill()
    process.wait()
