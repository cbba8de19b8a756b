"""Imports form no circle, and no arrow points upwards: docs/architecture.md says which room may import which."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

HEAVY = {"torch", "torchvision", "timm", "accelerate", "pytorch_grad_cam", "safetensors.torch"}
"""Packages whose import is, or brings with it, the import of torch."""

FOREIGN = {"snakemake", "dvc", "tools", "benchmarks", "tests"}
"""What the library never imports."""


@dataclass(frozen=True)
class Import:
    """An import of a module, by its path below the package ("analysis/erf/table"), or of another package, by name."""

    module: str
    line: int
    when: str  # "loaded", "called" (inside a function), or "checked" (for types alone)
    ours: bool


@dataclass(frozen=True)
class Package:
    """Every module of a package with what it imports."""

    imports: Mapping[str, tuple[Import, ...]]

    @classmethod
    def read(cls, folder: Path) -> "Package":
        files = {path.relative_to(folder).with_suffix("").as_posix(): path for path in folder.rglob("*.py")}
        names = {name.removesuffix("__init__").rstrip("/"): path for name, path in files.items()}
        return cls({name: tuple(imports(path, folder.name, set(names))) for name, path in sorted(names.items())})

    def reached(self, start: str, whens: set[str]) -> dict[str, str]:
        """Everything that a module leads to, each with the module that imports it.

        Python runs the packages on the way to a module as well, so these count as imported by it.
        """
        found = {module: start for module in on_the_way(start)}
        pending = list(found)
        while pending:
            module = pending.pop()
            for one in self.imports.get(module, ()):
                if one.when in whens:
                    news = [
                        name for name in (on_the_way(one.module) if one.ours else [one.module]) if name not in found
                    ]
                    found.update(dict.fromkeys(news, module))
                    pending.extend(name for name in news if one.ours)
        return found


def imports(path: Path, package: str, modules: set[str]) -> Iterator[Import]:
    """Every import statement of a file."""

    def of(node: ast.AST, when: str) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            inner = when
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                inner = "called"
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                inner = "checked"
            elif isinstance(child, ast.Import):
                yield from (named(alias.name, child.lineno, when) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path.name}:{child.lineno}: a relative import"
                for alias in child.names:
                    full = named(f"{child.module}.{alias.name}", child.lineno, when)
                    module = full.ours and full.module in modules
                    yield full if module else named(child.module or "", child.lineno, when)
            yield from of(child, inner)

    def named(name: str, line: int, when: str) -> Import:
        first, _, rest = name.partition(".")
        if first == package:
            return Import(rest.replace(".", "/"), line, when, ours=True)
        heavy = (heavy for heavy in HEAVY if f"{name}.".startswith(f"{heavy}."))
        return Import(next(heavy, first), line, when, ours=False)

    return of(ast.parse(path.read_text()), "loaded")


def on_the_way(module: str) -> list[str]:
    """A module and the packages above it: "a/b" -> "", "a", "a/b"."""
    parts = module.split("/")
    return ["", *("/".join(parts[:length]) for length in range(1, len(parts) + 1) if module)]


# -- the rules, as docs/architecture.md states them


@dataclass(frozen=True)
class Layers:
    """Rows of rooms from the top to the bottom; what each says of torch."""

    rows: tuple[tuple[str, ...], ...]
    torch: Mapping[str, str]

    def room(self, module: str) -> tuple[int, str] | None:
        """The row of a module and its room; the longest entry without a star goes first. None: in no room."""
        entries = [(entry, row) for row, entries in enumerate(self.rows) for entry in entries]
        for entry, row in sorted(entries, key=lambda entry: ("*" in entry[0], -len(entry[0]))):
            depth = entry.count("/") + 1
            place = "/".join(module.split("/")[:depth])
            if fnmatchcase(place, entry):
                return row, place
        return None


def table(text: str, name: str) -> list[list[str]]:
    """The rows of a table of docs/architecture.md, cells as text."""
    found = re.search(rf"<!-- {name}, .*?-->(.*?)<!-- end of {name} -->", text, flags=re.DOTALL)
    assert found, f"docs/architecture.md has no table '{name}'"
    lines = [line for line in found[1].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def names(cell: str) -> tuple[str, ...]:
    return tuple(re.findall(r"`([^`]+)`", cell))


def layers_of(text: str) -> Layers:
    rows = table(text, "layers")
    torch = {entry: says for rooms, _, says in rows for entry in names(rooms)}
    return Layers(tuple(names(rooms) for rooms, *_ in rows), torch)


def upward(package: Package, layers: Layers) -> Iterator[str]:
    """Every import that points up or sideways, as a sentence."""
    for module, found in package.imports.items():
        here = layers.room(module)
        for one in found:
            there = layers.room(one.module)
            if one.ours and here and there and here != there and there[0] <= here[0]:
                yield f"{module}:{one.line} imports {one.module}, but '{there[1]}' does not stand below '{here[1]}'"


def circles(package: Package) -> Iterator[str]:
    """Every circle that one meets while modules are loaded; a package may import its own parts."""
    graph = {
        module: {
            step
            for one in found
            if one.ours and one.when == "loaded"
            for step in on_the_way(one.module)
            if step not in on_the_way(module)
        }
        for module, found in package.imports.items()
    }
    done: set[str] = set()

    def walk(module: str, trail: list[str]) -> Iterator[str]:
        if module in trail:
            yield " -> ".join([*trail[trail.index(module) :], module])
        elif module not in done:
            for step in sorted(graph.get(module, ())):
                yield from walk(step, [*trail, module])
            done.add(module)

    for module in graph:
        yield from walk(module, [])


def torch_reached(package: Package, modules: Iterable[str], says: str) -> Iterator[str]:
    """Each module that leads to torch though it must not, with the way."""
    whens = {"never": {"loaded", "called"}, "when called": {"loaded"}}
    for module in modules if says != "yes" else ():
        found = package.reached(module, whens[says])
        for heavy in sorted(HEAVY & set(found))[:1]:
            way = [heavy]
            while found[way[-1]] != module:
                way.append(found[way[-1]])
            yield f"{module} reaches {' <- '.join(way)}"


def matching(package: Package, patterns: Iterable[str]) -> list[str]:
    return [module for module in package.imports if any(fnmatchcase(module, pattern) for pattern in patterns)]


def narrow(package: Package, patterns: Iterable[str], rule: str) -> Iterator[str]:
    """Each import that a row of the second table forbids: `only` of own imports, `no` of indirect ones as well."""
    word, rooms = rule.split(" ")[0], names(rule)
    entries = [*rooms, *(f"{room}/*" for room in rooms)]
    for module in matching(package, patterns):
        if word == "only":
            wrong = [
                one.module
                for one in package.imports[module]
                if one.ours and not any(fnmatchcase(one.module, entry) for entry in entries)
            ]
        else:
            found = set(package.reached(module, {"loaded", "called"})) - {module}
            wrong = sorted(name for name in found if any(fnmatchcase(name, entry) for entry in entries))
        yield from (f"{module} imports {name}, of which it may import {rule}" for name in wrong)


# -- the library


def none_of(violations: Iterable[str]) -> None:
    found = sorted(violations)
    assert not found, "\n".join(["", *found])


@pytest.fixture(scope="module")
def package(root: Path) -> Package:
    return Package.read(root / "src" / "camagain")


@pytest.fixture(scope="module")
def text(root: Path) -> str:
    return (root / "docs" / "architecture.md").read_text()


@pytest.fixture(scope="module")
def layers(text: str) -> Layers:
    return layers_of(text)


def test_every_module_has_a_room_and_every_room_a_module(package: Package, layers: Layers):
    rooms = {module: layers.room(module) for module in package.imports if module not in ("", "analysis", "__main__")}
    assert not [module for module, room in rooms.items() if room is None]
    used = {place for room in rooms.values() if room for place in [room[1]]}
    assert not [entry for row in layers.rows for entry in row if not any(fnmatchcase(room, entry) for room in used)]


def test_no_arrow_points_upwards(package: Package, layers: Layers):
    none_of(upward(package, layers))


def test_imports_form_no_circle(package: Package):
    none_of(circles(package))


def test_no_torch_is_reached_from_the_light_rooms(package: Package, layers: Layers, text: str):
    in_rooms = {entry: [] for entry in layers.torch}
    for module in package.imports:
        if room := layers.room(module):
            entry = next(entry for entry in layers.rows[room[0]] if fnmatchcase(room[1], entry))
            in_rooms[entry].append(module)
    rows = [(in_rooms[entry], says) for entry, says in layers.torch.items()]
    rows += [(matching(package, names(modules)), says) for modules, _, says in table(text, "modules")]
    none_of(found for modules, says in rows for found in torch_reached(package, modules, says))


def test_modules_of_an_analysis_keep_to_their_part(package: Package, text: str):
    rows = table(text, "modules")
    assert all(matching(package, names(modules)) for modules, *_ in rows)
    none_of(found for modules, rule, _ in rows for found in narrow(package, names(modules), rule))


def test_the_library_imports_neither_its_workflow_nor_its_tools(package: Package):
    outside = {
        f"{module} imports {one.module}"
        for module, found in package.imports.items()
        for one in found
        if one.module in FOREIGN and not one.ours
    }
    none_of(outside)


def test_whoever_loads_timm_has_prepared_it(package: Package):
    """Next to a torch without CUDA libraries the import of timm fails unless `camagain._timm` came before."""
    none_of(unprepared(package))


def unprepared(package: Package) -> Iterator[str]:
    """Modules that load timm or torchvision with nothing on the way that prepares it first."""
    for module in package.imports:
        if module == "_timm":
            continue
        packages = [name for name in on_the_way(module) if name != module]
        loaded = [one.module for name in [*packages, module] for one in package.imports.get(name, ())
                  if one.when == "loaded"]  # fmt: skip
        places = [loaded.index(name) for name in loaded if name in ("timm", "torchvision")]
        if places and "_timm" not in loaded[: min(places)]:
            yield f"{module} imports {loaded[min(places)]} before _timm"


# -- the checks themselves, on a package of four lines


LAYERS = Layers((("top",), ("middle/*",), ("bottom",)), {"top": "when called", "middle/*": "yes", "bottom": "never"})


def planted(folder: Path, **files: str) -> Package:
    """A package `toy` with these files; a double underscore stands for a slash."""
    for name, source in files.items():
        path = folder / "toy" / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return Package.read(folder / "toy")


@pytest.mark.parametrize(
    ("files", "arrows"),
    [
        ({"top": "import toy.bottom", "bottom": ""}, 0),
        ({"top": "", "bottom": "import toy.top"}, 1),
        ({"top": "", "bottom": "def late():\n    from toy import top"}, 1),
        ({"middle__a": "from toy.middle import b", "middle__b": ""}, 1),
        ({"middle__a__x": "from toy.middle.a import y", "middle__a__y": ""}, 0),
    ],
)
def test_an_arrow_that_points_up_or_sideways_is_found(tmp_path: Path, files: dict[str, str], arrows: int):
    assert len(list(upward(planted(tmp_path, **files), LAYERS))) == arrows


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"a": "import toy.b", "b": "import toy.c", "c": "import toy.a"}, ["a -> b -> c -> a"]),
        ({"a": "import toy.b", "b": "def late():\n    import toy.a"}, []),
        ({"a": "import toy.b", "b": "if TYPE_CHECKING:\n    import toy.a"}, []),
    ],
)
def test_a_circle_is_found_while_modules_are_loaded(tmp_path: Path, files: dict[str, str], found: list[str]):
    assert list(circles(planted(tmp_path, **files))) == found


def test_torch_is_found_behind_other_modules_and_inside_functions(tmp_path: Path):
    toy = planted(tmp_path, top="def late():\n    import toy.bottom", bottom="from safetensors.torch import load")
    assert list(torch_reached(toy, ["bottom"], "never"))
    assert list(torch_reached(toy, ["top"], "never"))
    assert not list(torch_reached(toy, ["top"], "when called"))


def test_a_module_that_leaves_its_part_is_found(tmp_path: Path):
    toy = planted(tmp_path, a__measure="import toy.b", b="import toy.drawing.style", drawing__style="import toy.b")
    assert list(narrow(toy, ["*/measure"], "no `drawing`"))
    assert list(narrow(toy, ["*/measure"], "only `config`"))
    assert not list(narrow(toy, ["*/measure"], "only `b`"))


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"a": "import timm", "_timm": ""}, 1),
        ({"a": "import toy._timm\nimport timm", "_timm": ""}, 0),
        ({"a": "from torchvision.ops import nms\nimport toy._timm", "_timm": ""}, 1),
        ({"a": "def late():\n    import timm", "_timm": ""}, 0),
    ],
)
def test_a_module_that_does_not_prepare_timm_is_found(tmp_path: Path, files: dict[str, str], found: int):
    assert len(list(unprepared(planted(tmp_path, **files)))) == found
