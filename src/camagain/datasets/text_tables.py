"""Reads text tables, separated by whitespace or by a character, such that every complaint names file and line."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from camagain.errors import UserError

Columns = dict[str, Callable[[str], Any]]
"""A column's name and its converter: `str`, `filled`, `int`, `finite` or `flag`."""


@dataclass(frozen=True)
class Line:
    """One line of a table: its number in the file, from 1, and its converted fields."""

    number: int
    fields: tuple[Any, ...]


@dataclass(frozen=True)
class Faults:
    """Faults of one kind, and what to do about them."""

    found: tuple[str, ...]
    advice: str


class Incomplete(Exception):
    """All faults were collected, and what is left makes no index."""


_COLLECTED: ContextVar[list[Faults] | None] = ContextVar("collected", default=None)


@contextmanager
def every_fault() -> Iterator[list[Faults]]:
    """Within the block faults are collected in the list, and reading goes on with what is right.

    It ends in Incomplete where an index would be made of less than everything.
    """
    found: list[Faults] = []
    token = _COLLECTED.set(found)
    try:
        yield found
    finally:
        _COLLECTED.reset(token)


def refuse(faults: Sequence[str], advice: str) -> None:
    """Raises a UserError with the first of several faults of one kind, how many more there are, and what to do.

    Within `every_fault` they are all collected instead.
    """
    collected = _COLLECTED.get()
    if faults and collected is not None:
        collected.append(Faults(tuple(faults), advice))
    elif faults:
        more = f" (and {len(faults) - 1} more like this)" if len(faults) > 1 else ""
        raise UserError(f"{faults[0]}{more}. {advice}")


def require_complete() -> None:
    """Raises Incomplete where faults were collected."""
    if _COLLECTED.get():
        raise Incomplete


def finite(text: str) -> float:
    """A finite decimal number."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return value


def flag(text: str) -> bool:
    """0 or 1."""
    if text not in ("0", "1"):
        raise ValueError
    return text == "1"


def filled(text: str) -> str:
    """A text that is not empty; between separators nothing may stand, which `str` takes."""
    if not text:
        raise ValueError
    return text


EXPECTED: dict[Callable[[str], Any], str] = {
    finite: "a finite number",
    flag: "0 or 1",
    int: "a whole number",
    filled: "a text",
}


def read_table(path: Path, columns: Columns, separator: str | None = None) -> list[Line]:
    """The lines of a text file, one field per column; blank lines are skipped, Windows line ends and a BOM are taken.

    Between two columns stands `separator`, or any whitespace where it is None. Then a last column converted by `str`
    takes the rest of its line, so a file name may contain spaces; with a separator any may, but none may contain the
    separator.
    """
    layout = _layout(columns, separator)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        refuse([f"{path}: no such file"], f"Expected a text file with lines '{layout}'; give the folder that holds it.")
        return []
    except PermissionError:
        refuse([f"{path}: this user may not open it"], "Change its permissions.")
        return []
    except (OSError, UnicodeDecodeError) as error:
        refuse([f"{path}: not a readable text file ({error})"], f"Expected UTF-8 lines '{layout}'.")
        return []

    rest_of_line = separator is None and list(columns.values())[-1] is str
    lines, faults = [], []
    for number, row in enumerate(text.split("\n"), start=1):
        if not row.strip():
            continue
        fields = row.split(separator, maxsplit=len(columns) - 1 if rest_of_line else -1)
        fault = _fault(fields, columns)
        if fault:
            faults.append(f"{path}, line {number}: {fault} in {row.strip()!r}, expected '{layout}'")
            continue
        values = zip(fields, columns.values(), strict=True)
        lines.append(Line(number, tuple(convert(field.strip()) for field, convert in values)))
    refuse(faults, "Correct the line or restore the original file.")
    if not lines and not faults:
        refuse([f"{path}: the file is empty"], f"Expected lines '{layout}'; restore the original file.")
    return lines


def unique(
    file: Path,
    lines: Sequence[Line],
    what: str = "image",
    column: int = 0,
    advice: str = "Remove the line that is wrong or restore the original file.",
) -> dict[Any, Line]:
    """Lines by one of their fields, which must not repeat."""
    table: dict[Any, Line] = {}
    refuse(
        [
            f"{file}, line {line.number}: {what} {line.fields[column]} occurs again, first in line "
            f"{table[line.fields[column]].number}; expected one line per {what}"
            for line in lines
            if table.setdefault(line.fields[column], line) is not line
        ],
        advice,
    )
    return table


def refuse_leading_out(file: Path, lines: Sequence[Line], column: int, folder: str = "its folder") -> None:
    """Refuses paths that are absolute or lead upwards."""
    refuse(
        [
            f"{file}, line {line.number}: the path {line.fields[column]!r} leads out of {folder}"
            for line in lines
            if PurePosixPath(line.fields[column]).is_absolute() or ".." in PurePosixPath(line.fields[column]).parts
        ],
        f"Paths are relative to {folder} and go downwards; correct the line.",
    )


def refuse_unmatched(
    file: Path, table: dict[Any, Line], images: dict[Any, Line], listing: Path, columns: Columns, separator: str = " "
) -> None:
    """Refuses lines, by image id, of images that `listing` does not have, and images without a line."""
    if not table or not images:
        return  # that a file has no line was refused before
    refuse(
        [
            f"{file}, line {line.number}: image id {image_id} is not in {listing}"
            for image_id, line in table.items()
            if image_id not in images
        ],
        f"Remove the line or list the image in {listing.name}.",
    )
    refuse(
        [
            f"{file}: no line for image {' '.join(line.fields)} ({listing}, line {line.number}), expected one"
            for image_id, line in images.items()
            if image_id not in table
        ],
        f"Add a line '{_layout(columns, separator)}' or remove the image from {listing.name}.",
    )


def _layout(columns: Columns, separator: str | None) -> str:
    return (separator or " ").join(f"<{name}>" for name in columns)


def _fault(fields: list[str], columns: Columns) -> str:
    """What is wrong with a line's fields, or "" when they all convert."""
    if len(fields) != len(columns):
        return f"{len(fields)} fields instead of {len(columns)}"
    for field, (name, convert) in zip(fields, columns.items(), strict=True):
        try:
            convert(field.strip())
        except ValueError:
            return f"{name} is {field!r} and not {EXPECTED[convert]}"
    return ""
