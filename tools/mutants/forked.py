"""Runs pytest in a forked process, with the package from a folder of sources."""

import os
import sys
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

ARGUMENTS = ("-x", "-q", "--no-header", "-p", "no:cacheprovider", "-p", "xdist")
"""Stops at the first failure. Other plugins would take a second to load; tests/conftest.py needs xdist."""

FAILED = 1
"""pytest's exit status where a test failed."""


def run_pytest(folder: Path, sources: Path, tests: Sequence[str], seconds: float) -> tuple[int | None, str]:
    """Runs tests in a folder with the package from `sources`: the exit status, None if time ran out, and the output."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["tools.mutants.preloaded"])
    with TemporaryDirectory(prefix="camagain-tests-") as temporary:
        process = context.Process(target=_run, args=(folder, sources, tests, Path(temporary)))
        process.start()
        process.join(seconds)
        status = process.exitcode  # None while it runs
        process.kill()
        process.join()
        return status, (Path(temporary) / "log").read_text(encoding="utf-8")


def _run(folder: Path, sources: Path, tests: Sequence[str], temporary: Path) -> None:
    with (temporary / "log").open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(folder)
    os.environ |= {"PYTHONPATH": str(sources), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "NO_COLOR": "1"}
    for name in [name for name in sys.modules if name.partition(".")[0] == "camagain"]:
        del sys.modules[name]  # what was imported before is not of these sources
    sys.path.insert(0, str(sources))
    sys.dont_write_bytecode = False  # the first run compiles for all others
    import pytest

    sys.exit(pytest.main([*ARGUMENTS, f"--basetemp={temporary / 'made'}", *tests]))
