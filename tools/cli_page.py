"""docs/cli.md: every command with its arguments, options and example, written from the command line itself."""

from pathlib import Path
from typing import Any, get_args

import typer

from camagain.cli import app

PAGE = Path("docs/cli.md")

HEAD = """\
# The command line

Written by `make docs` from `src/camagain/cli.py`; a test fails when they differ. `camagain COMMAND --help` says the
same on a terminal. `camagain --version` says which version it is, and `camagain --install-completion` lets your shell
complete commands and options.

Exit status: 0 done, 1 where a command judges and says no (`compare`, `verify`, `doctor`), 2 a mistake that one sentence
on stderr names, 130 interrupted.
"""


def cli_page() -> str:
    """The whole page as Markdown."""
    group: Any = typer.main.get_command(app)
    lines = [HEAD, "| command | |", "|---|---|"]
    lines += [f"| [`{name}`](#camagain-{name}) | {plain(first_line(command))} |" for name, command in commands(group)]
    return "\n".join([*lines, *(section(name, command) for name, command in commands(group))]) + "\n"


def commands(group: Any) -> list[tuple[str, Any]]:
    """Name and command, in the order of the source: that of a run, then what is done with runs."""
    return list(group.commands.items())


def first_line(command: Any) -> str:
    return " ".join(command.help.split("\n\n")[0].split())


def section(name: str, command: Any) -> str:
    """One command."""
    text = "\n\n".join(" ".join(part.split()) for part in command.help.split("\n\n"))
    usage = [f"camagain {name}", *(usage_of(param) for param in command.params)]
    return "\n".join(
        [
            f"\n## camagain {name}",
            "",
            plain(text),
            "",
            f"    {' '.join(filter(None, usage))} [OPTIONS]",
            "",
            "| argument or option | default | |",
            "|---|---|---|",
            *map(row, command.params),
            "",
            f"    {command.epilog.removeprefix('Example: ')}",
        ]
    )


def is_argument(param: Any) -> bool:
    return param.param_type_name == "argument"


def name_of(param: Any) -> str:
    """An argument by its name, an option with what it takes."""
    if is_argument(param):
        return param.metavar or param.name.upper()
    return param.opts[0] if param.is_flag else f"{param.opts[0]} {param.metavar or kind_of_value(param)}"


def usage_of(param: Any) -> str:
    """An argument, or an option that has to be given; empty for any other option."""
    several = "..." if param.nargs == -1 else ""
    if param.required:
        return name_of(param) + several
    return f"[{name_of(param)}]{several}" if is_argument(param) else ""


def row(param: Any) -> str:
    """One argument or option."""
    known = not param.required and param.default not in (None, "", False)
    default = "required" if param.required else f"`{param.default}`" if known else ""
    several = param.nargs == -1 or (not is_argument(param) and param.multiple)
    return (
        f"| `{name_of(param)}` | {default} | {plain(param.help)}{' Can be given several times.' if several else ''} |"
    )


def kind_of_value(param: Any) -> str:
    """What an option takes, as its help has it."""
    annotation = param.type_descriptor.annotation
    (single,) = get_args(annotation) if param.multiple else (annotation,)
    return {Path: "PATH", int: "INTEGER", float: "FLOAT", str: "TEXT"}[single]


def plain(text: str) -> str:
    """Text of a help as Markdown: no HTML, no columns."""
    return text.replace("<", "&lt;").replace("|", r"\|")
