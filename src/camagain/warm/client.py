"""The client: hands a command over to the warm process, waits, and ends as the job ended.

Messages, in this order: the server is `READY`; the client sends what to do, and its descriptors; the job has `BEGUN`;
the client sends signals by their numbers; the server sends how the job ended. A server that closes before `BEGUN`
leaves the job to the client. A client that closes has its job killed.
"""

import json
import os
import select
import signal
import socket
import struct
import sys
from contextlib import suppress

import camagain

VARIABLE = "CAMAGAIN_WARM"
"""Holds the address of the warm process; "0" switches warm starts off."""

PATIENCE_SECONDS = 3.0
"""A server that is still loading is waited for as long as the client would take to load the libraries itself."""

READY, BEGUN = b"ready", b"begun"
MOST_BYTES = 1 << 17
"""Of one message. An environment that is larger leads to a cold start."""

PASSED_ON = (signal.SIGINT, signal.SIGTERM)
"""Signals that the job gets. Others end the client, and thus the job."""


def hand_over() -> None:
    """Has the warm process do this command and ends this one with it; returns where no job has begun."""
    address = os.environ.pop(VARIABLE, "0")  # what this process starts is no client
    if sys.platform != "linux" or address == "0":
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        try:
            begun = asked(server, address)
        except OSError:
            return
        if begun:
            end_with_job(server)


def asked(server: socket.socket, address: str) -> bool:
    """Whether the server has begun the job."""
    server.settimeout(PATIENCE_SECONDS)
    server.connect(socket_name(address))
    if not same_user(server) or server.recv(MOST_BYTES) != READY:
        return False
    request = {
        "installation": installation(),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "command": sys.argv,
    }
    server.settimeout(None)  # from here on the job may begin, and is not to be done twice
    socket.send_fds(server, [json.dumps(request).encode()], [0, 1, 2])
    return server.recv(MOST_BYTES) == BEGUN


def end_with_job(server: socket.socket) -> None:
    """Waits for the job and ends as it ended: with its exit code, or by its signal."""
    code = int(told(server) or -signal.SIGKILL)  # nothing: the server was killed, and the job with it
    if code < 0:
        os.kill(os.getpid(), -code)
    raise SystemExit(code)


def told(server: socket.socket) -> bytes:
    """What the server says at the end; until then signals are passed on to the job."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing)  # a handler of Python's would wait where one comes just before a system call
    for number in PASSED_ON:
        signal.signal(number, lambda *_: None)
    while server.fileno() not in select.select([server.fileno(), reading], [], [])[0]:
        for caught in os.read(reading, 16):
            with suppress(OSError):  # the job has ended meanwhile
                server.send(str(caught).encode())
    for number in PASSED_ON:
        signal.signal(number, signal.SIG_DFL)
    signal.set_wakeup_fd(before)
    try:
        return server.recv(MOST_BYTES)
    except ConnectionResetError:  # the server has not read the last signal; what it had said is still there
        return server.recv(MOST_BYTES)


def socket_name(address: str) -> str:
    """The name of a socket as the system wants it: `@` begins one of Linux's abstract names, which are no files."""
    return f"\0{address[1:]}" if address.startswith("@") else address


def same_user(connection: socket.socket) -> bool:
    """Whether the process at the other end belongs to the user of this one: anybody can connect to an abstract name."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return struct.unpack("3i", credentials)[1] == os.getuid()


def installation() -> list[str]:
    """What tells one installed camagain from another."""
    return [sys.version, sys.prefix, str(camagain.__file__)]
