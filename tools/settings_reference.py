"""`config/README.md`: every key of an experiment, written from the descriptions in `camagain.config`."""

from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from camagain.config import Experiment
from camagain.config.faults import kind_of, sections_of

HEAD = """\
# Experiments

One experiment is one YAML file, and each file is complete: nothing is merged in from another. `config.yaml` is the
default, `demo`; the others lie in `experiments/`. An unknown or misspelt key is refused before any job starts.

    snakemake --cores all                                                 # config/config.yaml
    snakemake --cores all --configfile config/experiments/cub27.yaml      # another experiment
    camagain experiment FILE                                              # check a file and print it with all defaults

This page is written by `make docs` from the descriptions in `src/camagain/config/`; a test fails when they differ.
"""


def config_reference() -> str:
    """The whole page as Markdown."""
    sections: list[str] = []
    _section(Experiment, "", sections)
    return HEAD + "\n" + "\n".join(sections)


def _section(model: type[BaseModel], path: str, sections: list[str]) -> None:
    """Appends the table of one settings class, and of those inside it."""
    title = f"## `{path}`" if path else "## Top level"
    rows, inner = [], []
    for name, info in model.model_fields.items():
        rows.append(f"| `{name}` | {_type(info)} | {_default(info)} | {info.description or _fixed(info)} |")
        for kind in sections_of(info.annotation):
            inner.append((kind, f"{path}.{name}".strip(".") + (f" (kind: {kind_of(kind)})" if kind_of(kind) else "")))
    text = (model.__doc__ or "").strip()
    sections.append(
        "\n".join([title, "", text, "", "| key | type | default | meaning |", "|---|---|---|---|", *rows, ""])
    )
    for kind, where in inner:
        # A model's own recipe has the keys of the experiment's: one table serves both.
        if where != "models.training":
            _section(kind, where, sections)


def _type(info: FieldInfo) -> str:
    """A field's type in words."""
    return _words(info.annotation)


def _words(annotation: Any) -> str:
    names = {int: "integer", float: "number", str: "text", bool: "true or false", type(None): "null"}
    if annotation in names:
        return names[annotation]
    if sections_of(annotation):
        return "list of sections" if get_origin(annotation) is tuple else "section"
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:  # a type with checks, inside a list
        return _words(inner[0])
    if origin is tuple:
        return f"list of {_words(inner[0])}" if inner[-1] is Ellipsis else f"{len(inner)} numbers"
    if inner and all(isinstance(value, str) for value in inner):
        return " or ".join(f"`{value}`" for value in inner)
    if inner:
        return " or ".join(_words(value) for value in inner if not callable(value) or isinstance(value, type))
    return "path" if getattr(annotation, "__name__", "") == "Path" else str(annotation)


def _default(info: FieldInfo) -> str:
    if isinstance(info.json_schema_extra, dict) and "default_in_words" in info.json_schema_extra:
        return str(info.json_schema_extra["default_in_words"])
    if info.is_required():
        return "required"
    if isinstance(info.default, BaseModel):
        return "its defaults"
    if isinstance(info.default, tuple):
        return f"`[{', '.join(map(str, info.default))}]`"
    return "`null`" if info.default is None else f"`{info.default}`" if str(info.default) else "empty"


def _fixed(info: FieldInfo) -> str:
    return f"Selects this kind: `{get_args(info.annotation)[0]}`."
