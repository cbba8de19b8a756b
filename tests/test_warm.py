"""Warm starts: a job in a copy of a loaded process is, for its output, its errors and its end, the command itself."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from camagain.config.file import dump_experiment
from camagain.warm import client
from tests.conftest import copy_run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="warm starts are Linux's")

SCHEDULER = """
import os, signal, sys
from camagain.warm.launch import launched
signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell lets what it starts in the background ignore it
print(launched(sys.argv[1], sys.argv[2:], {**os.environ, "CAMAGAIN_SCHEDULER": str(os.getpid())}), flush=True)
sys.stdin.read()
"""
"""A process that starts a warm one as Snakemake does, says its address, and ends when its input does."""

WAITS = ("experiment", "-")
"""A command that reads an experiment from its input, until that ends."""


@dataclass(frozen=True)
class Warm:
    """A warm process and the one that started it."""

    scheduler: subprocess.Popen
    address: str
    camagain: Path
    environment: Mapping[str, str]

    @property
    def server(self) -> psutil.Process:
        (server,) = psutil.Process(self.scheduler.pid).children()
        return server

    def loaded(self) -> None:
        """Waits until it has loaded its libraries, for longer than a client on a busy machine would."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as patient:
            patient.settimeout(60)
            patient.connect(client.socket_name(self.address))
            assert patient.recv(client.MOST_BYTES) == client.READY

    def begun(self, *arguments: str, **variables: str) -> subprocess.Popen:
        """A command that asks this process to do its work."""
        return subprocess.Popen(
            [str(self.camagain), *arguments],
            env={**self.environment, client.VARIABLE: self.address, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def job(self, of: subprocess.Popen) -> psutil.Process:
        """The process of the one job that goes on, as soon as its client knows that it has begun."""
        waited_for(lambda: passes_on(of.pid))
        (job,) = self.server.children()
        return job

    def work(self) -> float:
        """Seconds that the processor has worked for jobs that have ended."""
        times = self.server.cpu_times()
        return times.children_user + times.children_system


def waited_for(condition: Callable):
    """The first true value of a condition."""
    end = time.monotonic() + 60
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
    return found


def end(*processes: psutil.Process) -> None:
    """Waits for processes to end; the test fails where one goes on."""
    assert not psutil.wait_procs(processes, timeout=60)[1]


@contextmanager
def started(tools: Path, experiment: Path, *due: str) -> Iterator[Warm]:
    command = [sys.executable, "-c", SCHEDULER, str(experiment), *due]
    environment = dict(os.environ)  # pytest changes its own between a fixture and a test
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as scheduler:
        try:
            assert scheduler.stdout
            warm = Warm(scheduler, scheduler.stdout.readline().strip(), tools / "camagain", environment)
            warm.loaded()
            yield warm
        finally:
            scheduler.kill()


@pytest.fixture
def experiment(tmp_path: Path, tiny_values: dict) -> Path:
    file = tmp_path / "tiny.yaml"
    file.write_text(json.dumps(tiny_values))
    return file


@pytest.fixture
def warm(tools: Path, experiment: Path) -> Iterator[Warm]:
    """One that has loaded what every command needs."""
    with started(tools, experiment) as found:
        yield found


def test_a_job_writes_the_same_bytes(few_figures, tools: Path, tmp_path: Path):
    made, written, digests = *few_figures, []
    (tmp_path / "tiny.yaml").write_text(dump_experiment(made))
    for name, due in (("cold", ()), ("warm", ("gap",))):
        own = made.paths(tmp_path / name, written.data)
        copy_run(written.root, own.root)
        table = own.findings("gap", "small-convnext")
        table.unlink()
        command = ("analyze", str(tmp_path / "tiny.yaml"), "gap", "small-convnext")
        places = ("--results", str(tmp_path / name), "--data", str(written.data))
        if due:
            with started(tools, tmp_path / "tiny.yaml", *due) as warm:
                done = warm.begun(*command, *places)
                said = done.communicate()
                assert warm.work() > 0
        else:
            done = subprocess.Popen([tools / "camagain", *command, *places], stdout=-1, stderr=-1, text=True)
            said = done.communicate()
        assert done.returncode == 0, said
        digests.append([path.read_bytes() for path in sorted(table.parent.iterdir())])
        record = own.logs / "analysis" / "gap" / "small-convnext.tsv"
        assert record.read_text().startswith("s\tmax_rss\tcpu_time\n")
    assert digests[0] == digests[1] and len(digests[0]) > 2


def test_input_output_and_folder_are_the_clients(warm: Warm, experiment: Path, tmp_path: Path):
    before = warm.work()
    done = warm.begun(*WAITS)
    assert Path(warm.job(done).cwd()) == Path.cwd()
    output, errors = done.communicate(experiment.read_text())
    assert done.returncode == 0 and not errors and "run: tiny" in output and warm.work() > before


def test_a_mistake_is_one_sentence_and_its_exit_code(warm: Warm, experiment: Path):
    before = warm.work()
    done = warm.begun("evaluate", str(experiment), "nobody")
    output, errors = done.communicate()
    assert done.returncode == 2 and not output and warm.work() > before
    assert errors.startswith("camagain: ") and "no model 'nobody'" in errors and errors.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_job_that_was_killed_is_seen_as_killed(warm: Warm, number: signal.Signals):
    done = warm.begun(*WAITS)
    warm.job(done).send_signal(number)
    done.communicate()
    assert done.returncode == -number


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_signals_reach_the_job(warm: Warm, number: signal.Signals, code: int):
    done = warm.begun(*WAITS)
    warm.job(done)
    done.send_signal(number)
    done.wait(60)  # before its input ends, with which the job would end, too
    _, errors = done.communicate()
    assert done.returncode == code and "Traceback" not in errors


def passes_on(process: int) -> bool:
    """Whether a client has its handlers; Python itself sets none for SIGTERM."""
    (caught,) = [line for line in Path(f"/proc/{process}/status").read_text().splitlines() if "SigCgt" in line]
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def test_a_job_ends_with_its_client_and_the_next_one_begins(warm: Warm, experiment: Path):
    first = warm.begun(*WAITS)
    job = warm.job(first)
    first.kill()
    end(job)  # before its input ends, with which it would end by itself
    first.communicate()
    second = warm.begun(*WAITS)
    assert warm.job(second) != job
    assert second.communicate(experiment.read_text())[0]


def test_jobs_and_server_end_with_a_scheduler_that_was_killed(warm: Warm):
    done, server = warm.begun(*WAITS), warm.server
    job = warm.job(done)
    warm.scheduler.kill()
    end(server, job)
    done.communicate()
    assert done.returncode == -signal.SIGKILL


def test_jobs_end_with_the_server(warm: Warm):
    done = warm.begun(*WAITS)
    job = warm.job(done)
    warm.server.kill()
    end(job)
    done.communicate()
    assert done.returncode == -signal.SIGKILL


def test_nothing_is_left_after_a_normal_end(tools: Path, experiment: Path, tmp_path: Path, monkeypatch):
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    with started(tools, experiment) as warm:
        done, server = warm.begun("--version"), warm.server
        done.communicate()
        assert warm.address in Path("/proc/net/unix").read_text()
        assert warm.scheduler.stdin
        warm.scheduler.stdin.close()
        warm.scheduler.wait(60)
        assert not psutil.pid_exists(server.pid)
    assert done.returncode == warm.scheduler.returncode == 0
    assert not list(place.iterdir()) and warm.address not in Path("/proc/net/unix").read_text()


@pytest.mark.parametrize("variable", ["OMP_NUM_THREADS", "HF_HOME"])
def test_another_environment_is_a_cold_start(warm: Warm, experiment: Path, variable: str):
    before = warm.work()
    done = warm.begun(*WAITS, **{variable: "7"})
    assert "run: tiny" in done.communicate(experiment.read_text())[0] and done.returncode == 0
    assert warm.work() == before


def test_another_folder_of_the_shell_is_none(warm: Warm, experiment: Path):
    before = warm.work()
    warm.begun(*WAITS, OLDPWD="/elsewhere", SHLVL="9").communicate(experiment.read_text())
    assert warm.work() > before


@pytest.mark.parametrize("address", ["0", "@camagain-nobody", "/nowhere/socket", "garbage", "x" * 200])
def test_without_a_server_a_command_does_its_work_itself(tools: Path, experiment: Path, address: str):
    done = subprocess.run(
        [tools / "camagain", "experiment", experiment],
        env={**os.environ, client.VARIABLE: address},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "run: tiny" in done.stdout and not done.stderr


def test_a_server_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(client, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setenv(client.VARIABLE, str(tmp_path / "socket"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(tmp_path / "socket"))
        listener.listen()
        client.hand_over()
    assert client.VARIABLE not in os.environ


def test_an_experiment_for_every_processor_can_start_warm(tools: Path, tmp_path: Path, tiny_values: dict, few_figures):
    """Its libraries were held to one code path before they were loaded."""
    _, written = few_figures
    file = tmp_path / "tiny.yaml"
    file.write_text(json.dumps({**tiny_values, "compute": {"device": "cpu", "threads": 1, "portable": True}}))
    with started(tools, file, "evaluate_baseline") as warm:
        places = ("--results", str(tmp_path / "results"), "--data", str(written.data))
        done = warm.begun("evaluate", str(file), "baseline", *places)
        said = done.communicate()
        assert done.returncode == 0 and warm.work() > 0, said


def test_a_client_loads_next_to_nothing():
    code = "import sys, camagain.start; print(*sorted({'typer', 'pydantic', 'numpy', 'asyncio'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "\n", done.stderr


def test_how_a_job_ended_is_known_though_its_last_signal_came_too_late():
    code = (
        "import socket, camagain.warm.client as client\n"
        "ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
        "ours.send(b'15'), theirs.send(b'3'), theirs.close()\n"
        "client.end_with_job(ours)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 3
