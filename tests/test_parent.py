"""Processes end with their parent, however it ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from camagain import parent
from camagain.errors import UserError
from camagain.evaluation.workers import processes

WORKERS = """
import multiprocessing, time
from camagain.evaluation.workers import processes
if __name__ == "__main__":
    with processes(2, 10**9) as executor:
        waiting = [executor.submit(time.sleep, 600) for _ in range(2)]
        print(*[child.pid for child in multiprocessing.active_children()], flush=True)
        time.sleep(600)
"""

CHILD = """
import sys, time
from camagain import parent
if sys.argv[1] == "poll":
    sys.platform = "elsewhere"
parent.end_with_scheduler()
print("begun", flush=True)
time.sleep(600)
"""

SCHEDULER = """
import os, subprocess, sys
os.environ["CAMAGAIN_SCHEDULER"] = str(os.getpid())
child = subprocess.Popen([sys.executable, "-c", sys.argv[1], sys.argv[2]], stdout=subprocess.PIPE, text=True)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""


def end(pids: list[int]) -> None:
    """Waits for processes to end; the test fails where one goes on."""
    left = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=60)[1]
    for process in left:
        process.kill()
    assert not left


def started(*arguments: str) -> tuple[subprocess.Popen, list[int]]:
    """A process, and the ids that it prints in its first line."""
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return process, [int(number) for number in process.stdout.readline().split()]


@pytest.mark.parametrize("how", ["by the system", "poll"])
def test_a_job_ends_with_the_scheduler_that_was_killed(how: str):
    scheduler, jobs = started("-c", SCHEDULER, CHILD, how)
    assert len(jobs) == 1
    scheduler.kill()
    scheduler.communicate()
    end(jobs)


def test_the_processes_of_an_evaluation_end_with_it(tmp_path: Path):
    script = tmp_path / "work.py"
    script.write_text(WORKERS)
    evaluation, workers = started(str(script))
    assert len(workers) == 2
    evaluation.kill()
    evaluation.communicate()
    end(workers)


def test_a_job_whose_scheduler_is_gone_does_not_begin(monkeypatch: pytest.MonkeyPatch):
    done = subprocess.run(
        [sys.executable, "-c", CHILD, "-"],
        env={**os.environ, parent.VARIABLE: str(psutil.Process().ppid())},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1 and not done.stdout


def test_a_command_that_a_person_typed_watches_nobody(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(parent.VARIABLE, raising=False)
    ended: list[int] = []
    monkeypatch.setattr(parent, "end_with", ended.append)
    parent.end_with_scheduler()
    assert not ended


@pytest.mark.parametrize("work", [(signal.raise_signal, signal.SIGKILL)])
def test_a_process_killed_for_memory_is_named_as_that(work: tuple[Callable, int]):
    said = r"a process that searches for boxes ended early; SIGKILL .* lack of memory"
    with pytest.raises(UserError, match=said), processes(2, 10**9) as executor:
        assert executor is not None
        executor.submit(*work).result()
