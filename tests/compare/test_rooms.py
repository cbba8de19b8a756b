"""The rooms of `compare`: runs are read, then judged, then shown; imports go that way and never back."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOMS = ("runs", "judging", "show", "")
"""From below to above; the modules at the top, which the command line calls, join all rooms."""

PREFIX = "camagain.compare"


def modules(root: Path) -> dict[str, Path]:
    """Every module of `compare` by its name inside it: `judging.rows`."""
    folder = root / "src" / "camagain" / "compare"
    return {".".join(path.relative_to(folder).with_suffix("").parts): path for path in folder.rglob("*.py")}


def imported(path: Path) -> Iterator[str]:
    """The modules of `compare` that a file imports, also inside functions and for annotations alone."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PREFIX}."):
            yield str(node.module).removeprefix(f"{PREFIX}.")
        elif isinstance(node, ast.Import):
            yield from (name.name.removeprefix(f"{PREFIX}.") for name in node.names if name.name.startswith(PREFIX))


def room(module: str) -> int:
    """The place of a module's room, from below."""
    return ROOMS.index(module.rpartition(".")[0])


def test_every_module_imports_from_its_own_room_and_those_below(root: Path):
    upwards = [
        f"{module} imports {other}"
        for module, path in modules(root).items()
        if not module.endswith("__init__")
        for other in imported(path)
        if room(other) > room(module)
    ]
    assert not upwards


def test_imports_form_no_circle(root: Path):
    graph = {module: set(imported(path)) for module, path in modules(root).items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"imports form a circle: {' -> '.join(error.args[1])}")


def test_no_module_of_a_room_is_forgotten(root: Path):
    assert {module.rpartition(".")[0] for module in modules(root)} == set(ROOMS)
