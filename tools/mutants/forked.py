"""Runs pytest in a forked process, with the package from a folder of sources. Imports nothing of the package itself."""

import os
import sys
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path

ARGUMENTS = ("-x", "-q", "--no-header", "-p", "no:cacheprovider", "-p", "xdist")
"""Stops at the first failure. Other plugins would take a second to load; tests/conftest.py needs xdist."""

FAILED = 1
"""pytest's exit status where a test failed."""


def run_pytest(folder: Path, sources: Path, tests: Sequence[str], seconds: float) -> tuple[int | None, str]:
    """Runs tests in a folder with the package from `sources`: the exit status, None if time ran out, and the output."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["tools.mutants.preloaded"])
    log = sources / "pytest.log"
    process = context.Process(target=_run, args=(folder, sources, tests, log))
    process.start()
    process.join(seconds)
    if process.is_alive():
        process.kill()
        process.join()
        return None, log.read_text(encoding="utf-8")
    return process.exitcode, log.read_text(encoding="utf-8")


def _run(folder: Path, sources: Path, tests: Sequence[str], log: Path) -> None:
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(folder)
    os.environ |= {"PYTHONPATH": str(sources), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "NO_COLOR": "1"}
    sys.path.insert(0, str(sources))
    sys.dont_write_bytecode = False  # the first run compiles for all others
    import pytest

    code = pytest.main([*ARGUMENTS, *tests])
    sys.stdout.flush()
    os._exit(code)
