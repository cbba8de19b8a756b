"""Downloads a file over HTTP such that only a complete, verified file ever has its final name.

While it arrives, `<name>.part` lies beside the target, and `<name>.part.json`, which says of what file it is a part.
"""

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from camagain.artifacts import read_json, write_json
from camagain.downloads.checksum import check
from camagain.errors import UserError
from camagain.locks import alone_in
from camagain.progress import progress

if TYPE_CHECKING:
    import httpx

    Locate = Callable[[httpx.Client, str], str]

LONGEST_PAUSE = 60.0
"""Most seconds between two attempts."""

MOST_BYTES = 2**33
"""8 GiB, the most that is received of a file whose size neither we nor the server know in advance. The largest file
that this project fetches has 1.4 GB."""


class Unreachable(UserError):
    """A source that gives no file: another one may be tried. Never raised for a wrong file."""


class Later(Exception):
    """An attempt failed in a way that the next may not; `pause` is how many seconds the server asks to wait."""

    def __init__(self, reason: str, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.pause = pause


class Refusal(Exception):
    """The server answered, and asking again will not help."""


def check_status(response: "httpx.Response") -> None:
    """Raises Later on a status that may pass and Refusal on one that will not."""
    status = f"{response.status_code} {response.reason_phrase}"
    if response.status_code in (408, 425, 429) or response.status_code >= 500:
        wait = response.headers.get("Retry-After", "")
        raise Later(f"the server answered {status}", float(wait) if wait.isdigit() else 0.0)
    if response.status_code not in (200, 206, 416):
        raise Refusal(f"the server answered {status}, expected the file.")


def is_web_page(response: "httpx.Response") -> bool:
    """True for an answer that a person would read in a browser."""
    return response.headers.get("Content-Type", "").startswith("text/html")


def first_byte(response: "httpx.Response") -> int | None:
    """Where a partial answer begins, from "Content-Range: bytes 100-199/200"."""
    first = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(first) if first.isdigit() else None


def fetch(
    url: str,
    target: Path,
    size: int | None = None,
    sha256: str | None = None,
    *,
    begins: Sequence[bytes] = (),
    locate: "Locate | None" = None,
    attempts: int = 5,
    pause: float = 1.0,
    timeout: float = 30.0,
) -> str:
    """The SHA-256 of `target`, after downloading it from `url` unless it is there already, and checking it.

    A file that lies at `target` beforehand, put there by hand or by an earlier call, goes through the same checks (see
    `checksum.check`, also for `begins`) and the network is left alone. Where `url` is a page for people, `locate` asks
    the server for the address of the file behind it. An interrupted download goes on where it stopped if the server
    still has the same file. It gives up after `attempts` failures in a row without a new byte, pausing `pause` seconds
    after the first and twice as long after each further one; `timeout` is the longest silence of the server in seconds.
    Raises Unreachable where the server has no file to give, and any other UserError for a wrong file.
    """
    target = Path(target)
    if target.is_dir():
        raise UserError(f"{target}: is a folder, expected a file. Move it away or give another downloads folder.")
    by_hand = f"Or download {url} by other means and put it at {target}."
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with alone_in(target.parent):
            if target.exists():
                advice = f"Delete it to have it downloaded, or put the right file there (from {url})."
                found_here = f"found in the folder; published at {url}"
                return check(target, target, found_here, size, sha256, advice, begins)
            part = _part(target)
            _download(url, part, size, locate, by_hand, attempts, pause, timeout)
            try:
                digest = check(part, target, url, size, sha256, f"It was deleted. Try again. {by_hand}", begins)
            except UserError:
                _discard(part)
                raise
            part.replace(target)
            _discard(part)
            return digest
    except OSError as error:
        raise UserError(f"{target}: cannot be written ({error}). Mend that or give another downloads folder.") from None


def _part(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def _stamp(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _stamp(part).unlink(missing_ok=True)


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _download(
    url: str,
    part: Path,
    size: int | None,
    locate: "Locate | None",
    by_hand: str,
    attempts: int,
    pause: float,
    timeout: float,
) -> None:
    """Attempts until `part` is complete."""
    import httpx

    most, failures = _length(part), 0
    headers = {"Accept-Encoding": "identity"}  # the digest is that of the stored file
    with httpx.Client(follow_redirects=True, timeout=timeout, headers=headers) as client:
        while True:
            try:
                return _attempt(client, url, part, size, locate, by_hand)
            except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.TooManyRedirects) as error:
                raise Unreachable(f"{url}: not a usable address ({error}). Correct it. {by_hand}") from None
            except Refusal as error:
                raise Unreachable(f"{url}: {error} Check the address. {by_hand}") from None
            except (httpx.TransportError, Later) as error:
                reason = str(error) or type(error).__name__
                wait = error.pause if isinstance(error, Later) else 0.0
            # A server that restarts and is cut at the same place makes no progress, however many bytes it sends.
            failures = 1 if _length(part) > most else failures + 1
            most = max(most, _length(part))
            if failures >= attempts:
                raise Unreachable(
                    f"{url}: the download failed {failures} times in a row at {_length(part)} bytes: {reason}. What "
                    f"has arrived is kept; check the connection and run again to go on. {by_hand}"
                )
            time.sleep(min(max(wait, pause * 2 ** (failures - 1)), LONGEST_PAUSE))


def _attempt(
    client: "httpx.Client", url: str, part: Path, size: int | None, locate: "Locate | None", by_hand: str
) -> None:
    """One request; it continues after the bytes of `part` if the server still has the same file."""
    have, headers = _resume(url, part)
    if size is not None and have == size:
        return
    with client.stream("GET", locate(client, url) if locate else url, headers=headers) as response:
        if response.status_code == 416 and response.headers.get("Content-Range") == f"bytes */{have}":
            return  # everything had arrived
        check_status(response)
        resumed = response.status_code == 206
        if response.status_code == 416 or (resumed and first_byte(response) != have):
            _discard(part)
            raise Later(f"the server cannot continue at byte {have}")
        if is_web_page(response):
            raise Refusal("the server sent a web page, expected the file.")
        have = have if resumed else 0
        length = response.headers.get("Content-Length", "")
        total = have + int(length) if length.isdigit() else None
        if size is not None and total is not None and total != size:
            raise UserError(f"{url}: the server's file has {total} bytes, expected {size}. {by_hand}")
        _check_room(part, (total or size or 0) - have)
        _receive(response, url, part, have, total or size, by_hand)
    if _length(part) < (total or size or 0):
        raise Later(f"the connection closed after {_length(part)} of {total or size} bytes")


def _resume(url: str, part: Path) -> tuple[int, dict[str, str]]:
    """How many bytes can be kept, and the headers that ask for the others on condition that the file is the same."""
    have = _length(part)
    try:
        stamp = read_json(_stamp(part)) if have else {}
    except UserError:
        stamp = {}
    if not have or stamp.get("url") != url or not stamp.get("validator"):
        return 0, {}
    return have, {"Range": f"bytes={have}-", "If-Range": stamp["validator"]}


def _check_room(part: Path, missing: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if missing > free:
        raise UserError(
            f"{part.parent}: {free / 1e6:.0f} MB free, but the download needs {missing / 1e6:.0f} MB more. Make room "
            "or give another downloads folder."
        )


def _receive(response: "httpx.Response", url: str, part: Path, have: int, total: int | None, by_hand: str) -> None:
    """Appends the answer's bytes to the first `have` bytes of `part`; UserError where there are more than expected."""
    most = total or MOST_BYTES
    expected = "no more" if total else "a smaller file"
    with (
        open(part, "ab" if have else "wb") as file,
        progress(f"downloading {part.stem}", total, have, "bytes") as advance,
    ):
        if not have:
            # Only after the old bytes are gone, so that a stamp never vouches for bytes of another version. A weak
            # ETag may be shared by files that differ in bytes, so it does not count.
            etag = response.headers.get("ETag", "")
            strong = etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified")
            write_json(_stamp(part), {"url": url, "validator": strong})
        # No chunk size: httpx would hold bytes back to fill a chunk, and lose them when the connection breaks.
        for chunk in response.iter_raw():
            have += len(chunk)
            if have > most:
                _discard(part)
                raise UserError(f"{url}: the server sends more than {most:,} bytes, expected {expected}. {by_hand}")
            file.write(chunk)
            advance(len(chunk))
