"""The source files that a stage depends on, and a digest of them, which makes a rule run again after an edit.

Snakemake sees a command line, not the library behind it. The digest in a rule's `params` covers the stage's module,
every module of this package that it imports (also inside functions, also indirectly), and the data files beside them.
It is read from the source, so nothing has to be listed by hand and nothing is imported.

No statement imports the modules of a registry (see `camagain.registry`). The digest counts those that are in use: their
sources where a module calls `implementations("package")` or `implementation("package", ...)`, and only their
declarations where it calls `declarations("package", ...)`. An addition thus changes no digest of a stage that does not
use it. Imports for type checkers never run and do not count.
"""

import ast
import hashlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from camagain.registry import declaration_source

PACKAGE = Path(__file__).parent
REGISTRY_FUNCTIONS = ("implementation", "implementations", "declarations")
"""Functions of `camagain.registry` that look into a registry."""

REGISTRY_CALL = re.compile(rf'\b({"|".join(REGISTRY_FUNCTIONS)})\(\s*"(camagain\.[\w.]+)"')
"""A call of one of them, by its name and the registry's package."""

IMPORT = re.compile(
    r"^[ \t]*(from[ \t]+camagain[\w.]*[ \t]+import[ \t]+(?:\([^)]*\)|[^\n(]+)|import[ \t]+camagain[^\n]*)", re.MULTILINE
)
"""A statement that imports modules of this package, at the top of a file or within a function."""

FOR_TYPE_CHECKERS = re.compile(r"^if TYPE_CHECKING:\n(?:[ \t]+[^\n]*\n|\n)+", re.MULTILINE)
"""Imports that never run."""

SOURCE_SUFFIXES = {".j2", ".css", ".js", ".csv"}
"""Files that modules read from their own folder: templates, styles, published numbers."""


def code_digest(*modules: str, used: Collection[str] | None = None) -> str:
    """A 12-digit digest of the sources behind modules such as "camagain.training.finetune".

    `used`: the modules of registries that count where the code behind `modules` looks into their registry; all if None.
    """
    digest = hashlib.sha256()
    files, declared = _dependencies(modules, used)
    for path in sorted(files):
        digest.update(f"{path.relative_to(PACKAGE).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    for path in sorted(declared - files):
        digest.update(f"{path.relative_to(PACKAGE).as_posix()}\0{declaration_source(path)}".encode())
    return digest.hexdigest()[:12]


def source_files(*modules: str, used: Collection[str] | None = None) -> list[Path]:
    """Every file of this package that these modules depend on, sorted; `used` as in `code_digest`."""
    return sorted(_dependencies(modules, used)[0])


def _dependencies(modules: tuple[str, ...], used: Collection[str] | None) -> tuple[set[Path], set[Path]]:
    """The files that modules depend on, and the files of which they read the declaration."""
    files: set[Path] = set()
    declared: set[Path] = set()
    pending = [name for module in modules for name in with_parents(module)]
    while pending:
        name = pending.pop()
        file = module_file(name)
        if file is None and name in modules:
            raise ValueError(f"no module of this package: {name}")
        if file is None or file in files:  # a folder without `__init__.py` is a package without code
            continue
        files.add(file)
        files.update(_beside(file.parent))
        found = imported_modules(file)
        pending.extend(found.names)
        pending.extend(name for package in found.implemented for name in _members(package, used))
        declared.update(
            path for package in found.declared for name in _members(package, used) if (path := module_file(name))
        )
    return files, declared


@cache
def _beside(folder: Path) -> frozenset[Path]:
    """The data files that modules read from their own folder."""
    return frozenset(path for path in folder.iterdir() if path.suffix in SOURCE_SUFFIXES)


def _members(package: str, used: Collection[str] | None) -> list[str]:
    """The modules of a registry that count."""
    folder = PACKAGE.joinpath(*package.split(".")[1:])
    names = [f"{package}.{path.stem}" for path in folder.iterdir() if not path.name.startswith("_")]
    return [name for name in names if module_file(name) and (used is None or name in used)]


@dataclass(frozen=True)
class Imports:
    """The imports of a source file: modules of this package, and registries, by their package."""

    names: frozenset[str]
    implemented: frozenset[str]  # registries whose modules it imports
    declared: frozenset[str]  # registries whose declarations it reads


@cache
def imported_modules(file: Path) -> Imports:
    """The modules of this package that a source file imports, with the packages on the way to them, and registries.

    Statements are looked for in the text, since a tree of each file would take a second, in which a user waits.
    """
    text = FOR_TYPE_CHECKERS.sub("", file.read_text(encoding="utf-8"))
    calls: dict[str, set[str]] = {name: set() for name in REGISTRY_FUNCTIONS}
    for function, package in REGISTRY_CALL.findall(text):
        calls[function].add(package)
    return Imports(
        names=_imported([ast.parse(statement).body[0] for statement in IMPORT.findall(text)]),
        implemented=frozenset(calls["implementation"] | calls["implementations"]),
        declared=frozenset(calls["declarations"]),
    )


def _imported(statements: Iterable[ast.stmt]) -> frozenset[str]:
    """The modules of this package that statements import, with the packages on the way to them."""
    found: set[str] = set()
    for statement in statements:
        if isinstance(statement, ast.Import):
            found.update(alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            found.add(statement.module)
            found.update(f"{statement.module}.{alias.name}" for alias in statement.names)
    ours = {name for module in found if module.split(".")[0] == "camagain" for name in with_parents(module)}
    return frozenset(name for name in ours if module_file(name) is not None)


def with_parents(module: str) -> list[str]:
    """A module and the packages that Python imports before it: "a.b.c" -> a, a.b, a.b.c."""
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]


@cache
def module_file(module: str) -> Path | None:
    """The source file of a module of this package, or None where the name is not one (a function, say)."""
    first, *rest = module.split(".")
    path = PACKAGE.joinpath(*rest)
    if first != PACKAGE.name:
        return None
    if (path / "__init__.py").is_file():
        return path / "__init__.py"
    return path.with_suffix(".py") if rest and path.with_suffix(".py").is_file() else None
