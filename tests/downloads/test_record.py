"""The ledger: a file without a published digest is what it was when it was first seen, until somebody says so."""

import hashlib
import json
import re
from datetime import date
from pathlib import Path

import pytest

from camagain.downloads.checksum import check, read_ledger, record
from camagain.errors import UserError

CONTENT = b"plumage" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
OTHER = "0" * 64


@pytest.fixture
def target(tmp_path: Path) -> Path:
    target = tmp_path / "birds.pth"
    target.write_bytes(CONTENT)
    return target


def seen(target: Path, digest: str | None = None) -> str:
    return check(target, target, "https://example.org/birds.pth", None, digest, "Advice.")


def test_the_first_file_is_recorded_readably(target: Path) -> None:
    assert seen(target) == DIGEST
    ledger = target.with_name("ledger.json")
    entry = json.loads(ledger.read_text())["birds.pth"]
    assert date.fromisoformat(entry.pop("date"))
    assert entry == {"bytes": len(CONTENT), "sha256": DIGEST, "source": "https://example.org/birds.pth"}
    before = ledger.stat().st_mtime_ns
    assert seen(target) == DIGEST
    assert ledger.stat().st_mtime_ns == before


def test_a_changed_file_is_refused_until_its_entry_is_deleted(target: Path) -> None:
    seen(target)
    target.write_bytes(CONTENT[::-1])
    changed = hashlib.sha256(CONTENT[::-1]).hexdigest()
    with pytest.raises(UserError, match=r"when it was first seen .* Advice\. If the change is intended") as caught:
        seen(target)
    for part in (
        DIGEST,
        changed,
        "7000 bytes",
        "https://example.org",
        "'birds.pth'",
        str(target.parent / "ledger.json"),
    ):
        assert part in str(caught.value)
    target.with_name("ledger.json").write_text("{}")
    assert seen(target) == changed


def test_what_is_published_wins_over_what_was_recorded(target: Path) -> None:
    record(target, 5, OTHER, "elsewhere")
    assert seen(target, DIGEST) == DIGEST
    assert read_ledger(target.parent)["birds.pth"].sha256 == OTHER  # a full digest needs no ledger
    assert seen(target, DIGEST[:8]) == DIGEST
    assert read_ledger(target.parent)["birds.pth"].sha256 == DIGEST


def test_the_recorded_rest_of_a_digest_is_held_to_as_well(target: Path) -> None:
    record(target, 5, DIGEST[:8] + OTHER[8:], "elsewhere")
    with pytest.raises(UserError, match="when it was first seen"):
        seen(target, DIGEST[:8])


def test_other_entries_stay(target: Path) -> None:
    record(target.with_name("z.pth"), 1, OTHER, "a")
    record(target.with_name("a.pth"), 2, OTHER, "b")
    seen(target)
    assert list(json.loads(target.with_name("ledger.json").read_text())) == ["a.pth", "birds.pth", "z.pth"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not valid JSON"),
        ("[]", "'' is not as expected"),
        (
            '{"birds.pth": {"bytes": 1, "sha256": "x", "source": "s", "date": "d"}}',
            "'birds.pth.sha256' is not as expected",
        ),
    ],
)
def test_a_damaged_ledger_is_named_and_kept(target: Path, text: str, says: str) -> None:
    ledger = target.with_name("ledger.json")
    ledger.write_text(text)
    with pytest.raises(UserError, match=re.escape(says)) as caught:
        seen(target)
    assert str(ledger) in str(caught.value)
    assert ledger.read_text() == text
