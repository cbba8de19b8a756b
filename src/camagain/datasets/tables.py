"""Reads text tables, separated by whitespace or by a character, such that every complaint names file and line."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from camagain.errors import UserError


@dataclass(frozen=True)
class Line:
    """One line of a table: its number in the file, from 1, and its converted fields."""

    number: int
    fields: tuple[Any, ...]


def refuse(faults: Sequence[str], advice: str) -> None:
    """Raises a UserError with the first of several faults of one kind, how many more there are, and what to do."""
    if faults:
        more = f" (and {len(faults) - 1} more like this)" if len(faults) > 1 else ""
        raise UserError(f"{faults[0]}{more}. {advice}")


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


def read_table(path: Path, columns: dict[str, Callable[[str], Any]], separator: str | None = None) -> list[Line]:
    """The lines of a text file, one field per column; blank lines are skipped, Windows line ends and a BOM are taken.

    `columns` maps a column's name to its converter: `str`, `filled`, `int`, `finite` or `flag`. Between two columns
    stands `separator`, or any whitespace where it is None. Then a last column converted by `str` takes the rest of its
    line, so a file name may contain spaces; with a separator any may, but none may contain the separator.
    """
    layout = (separator or " ").join(f"<{name}>" for name in columns)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(
            f"{path}: no such file. Expected a text file with lines '{layout}'; give the folder that holds it."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a readable text file ({error}). Expected UTF-8 lines '{layout}'.") from None

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
    if not lines:
        raise UserError(f"{path}: the file is empty. Expected lines '{layout}'; restore the original file.")
    return lines


def unique(file: Path, lines: Sequence[Line], what: str = "image") -> dict[Any, Line]:
    """Lines by their first field, which must not repeat."""
    table: dict[Any, Line] = {}
    refuse(
        [
            f"{file}, line {line.number}: {what} {line.fields[0]} occurs again, first in line "
            f"{table[line.fields[0]].number}; expected one line per {what}"
            for line in lines
            if table.setdefault(line.fields[0], line) is not line
        ],
        "Remove the line that is wrong or restore the original file.",
    )
    return table


def _fault(fields: list[str], columns: dict[str, Callable[[str], Any]]) -> str:
    """What is wrong with a line's fields, or "" when they all convert."""
    if len(fields) != len(columns):
        return f"{len(fields)} fields instead of {len(columns)}"
    for field, (name, convert) in zip(fields, columns.items(), strict=True):
        try:
            convert(field.strip())
        except ValueError:
            return f"{name} is {field!r} and not {EXPECTED[convert]}"
    return ""
