"""Unpacking: a good archive appears whole, a bad one leaves nothing."""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from camagain.datasets import archive
from camagain.datasets.archive import unpack_tgz
from camagain.errors import UserError

PAYLOAD = b"".join(hashlib.sha256(bytes([i])).digest() for i in range(256))


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, 0o644
    info.size = len(PAYLOAD) if kind == tarfile.REGTYPE else 0
    return info


def tgz(*members: tarfile.TarInfo) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz", errors="surrogateescape") as tar:
        for info in members:
            tar.addfile(info, io.BytesIO(PAYLOAD))
    return file.getvalue()


GOOD = tgz(member("birds/images/a.jpg"), member("attributes.txt"))


def with_wrong_checksum() -> bytes:
    """The good archive whose gzip trailer does not belong to its content: only visible at the very end."""
    return GOOD[:-8] + bytes([GOOD[-8] ^ 1]) + GOOD[-7:]


def test_a_good_archive_appears_whole(tmp_path: Path) -> None:
    (tmp_path / "good.tgz").write_bytes(GOOD)
    unpack_tgz(tmp_path / "good.tgz", tmp_path / "data" / "out")
    files = {str(path.relative_to(tmp_path / "data")) for path in tmp_path.rglob("data/**/*") if path.is_file()}
    assert files == {"out/birds/images/a.jpg", "out/attributes.txt"}
    assert (tmp_path / "data/out/birds/images/a.jpg").read_bytes() == PAYLOAD


BAD = {
    "parent": (lambda: tgz(member("ok"), member("birds/../../evil")), r"'birds/../../evil' would be written outside"),
    "absolute": (lambda: tgz(member("ok"), member("/tmp/evil")), r"'/tmp/evil' would be written outside"),
    "symlink": (
        lambda: tgz(member("ok"), member("evil", tarfile.SYMTYPE, "../..")),
        r"'evil' is a link to '\.\./\.\.'",
    ),
    "hard link": (lambda: tgz(member("ok"), member("evil", tarfile.LNKTYPE, "/etc/passwd")), r"'evil' is a link to"),
    "device": (
        lambda: tgz(member("ok"), member("evil", tarfile.CHRTYPE)),
        r"'evil' is neither a plain file nor a folder",
    ),
    "pipe": (
        lambda: tgz(member("ok"), member("evil", tarfile.FIFOTYPE)),
        r"'evil' is neither a plain file nor a folder",
    ),
    "truncated": (lambda: GOOD[: len(GOOD) // 2], "damaged archive"),
    "trailer missing": (lambda: GOOD[:-8], "damaged archive"),
    "wrong checksum": (with_wrong_checksum, "damaged archive"),
    "not UTF-8": (lambda: tgz(member("ok"), member("v\udcf6gel")), r"'v\\udcf6gel' has a name that is not UTF-8"),
    "backslash": (lambda: tgz(member("ok"), member("a\\..\\b")), "a backslash"),
    "line break": (lambda: tgz(member("ok"), member("a\nb")), "a control character"),
    "sparse": (lambda: tgz(member("ok"), member("evil", tarfile.GNUTYPE_SPARSE)), "damaged archive|plain file"),
    "no tar": (lambda: gzip.compress(PAYLOAD), "damaged archive"),
    "no member": (lambda: tgz(), "holds no file"),
    "web page": (lambda: b"\n<!DOCTYPE html><title>Sign in</title>", "damaged archive"),
    "zip": (lambda: b"PK\x03\x04rest", "damaged archive"),
    "empty": (lambda: b"", "damaged archive"),
    "bomb": (lambda: gzip.compress(bytes(3 * 10**8), compresslevel=1), "holds more than"),
    "bomb behind the last member": (lambda: GOOD + gzip.compress(bytes(3 * 10**8), compresslevel=1), "holds more than"),
}


@pytest.mark.parametrize(("make", "message"), BAD.values(), ids=BAD.keys())
def test_a_bad_archive_is_refused_and_leaves_nothing(tmp_path: Path, make: Callable[[], bytes], message: str) -> None:
    file, data = tmp_path / "birds.tgz", tmp_path / "data"
    file.write_bytes(make())
    with pytest.raises(UserError, match=message) as caught:
        unpack_tgz(file, data / "out")
    assert str(file) in str(caught.value)
    assert not data.exists() or list(data.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir() if path != data) == ["birds.tgz"]


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "good.tgz").write_bytes(GOOD)
    monkeypatch.setattr(archive, "MOST_MEMBERS", 1)
    with pytest.raises(UserError, match="more than 1 files and folders"):
        unpack_tgz(tmp_path / "good.tgz", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["good.tgz"]
    monkeypatch.setattr(archive, "MOST_MEMBERS", 2)
    unpack_tgz(tmp_path / "good.tgz", tmp_path / "out")


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "good.tgz").write_bytes(GOOD)
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match="already exists"):
        unpack_tgz(tmp_path / "good.tgz", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_missing_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.tgz"):
        unpack_tgz(tmp_path / "absent.tgz", tmp_path / "out")
