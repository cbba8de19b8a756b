"""Checks a file against its published size and digest, or against what was recorded when it was first seen."""

from collections.abc import Sequence
from pathlib import Path

from camagain.artifacts import sha256
from camagain.downloads.record import LEDGER, read_ledger, record
from camagain.errors import UserError

FULL_DIGEST = 64
"""Hexadecimal digits of a whole SHA-256."""


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
