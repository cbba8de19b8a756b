"""The list of planted mistakes (`mutants.yaml`), and what of it no longer fits the sources."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from camagain.errors import UserError

LIST = Path(__file__).with_name("mutants.yaml")


@dataclass(frozen=True)
class Mutant:
    """One mistake in one file: a piece of its text, what stands there instead, and the tests that must fail."""

    file: str  # paths are relative to the project's folder
    line: str
    becomes: str
    why: str  # what a program with this mistake would do wrong
    tests: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.file}: {self.why}"


def read_mutants(path: Path = LIST) -> list[Mutant]:
    """Every mutant of a list, in its order; UserError where an entry lacks a part or has an unknown one."""
    found = []
    for file, entry in yaml.safe_load(path.read_text(encoding="utf-8")).items():
        for mutant in entry["mutants"]:
            try:
                tests = tuple(mutant.pop("tests", entry["tests"]))
                found.append(Mutant(file=file, tests=tests, **mutant))
            except TypeError as error:
                raise UserError(
                    f"{path}: {file}: found the parts {sorted(mutant)} of a mutant; expected line, becomes and why, "
                    "and tests where they are not those of the file."
                ) from error
    return found


def faults(root: Path, mutants: Sequence[Mutant]) -> Iterator[tuple[Mutant, str]]:
    """The mutants that cannot be tried on the project in folder `root`, and why not."""
    for mutant in mutants:
        if reason := fault(root, mutant):
            yield mutant, reason


def fault(root: Path, mutant: Mutant) -> str:
    """Why a mutant cannot be tried, and what to do; "" if it can."""
    path = root / mutant.file
    if not path.is_file():
        return "the file is gone. Move the mutant to where its lines are now, or take it off the list"
    text = path.read_text(encoding="utf-8")
    if (times := text.count(mutant.line)) != 1:
        return (
            f"its line stands there {times} times instead of once: {mutant.line!r}. Write the line as it is now, with "
            "more of what is around it where it is not the only one, or take the mutant off the list"
        )
    if mutant.becomes == mutant.line:
        return "it changes nothing"
    if not mutant.tests:
        return "it names no test that must fail"
    if missing := [test for test in mutant.tests if not stands(root, test)]:
        return f"{missing[0]} is gone. Name the tests that must fail now"
    try:
        compile(mutated(root, mutant), mutant.file, "exec")
    except SyntaxError as error:
        return f"it is no Python: {error}. Every planted mistake has to run"
    return ""


def mutated(root: Path, mutant: Mutant) -> str:
    """The text of a mutant's file with the mistake in it."""
    return (root / mutant.file).read_text(encoding="utf-8").replace(mutant.line, mutant.becomes)


def stands(root: Path, test: str) -> bool:
    """Whether there is a file of tests, and the test in it where one is named: tests/test_x.py::test_y."""
    file, _, name = test.partition("::")
    return (root / file).is_file() and (not name or f"def {name}(" in (root / file).read_text(encoding="utf-8"))
