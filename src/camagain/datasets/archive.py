"""Unpacks a .tgz such that a malicious or damaged archive leaves nothing behind."""

import gzip
import io
import shutil
import tarfile
import tempfile
import zlib
from pathlib import Path, PurePosixPath

from camagain.artifacts import existing
from camagain.errors import UserError
from camagain.progress import progress

DRAIN_BYTES = 2**20

SPARE_BYTES = 10**8
GROWTH = 10
"""An archive may hold 100 MB and ten times its own size. Photographs do not shrink when they are packed, so that no
dataset comes near this; 300 MB of zeroes fit into 0.3 MB."""

MOST_MEMBERS = 10**6
"""Files and folders. CUB-200-2011 has 12,000; a million of empty ones fit into 5 MB and take every inode of a disk."""


def unpack_tgz(archive: Path, folder: Path) -> None:
    """Makes `folder` with the files of a gzip-compressed tar archive in it; it appears complete or not at all.

    Refused with a UserError: an existing `folder`; a file that is no gzip archive; a damaged, truncated or empty
    archive; one that holds more bytes than `SPARE_BYTES` and `GROWTH` allow, or more than `MOST_MEMBERS`; and a member
    that is no plain file or folder (links and devices, which a dataset has no use for), whose path is absolute or
    contains "..", or whose name not every system can have (no UTF-8, control characters, backslashes).
    """
    archive, folder = Path(archive), Path(folder)
    if folder.exists():
        raise UserError(f"{folder}: already exists; move it away before {archive.name} is unpacked there.")
    existing(archive)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        _extract(archive, temporary)
        temporary.chmod(0o755)
        temporary.rename(folder)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError, OverflowError) as error:
        raise UserError(f"{archive}: damaged archive ({error}). Delete it and download it again.") from None
    except OSError as error:
        raise UserError(f"{folder}: cannot unpack {archive.name} there ({error}). Make room or mend that.") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _extract(archive: Path, folder: Path) -> None:
    """Extracts member by member, and reads the archive to its end so that gzip's checksum is verified."""
    files = members = read = 0
    with (
        progress(f"unpacking {archive.name}", archive.stat().st_size, unit="bytes") as advance,
        open(archive, "rb") as raw,
        gzip.open(raw) as stream,
    ):
        bounded = _Bounded(stream, archive)
        with tarfile.open(fileobj=bounded, mode="r|") as tar:
            for member in tar:
                _refuse_member(archive, member)
                members += 1
                if members > MOST_MEMBERS:
                    raise UserError(
                        f"{archive}: it holds more than {MOST_MEMBERS:,} files and folders; expected a dataset. "
                        "Nothing was unpacked; do not use this archive."
                    )
                tar.extract(member, folder, filter="data")
                files += member.isfile()
                advance(raw.tell() - read)
                read = raw.tell()
        while bounded.read(DRAIN_BYTES):
            pass
    if not files:
        raise UserError(f"{archive}: the archive holds no file. Delete it and download it again.")


class _Bounded(io.RawIOBase):
    """What an archive holds, read until it is more than an archive of its size may hold; then UserError."""

    def __init__(self, stream: gzip.GzipFile, archive: Path) -> None:
        super().__init__()
        self.stream, self.archive = stream, archive
        self.left = self.most = SPARE_BYTES + GROWTH * archive.stat().st_size

    def read(self, size: int = -1) -> bytes:
        content = self.stream.read(size)
        self.left -= len(content)
        if self.left < 0:
            raise UserError(
                f"{self.archive}: it holds more than {self.most / 1e6:,.0f} MB, {GROWTH} times its own size and "
                f"{SPARE_BYTES / 1e6:.0f} MB; expected a dataset. Nothing was unpacked; do not use this archive."
            )
        return content


def _refuse_member(archive: Path, member: tarfile.TarInfo) -> None:
    """Raises UserError for a member that would reach outside the folder or is neither file nor folder."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        fault = "would be written outside the folder"
    elif member.issym() or member.islnk():
        fault = f"is a link to '{member.linkname}'"
    elif member.issparse() or not (member.isfile() or member.isdir()):
        fault = "is neither a plain file nor a folder"
    elif not member.name.isprintable() or "\\" in member.name:
        fault = "has a name that is not UTF-8, or with a control character or a backslash"
    else:
        return
    raise UserError(
        f"{archive}: member {member.name!r} {fault}; expected plain files and folders. Nothing was unpacked; do "
        "not use this archive."
    )
