"""Checks a file against its published size and digest, or against what was recorded when it was first seen.

The record is `ledger.json` beside the files, one entry per file name, for people to read and to edit: a deleted entry
is made anew at the next use from the file that lies there.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from camagain.artifacts import read_json, sha256, write_json
from camagain.errors import UserError

FULL_DIGEST = 64
"""Hexadecimal digits of a whole SHA-256."""

LEDGER = "ledger.json"


class Record(BaseModel):
    """What is remembered of a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bytes: int
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    source: str
    date: str  # of the first use, UTC


def read_ledger(folder: Path) -> dict[str, Record]:
    """The records of a downloads folder by file name; empty where nothing was recorded."""
    path = Path(folder) / LEDGER
    if not path.exists():
        return {}
    try:
        return TypeAdapter(dict[str, Record]).validate_python(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"{path}: '{place}' is not as expected ({first['msg']}); each file name has bytes, sha256, source and "
            "date. Correct it, or delete it to have the files in this folder recorded anew."
        ) from None


def record(target: Path, size: int, sha256: str, source: str) -> None:
    """Records what `target` is, replacing its old entry; only one process of a folder may call it at a time."""
    entry = Record(bytes=size, sha256=sha256, source=source, date=f"{datetime.now(UTC):%Y-%m-%d}")
    entries = {**read_ledger(target.parent), target.name: entry}
    write_json(target.parent / LEDGER, {name: entries[name].model_dump() for name in sorted(entries)})


def check(
    file: Path,
    target: Path,
    source: str,
    size: int | None,
    digest: str | None,
    advice: str,
    begins: Sequence[bytes] = (),
) -> str:
    """The SHA-256 of `file`, which is or will become `target`; UserError ending in `advice` when it is not as expected.

    `digest` may be the head of the published one. Where it is not published in full, the first file accepted is
    recorded in the folder's ledger, and a different one is refused from then on. `begins` lists the bytes with which
    files of this kind begin, so that a saved web page is never recorded as the file.
    """
    found_size = file.stat().st_size
    if size is not None and found_size != size:
        raise UserError(f"{target}: found {found_size} bytes, expected {size}. {advice}")
    _check_beginning(file, target, begins, advice)
    found = sha256(file)
    if digest and not found.startswith(digest.lower()):
        rest = "" if len(digest) == FULL_DIGEST else " and more digits"
        raise UserError(f"{target}: found SHA-256 {found}, expected {digest.lower()}{rest}. {advice}")
    if digest and len(digest) == FULL_DIGEST:
        return found

    known = read_ledger(target.parent).get(target.name)
    if known is None or (digest and not known.sha256.startswith(digest.lower())):  # what is published wins
        record(target, found_size, found, source)
    elif known.sha256 != found:
        raise UserError(
            f"{target}: found {found_size} bytes with SHA-256 {found}, but when it was first seen ({known.date}, from "
            f"{known.source}) it had {known.bytes} bytes with SHA-256 {known.sha256}. {advice} If the change is "
            f"intended, delete the entry '{target.name}' of {target.parent / LEDGER}."
        )
    return found


def _check_beginning(file: Path, target: Path, begins: Sequence[bytes], advice: str) -> None:
    """Raises UserError unless the file begins with one of `begins`, or `begins` is empty."""
    with open(file, "rb") as stream:
        head = stream.read(512)
    if not begins or head.startswith(tuple(begins)):
        return
    found = "a web page" if head.lstrip().startswith(b"<") else f"a file that begins with {head[:8]!r}"
    expected = " or ".join(repr(beginning) for beginning in begins)
    raise UserError(f"{target}: found {found}, expected one that begins with {expected}. {advice}")
