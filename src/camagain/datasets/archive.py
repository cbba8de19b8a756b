"""Unpacks a .tgz such that a malicious or damaged archive leaves nothing behind."""

import gzip
import shutil
import tarfile
import tempfile
import zlib
from pathlib import Path, PurePosixPath

from camagain.artifacts import existing
from camagain.errors import UserError
from camagain.progress import progress

DRAIN_BYTES = 2**20


def unpack_tgz(archive: Path, folder: Path) -> None:
    """Makes `folder` with the files of a gzip-compressed tar archive in it; it appears complete or not at all.

    Refused with a UserError: an existing `folder`; a file that is no gzip archive; a damaged, truncated or empty
    archive; and a member that is no plain file or folder (links and devices, which a dataset has no use for) or whose
    path is absolute or contains "..".
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
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{archive}: damaged archive ({error}). Delete it and download it again.") from None
    except OSError as error:
        raise UserError(f"{folder}: cannot unpack {archive.name} there ({error}). Make room or mend that.") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _extract(archive: Path, folder: Path) -> None:
    """Extracts member by member, and reads the archive to its end so that gzip's checksum is verified."""
    files = read = 0
    with (
        progress(f"unpacking {archive.name}", archive.stat().st_size, unit="bytes") as advance,
        open(archive, "rb") as raw,
        gzip.open(raw) as stream,
    ):
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            for member in tar:
                _refuse_member(archive, member)
                tar.extract(member, folder, filter="data")
                files += member.isfile()
                advance(raw.tell() - read)
                read = raw.tell()
        while stream.read(DRAIN_BYTES):
            pass
    if not files:
        raise UserError(f"{archive}: the archive holds no file. Delete it and download it again.")


def _refuse_member(archive: Path, member: tarfile.TarInfo) -> None:
    """Raises UserError for a member that would reach outside the folder or is neither file nor folder."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        fault = "would be written outside the folder"
    elif member.issym() or member.islnk():
        fault = f"is a link to '{member.linkname}'"
    elif not member.isfile() and not member.isdir():
        fault = "is neither a file nor a folder"
    else:
        return
    raise UserError(
        f"{archive}: member '{member.name}' {fault}; expected plain files and folders. Nothing was unpacked; do "
        "not use this archive."
    )
