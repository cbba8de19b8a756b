"""Files put there by hand, whose digest is published in full or by its head: the same checks, without the network."""

import hashlib
import json
from pathlib import Path

import pytest

from camagain.downloads import Patience, fetch
from camagain.errors import UserError

CONTENT = b"plumage" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
ONCE = Patience(attempts=1)
NOWHERE = "http://127.0.0.1:9/birds.tgz"
"""The discard port, where nothing listens: a request would fail."""


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "birds.tgz"


def test_a_right_file_is_taken_without_the_network(target: Path) -> None:
    target.write_bytes(CONTENT)
    assert fetch(NOWHERE, target, len(CONTENT), DIGEST.upper(), patience=ONCE) == DIGEST
    assert not target.with_name("ledger.json").exists()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (CONTENT[:-1], "found 6999 bytes, expected 7000"),
        (CONTENT[::-1], f"found SHA-256 {hashlib.sha256(CONTENT[::-1]).hexdigest()}, expected {DIGEST}"),
    ],
)
def test_a_wrong_file_is_refused_and_kept(target: Path, content: bytes, found: str) -> None:
    target.write_bytes(content)
    with pytest.raises(UserError, match=rf"{found}\. Delete it to have it downloaded") as caught:
        fetch(NOWHERE, target, len(CONTENT), DIGEST, patience=ONCE)
    assert NOWHERE in str(caught.value)
    assert target.read_bytes() == content


def test_a_folder_in_its_place_is_refused(target: Path) -> None:
    target.mkdir()
    with pytest.raises(UserError, match="is a folder, expected a file"):
        fetch(NOWHERE, target, patience=ONCE)


def test_a_downloads_folder_that_cannot_be_made_is_named(target: Path) -> None:
    target.write_bytes(b"")
    with pytest.raises(UserError, match="cannot be read or written"):
        fetch(NOWHERE, target / "inside" / "birds.tgz", patience=ONCE)


@pytest.mark.parametrize("digits", [8, 63])
def test_the_head_of_a_digest_is_held_to_and_the_rest_recorded(target: Path, digits: int) -> None:
    target.write_bytes(CONTENT)
    assert fetch(NOWHERE, target, sha256=DIGEST[:digits], patience=ONCE) == DIGEST
    assert json.loads(target.with_name("ledger.json").read_text())["birds.tgz"]["sha256"] == DIGEST
    with pytest.raises(UserError, match=f"found SHA-256 {DIGEST}, expected {'0' * digits} and more digits"):
        fetch(NOWHERE, target, sha256="0" * digits, patience=ONCE)


def test_a_file_that_begins_otherwise_is_refused_and_not_recorded(target: Path) -> None:
    target.write_bytes(b" <html>Sign in")
    with pytest.raises(UserError, match=r"found a web page, expected one that begins with b'PK' or b'\\x80'"):
        fetch(NOWHERE, target, begins=(b"PK", b"\x80"), patience=ONCE)
    target.write_bytes(b"Rar!")
    with pytest.raises(UserError, match=r"found a file that begins with b'Rar!'"):
        fetch(NOWHERE, target, begins=(b"PK",), patience=ONCE)
    assert not target.with_name("ledger.json").exists()
    target.write_bytes(b"PK")
    fetch(NOWHERE, target, begins=(b"PK",), patience=ONCE)
