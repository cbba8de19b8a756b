"""Checks a file against its published size and digest, or against what was recorded when it was first seen."""

from pathlib import Path

from camagain.artifacts import read_json, sha256, write_json
from camagain.errors import UserError


def beside(target: Path, ending: str) -> Path:
    """The path `<name><ending>` in the target's folder."""
    return target.with_name(target.name + ending)


def check(file: Path, target: Path, url: str, size: int | None, digest: str | None, advice: str) -> str:
    """The SHA-256 of `file`, which is or will become `target`; UserError ending in `advice` when it is not as expected.

    Where no `digest` is published, the first file accepted is recorded in `<target>.json`, and a different one is
    refused from then on.
    """
    found_size = file.stat().st_size
    if size is not None and found_size != size:
        raise UserError(f"{target}: found {found_size} bytes, expected {size}. {advice}")
    found = sha256(file)
    if digest is not None:
        if found != digest.lower():
            raise UserError(f"{target}: found SHA-256 {found}, expected {digest.lower()}. {advice}")
        return found

    record = beside(target, ".json")
    if not record.exists():
        write_json(record, {"url": url, "size": found_size, "sha256": found})
        return found
    known = read_json(record)
    if not isinstance(known, dict) or not isinstance(known.get("sha256"), str):
        raise UserError(f"{record}: expected the keys url, size and sha256. Delete it to record the file anew.")
    if known["sha256"] != found:
        raise UserError(
            f"{target}: found {found_size} bytes with SHA-256 {found}, but when it was first seen it had "
            f"{known.get('size')} bytes with SHA-256 {known['sha256']}. {advice} If the publisher replaced it on "
            f"purpose, delete {record}."
        )
    return found
