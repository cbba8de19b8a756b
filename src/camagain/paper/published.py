"""Numbers that others published, as data (`published.csv`): each with its printed digits, source and certainty.

The table holds only numbers that were read in a source, none that are remembered or guessed: a number without a source
is no reference.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

from camagain.errors import nearest

Certainty = Literal["printed", "reported", "digitised", "derived"]
"""Of a number: printed by those who measured it, reported by others, measured in a picture, or computed from such."""

CERTAINTIES: tuple[str, ...] = get_args(Certainty)
UNITS = ("percent", "points", "share", "cells", "pixels")
COLUMNS = ("table", "row", "column", "unit", "value", "digits", "uncertainty", "certainty", "source", "note")


@dataclass(frozen=True)
class Published:
    """One number of one table or figure."""

    table: str
    row: str
    column: str
    unit: str
    printed: str  # the number as it stands in the source
    digits: int  # behind the point
    uncertainty: float  # the true value lies at most this far away, in the number's unit
    certainty: Certainty
    source: str
    note: str

    @property
    def value(self) -> float:
        return float(self.printed)

    @property
    def key(self) -> tuple[str, str, str]:
        return self.table, self.row, self.column


@cache
def published() -> tuple[Published, ...]:
    """Every published number, in the order of the file."""
    return parse((files("camagain.paper") / "published.csv").read_text(encoding="utf-8"))


def parse(text: str) -> tuple[Published, ...]:
    """The rows of a table such as `published.csv`; ValueError, with the line, where one breaks the schema."""
    reader = csv.DictReader(text.splitlines())
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise ValueError(f"found the columns {reader.fieldnames}, expected {list(COLUMNS)}")
    entries: dict[tuple[str, str, str], Published] = {}
    for line, row in enumerate(reader, start=2):
        try:
            entry = checked(row)
        except ValueError as error:
            raise ValueError(f"line {line}, {row}: {error}") from None
        if entry.key in entries:
            raise ValueError(f"line {line}: {entry.key} is there twice")
        entries[entry.key] = entry
    return tuple(entries.values())


def checked(row: dict[str, str]) -> Published:
    """One row as an entry; ValueError where a field is empty, unknown or at odds with the printed digits."""
    empty = [name for name in COLUMNS if name != "note" and not row[name]]
    if empty:
        raise ValueError(f"no {', '.join(empty)}")
    for name, allowed in (("certainty", CERTAINTIES), ("unit", UNITS)):
        if row[name] not in allowed:
            raise ValueError(
                f"{name} '{row[name]}', expected one of {list(allowed)}.{nearest(row[name], list(allowed))}"
            )
    value, digits, uncertainty = float(row["value"]), int(row["digits"]), float(row["uncertainty"])
    if digits != len(row["value"].partition(".")[2]):
        raise ValueError(f"{digits} digits, but the value is written {row['value']}")
    half = 0.5 * 10**-digits
    if uncertainty < half - 1e-12 or (row["certainty"] in ("printed", "reported") and uncertainty > half + 1e-12):
        raise ValueError(f"uncertainty {uncertainty:g}, where {digits} digits leave {half:g}")
    if row["unit"] == "percent" and not 0 <= value <= 100:
        raise ValueError(f"{value:g} percent")
    shared = {name: row[name] for name in ("table", "row", "column", "unit", "source", "note")}
    return Published(
        **shared,
        printed=row["value"],
        digits=digits,
        uncertainty=uncertainty,
        certainty=row["certainty"],  # type: ignore[arg-type]
    )


def published_table(table: str) -> tuple[Published, ...]:
    """The numbers of one table or figure; KeyError where there is no such table."""
    found = tuple(entry for entry in published() if entry.table == table)
    if not found:
        names = list(dict.fromkeys(entry.table for entry in published()))
        raise KeyError(f"no published table '{table}'; there are {names}.{nearest(table, names)}")
    return found


def published_value(table: str, row: str, column: str) -> Published:
    """One published number; KeyError where there is none."""
    for entry in published_table(table):
        if (entry.row, entry.column) == (row, column):
            return entry
    raise KeyError(f"no published number in '{table}' for row '{row}' and column '{column}'")


def maybe_published(table: str, row: str, column: str) -> Published | None:
    """One published number, or None where nobody published it."""
    return next((entry for entry in published_table(table) if entry.key == (table, row, column)), None)
