"""Two processes in one downloads folder: a file is downloaded once, and no line of the ledger is lost."""

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from camagain.downloads import fetch
from camagain.downloads.checksum import record
from camagain.errors import UserError
from camagain.locks import alone_in

WORKER = """
import sys
from pathlib import Path
from camagain.downloads import fetch
import httpx  # now and not inside fetch, so that all begin together
url, folder, *names = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
for name in names:
    fetch(f"{url}/{name}", Path(folder) / name)
"""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Counter]]:
    """A slow server's address, and how often it was asked for each file."""
    counts: Counter = Counter()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            counts[self.path] += 1
            time.sleep(0.2)
            body = self.path.encode() * 1000
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}", counts
        http.shutdown()
        thread.join()


def test_processes_that_start_together_download_a_file_once(asked: tuple[str, Counter], tmp_path: Path) -> None:
    url, counts = asked
    own = {"a": ["both", "a1", "a2", "a3"], "b": ["both", "b1", "b2", "b3"]}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, url, str(tmp_path / "downloads"), *names],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for names in own.values()
    ]
    for worker in workers:
        assert worker.stdout and worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin
        worker.stdin.write("go\n")
        worker.stdin.flush()
    errors = [worker.communicate(timeout=60)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], errors
    names = sorted({name for names in own.values() for name in names})
    assert counts == {f"/{name}": 1 for name in names}
    assert sorted(json.loads((tmp_path / "downloads" / "ledger.json").read_text())) == names
    assert any("another process is downloading" in error for error in errors)


def test_a_folder_that_cannot_be_written_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "birds.pth"
    target.write_bytes(b"plumage")
    digest = fetch("http://127.0.0.1:9/birds.pth", target)
    (tmp_path / ".lock").unlink(missing_ok=True)
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root, who may run this, can write anywhere
    assert fetch("http://127.0.0.1:9/birds.pth", target) == digest
    assert not (tmp_path / ".lock").exists()


def test_the_lock_is_freed_when_the_work_fails(tmp_path: Path) -> None:
    with pytest.raises(UserError), alone_in(tmp_path):
        raise UserError("broken")
    with alone_in(tmp_path):
        record(tmp_path / "a", 1, "0" * 64, "s")
