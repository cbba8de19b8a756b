"""Packages that grow by one file: their modules, found by looking, and what each of them declares.

Three packages are registries: `camagain.datasets.kinds`, `camagain.models.families`, `camagain.localization.methods`.
A module of one of them is a file or a folder; one whose name begins with an underscore is not part of it.

A module may declare what it adds, `DECLARES = Family(name="ResNet", ...)`, with all values written out.
Declarations are read from the source without running it, so that the configuration is checked before torch is imported.
An incomplete one is refused when it is read. No file lists the modules, because such a file would be part of every
stage, and every stage would run again after an addition; `camagain.provenance` counts the modules that are in use.
"""

import ast
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from camagain.errors import UserError, nearest

PACKAGE = Path(__file__).parent
DECLARATION = "DECLARES"

Declared = TypeVar("Declared", bound=BaseModel)


@cache
def members(package: str) -> tuple[str, ...]:
    """The full names of the modules of a package, sorted."""
    folder = PACKAGE.joinpath(*package.split(".")[1:])
    files = [path for path in folder.glob("*.py")] + [path.parent for path in folder.glob("*/__init__.py")]
    return tuple(sorted(f"{package}.{path.stem}" for path in files if not path.stem.startswith("_")))


def source_of(module: str) -> Path:
    """The source file of a module of a registry."""
    path = PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def implementation(package: str, module: str) -> ModuleType:
    """One module of a registry, imported."""
    if module not in members(package):
        raise ValueError(f"{module} is none of {members(package)}")
    return import_module(module)


def implementations(package: str) -> list[ModuleType]:
    """All modules of a registry, imported."""
    return [import_module(module) for module in members(package)]


def declarations(package: str, declared: type[Declared]) -> list[tuple[str, Declared]]:
    """(module, declaration) for every declaration of a package, by module and in the order of each source.

    UserError, naming the file, where a module declares nothing, or something that is not complete.
    """
    return [(module, found) for module in members(package) for found in _declared(source_of(module), declared)]


def declaration_source(path: Path) -> str:
    """The text of a file's declaration; empty where it has none."""
    text = path.read_text(encoding="utf-8")
    node = _declaration(ast.parse(text))
    return (ast.get_source_segment(text, node) or "") if node else ""


def functions(path: Path) -> set[str]:
    """The names of the functions that a file defines at its top level."""
    return {node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)}


def _declaration(tree: ast.Module) -> ast.expr | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == [DECLARATION]:
            return node.value
    return None


def _declared(path: Path, declared: type[Declared]) -> list[Declared]:
    """What one file declares: one `declared`, or a tuple of them."""
    wanted = f"`{DECLARATION} = {declared.__name__}(...)`"
    try:
        value = _declaration(ast.parse(path.read_text(encoding="utf-8")))
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: not valid Python ({error.msg}).") from None
    calls = value.elts if isinstance(value, ast.Tuple) else [value]
    found = []
    for call in calls:
        if not isinstance(call, ast.Call) or ast.unparse(call.func) != declared.__name__ or call.args:
            raise UserError(
                f"{path}: found no {wanted}. Every module of this folder declares what it brings; its fields are "
                f"{', '.join(declared.model_fields)}."
            )
        try:
            found.append(declared(**{str(word.arg): ast.literal_eval(word.value) for word in call.keywords}))
        except ValueError as error:
            if isinstance(error, ValidationError):
                raise UserError(f"{path}, line {call.lineno}: {wanted}: {faults(error, declared)}.") from None
            raise UserError(
                f"{path}, line {call.lineno}: the values of {wanted} have to be written out, because they are read "
                "without running the file."
            ) from None
    return found


def faults(error: ValidationError, declared: type[BaseModel]) -> str:
    """What is wrong with a declaration, field by field."""
    found = []
    for fault in error.errors(include_url=False):
        name, message = str(fault["loc"][0]), fault["msg"]
        if fault["type"] == "extra_forbidden":
            message = f"unknown field.{nearest(name, list(declared.model_fields))}"
        found.append(f"{name}: {'missing' if fault['type'] == 'missing' else message}")
    return "; ".join(found)
