"""Which of our source files a stage depends on, and a digest of them: what makes a rule run again after an edit.

Snakemake sees a command line, not the library behind it. The digest in a rule's `params` covers the stage's module,
every module of this package that it imports (also inside functions, also indirectly), and the data files beside them.
It is read from the source, so nothing has to be listed by hand and nothing is imported.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent
SOURCE_SUFFIXES = {".j2", ".css", ".csv"}
"""Files that modules read from their own folder: templates, styles, published numbers."""


def code_digest(*modules: str) -> str:
    """A 12-digit digest of the sources behind modules such as "camagain.training.finetune"."""
    digest = hashlib.sha256()
    for path in source_files(*modules):
        digest.update(f"{path.relative_to(PACKAGE).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def source_files(*modules: str) -> list[Path]:
    """Every file of this package that these modules depend on, sorted."""
    files: set[Path] = set()
    pending = [name for module in modules for name in with_parents(module)]
    while pending:
        file = module_file(pending.pop())
        if file is None:
            raise ValueError(f"no module of this package: one of {modules}")
        if file not in files:
            files.add(file)
            files.update(path for path in file.parent.iterdir() if path.suffix in SOURCE_SUFFIXES)
            pending.extend(imported_modules(file))
    return sorted(files)


@cache
def imported_modules(file: Path) -> tuple[str, ...]:
    """The modules of this package that a source file imports, with the packages on the way to them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    ours = {name for module in found if module.split(".")[0] == "camagain" for name in with_parents(module)}
    return tuple(sorted(name for name in ours if module_file(name) is not None))


def with_parents(module: str) -> list[str]:
    """A module and the packages that Python runs on the way to it: "a.b.c" -> a, a.b, a.b.c."""
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]


def module_file(module: str) -> Path | None:
    """The source file of a module of this package, or None where the name is not one (a function, say)."""
    first, *rest = module.split(".")
    path = PACKAGE.joinpath(*rest)
    if first != PACKAGE.name:
        return None
    if (path / "__init__.py").is_file():
        return path / "__init__.py"
    return path.with_suffix(".py") if rest and path.with_suffix(".py").is_file() else None
