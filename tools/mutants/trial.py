"""Plants mistakes in copies of the sources, one at a time, and runs the tests that must fail.

The project's own folder is never written to: tests and sources are copied, and each mutant gets sources of its own.
"""

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from camagain.errors import UserError
from tools.mutants.forked import FAILED, run_pytest
from tools.mutants.listed import Mutant, fault, mutated

COPIED = ("src", "tests")
"""Folders that are copied; everything else is reached by a link."""

LONGEST_SECONDS = 600
"""After this a mutant's tests are stopped: a mistake can make a loop endless."""

KILLED, SURVIVED, NOT_APPLICABLE = "killed", "survived", "not applicable"


def trials(root: Path, mutants: Sequence[Mutant], processes: int) -> Iterator[tuple[Mutant, str, str]]:
    """Each mutant in order with its verdict and a remark, as soon as it is known.

    `processes`: how many are tried at the same time. UserError where the tests fail without any mutant.
    """
    with TemporaryDirectory(prefix="camagain-mutants-") as temporary, ThreadPoolExecutor(processes) as pool:
        copy = copied(root, Path(temporary) / "project")
        sets = dict.fromkeys(mutant.tests for mutant in mutants if not fault(root, mutant))
        list(pool.map(partial(require_passing, copy), sets))
        places = (Path(temporary) / str(number) for number in range(len(mutants)))
        jobs = [pool.submit(trial, copy, mutant, place) for mutant, place in zip(mutants, places, strict=True)]
        try:
            for mutant, job in zip(mutants, jobs, strict=True):
                yield mutant, *job.result()
        finally:  # stopped early: those that have not begun never do
            pool.shutdown(cancel_futures=True)


def copied(root: Path, target: Path) -> Path:
    """A copy of the project that tests can run in; compiled code comes along, which saves a minute."""
    target.mkdir()
    for path in root.iterdir():
        if path.name in COPIED:
            shutil.copytree(path, target / path.name)
        elif not path.name.startswith("."):
            (target / path.name).symlink_to(path)
    return target


def require_passing(copy: Path, tests: Sequence[str]) -> None:
    """UserError unless the tests pass as they are: what fails anyway cannot tell a mutant."""
    status, output = run_pytest(copy, copy / "src", tests, LONGEST_SECONDS)
    if status != 0:
        raise UserError(f"the tests fail without any mutant; mend them first.\n{output}")


def trial(copy: Path, mutant: Mutant, place: Path) -> tuple[str, str]:
    """The verdict on one mutant, planted in sources of its own in the folder `place`, and a remark."""
    if reason := fault(copy, mutant):
        return NOT_APPLICABLE, reason
    try:
        shutil.copytree(copy / "src", place / "src")  # with its times, so that what is compiled stays valid
        (place / mutant.file).write_text(mutated(copy, mutant), encoding="utf-8")
        status, output = run_pytest(copy, place / "src", mutant.tests, LONGEST_SECONDS)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    if status == 0:
        return SURVIVED, f"{', '.join(mutant.tests)} passed. Add a test that fails"
    if status == FAILED:
        failed = (line for line in output.splitlines() if line.startswith(("FAILED", "ERROR")))
        return KILLED, next(failed, "").partition(" - ")[0]
    if status is None:
        return NOT_APPLICABLE, f"its tests took more than {LONGEST_SECONDS} s. Plant a mistake that ends"
    return NOT_APPLICABLE, f"its tests did not run. Plant a mistake that can be imported.\n{output}"
