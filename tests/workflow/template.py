"""Snakemake's plans without its start: a process that has imported it forks for each of them.

Most of what `snakemake -n` takes is the import of Snakemake. Commands that run jobs are processes of their own.
"""

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

SERVER = """
import json, os, sys, traceback
import docutils.core, jinja2, pandas, pydantic, requests, snakemake.cli, snakemake.dag, snakemake.report, yaml
import snakemake.scheduling.job_scheduler, snakemake.workflow
print("ready", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if not child:
        code = 1
        try:
            for descriptor, path in enumerate(asked["streams"]):
                os.dup2(os.open(path, os.O_RDWR), descriptor)
            os.chdir(asked["folder"])
            os.environ.clear()
            os.environ.update(asked["environment"])
            sys.path[:0] = os.environ["PYTHONPATH"].split(os.pathsep)
            sys.argv = asked["command"]
            snakemake.cli.main()
        except SystemExit as ended:
            code = ended.code or 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Template:
    """The process; it never imports camagain, which every working copy has its own of."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = process

    def plan(
        self, command: tuple[str, ...], folder: Path, environment: Mapping[str, str], seconds: float
    ) -> subprocess.CompletedProcess:
        """What `snakemake -n ...` exits with and prints."""
        assert self.process.stdin and self.process.stdout
        with tempfile.TemporaryDirectory() as place:
            output, errors = Path(place, "output"), Path(place, "errors")
            output.touch()
            errors.touch()
            streams = [os.devnull, str(output), str(errors)]
            asked = {"command": command, "folder": str(folder), "environment": dict(environment), "streams": streams}
            self.process.stdin.write(json.dumps(asked) + "\n")
            self.process.stdin.flush()
            if not select.select([self.process.stdout], [], [], seconds)[0]:
                self.process.kill()
                raise subprocess.TimeoutExpired(command, seconds)
            code = int(self.process.stdout.readline())
            return subprocess.CompletedProcess(command, code, output.read_text(), errors.read_text())


@contextmanager
def template() -> Iterator[Template]:
    """A template that ends with the block."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", SERVER], stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdin and process.stdout
            assert process.stdout.readline() == "ready\n"
            yield Template(process)
        finally:
            process.kill()  # closing its input may not end it: processes that a test has forked hold that open, too
