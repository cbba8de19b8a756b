"""Files put there by hand, and files without a published digest: the same checks, without the network."""

import hashlib
import json
from pathlib import Path

import pytest

from camagain.datasets.checksum import check
from camagain.datasets.download import fetch
from camagain.errors import UserError

CONTENT = b"plumage" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
NOWHERE = "http://127.0.0.1:9/birds.tgz"
"""The discard port, where nothing listens: a request would fail."""


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "birds.tgz"


def test_a_right_file_is_taken_without_the_network(target: Path) -> None:
    target.write_bytes(CONTENT)
    assert fetch(NOWHERE, target, len(CONTENT), DIGEST.upper(), attempts=1) == DIGEST
    assert [path.name for path in target.parent.iterdir()] == ["birds.tgz"]


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
        fetch(NOWHERE, target, len(CONTENT), DIGEST, attempts=1)
    assert NOWHERE in str(caught.value)
    assert target.read_bytes() == content


def test_a_folder_in_its_place_is_refused(target: Path) -> None:
    target.mkdir()
    with pytest.raises(UserError, match="is a folder, expected a file"):
        fetch(NOWHERE, target, attempts=1)


def test_a_downloads_folder_that_cannot_be_made_is_named(target: Path) -> None:
    target.write_bytes(b"")
    with pytest.raises(UserError, match="cannot be written"):
        fetch(NOWHERE, target / "inside" / "birds.tgz", attempts=1)


def test_without_a_published_digest_the_first_file_is_recorded_and_held_to(target: Path) -> None:
    target.write_bytes(CONTENT)
    assert check(target, target, NOWHERE, None, None, "Advice.") == DIGEST
    record = target.with_name("birds.tgz.json")
    assert json.loads(record.read_text()) == {"url": NOWHERE, "size": len(CONTENT), "sha256": DIGEST}
    assert check(target, target, NOWHERE, None, None, "Advice.") == DIGEST

    target.write_bytes(CONTENT[:-1])
    with pytest.raises(UserError, match=r"when it was first seen .* Advice\. .*delete") as caught:
        check(target, target, NOWHERE, None, None, "Advice.")
    assert str(record) in str(caught.value) and DIGEST in str(caught.value)

    record.write_text("[]")
    with pytest.raises(UserError, match="expected the keys"):
        check(target, target, NOWHERE, None, None, "Advice.")
