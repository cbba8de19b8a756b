"""Downloads a file over HTTP such that only a complete, verified file ever has its final name.

While it arrives, `<name>.part` lies beside the target, and `<name>.part.json`, which says of what file it is a part.
"""

import random
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING

from camagain.artifacts import read_json, write_json
from camagain.downloads.checksum import check
from camagain.errors import UserError
from camagain.locks import alone_in
from camagain.progress import progress

if TYPE_CHECKING:
    from types import ModuleType

    import httpx

    Locate = Callable[[httpx.Client, str], str]

LONGEST_PAUSE = 60.0
"""Most seconds between two attempts, unless the server asks for more."""

LONGEST_ASKED = 600.0
"""A server that asks for a longer pause, in seconds, is left for today. Servers under load ask for seconds or minutes;
whoever asks for hours has a quota, and a job that waits for it holds a GPU that does nothing."""

MOST_ASKED = 1800.0
"""Most seconds of all the pauses together that a server asks for during one download, also where bytes come in between.
Half an hour is longer than a restart or a burst of visitors; beyond it a person should know."""

JITTER = 0.25
"""Pauses are longer or shorter by up to this share, so that many machines do not come back in the same second."""

MOST_BYTES = 2**33
"""8 GiB, the most that is received of a file whose size neither we nor the server know in advance. The largest file
that this project fetches has 1.4 GB."""


@dataclass(frozen=True)
class Patience:
    """How long a download is tried.

    It ends after `attempts` failures in a row without a new byte. The first pause has `pause` seconds, and each further
    one twice as many, up to LONGEST_PAUSE: 10 attempts spread over at least 3 minutes. `timeout` is the longest silence
    of the server in seconds, `asked` the most seconds of all the pauses together that it asks for.
    """

    attempts: int = 10
    pause: float = 1.0
    timeout: float = 30.0
    asked: float = MOST_ASKED
    sleep: Callable[[float], None] = time.sleep

    def seconds(self, failures: int) -> float:
        """The pause after so many failures in a row."""
        jitter = random.uniform(1 - JITTER, 1 + JITTER)
        return min(self.pause * 2 ** (failures - 1), LONGEST_PAUSE) * jitter


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
        raise Later(f"the server answered {status}", retry_after(response.headers.get("Retry-After", "")))
    if response.status_code not in (200, 206, 416):
        raise Refusal(f"the server answered {status}, expected the file.")


def retry_after(header: str) -> float:
    """How many seconds a server asks to wait, which it may say as seconds or as a date; 0 where it says neither."""
    if header.isascii() and header.isdigit():
        return float(header)
    try:
        date = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return 0.0
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


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
    patience: Patience = Patience(),  # frozen
) -> str:
    """The SHA-256 of `target`, after downloading it from `url` unless it is there already, and checking it.

    A file that lies at `target` beforehand, put there by hand or by an earlier call, goes through the same checks (see
    `checksum.check`, also for `begins`) and the network is left alone. Where `url` is a page for people, `locate` asks
    the server for the address of the file behind it. An interrupted download goes on where it stopped if the server
    still has the same file. Raises Unreachable where the server has no file to give, and any other UserError for a
    wrong file.
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
            _download(_Download(url, part, size, bool(sha256), locate, by_hand), patience)
            try:
                digest = check(part, target, url, size, sha256, f"It was deleted. Try again. {by_hand}", begins)
            except UserError:
                _discard(part)
                raise
            part.replace(target)
            _discard(part)
            return digest
    except OSError as error:
        raise UserError(
            f"{target}: cannot be read or written ({error}). Mend that or give another downloads folder."
        ) from None


@dataclass(frozen=True)
class _Download:
    """One file on its way: where from, where to, and what is known of it."""

    url: str
    part: Path
    size: int | None
    has_digest: bool
    locate: "Locate | None"
    by_hand: str


def _part(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def _stamp(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _stamp(part).unlink(missing_ok=True)


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _download(wanted: _Download, patience: Patience) -> None:
    """Attempts until the file is complete."""
    import httpx

    url, part = wanted.url, wanted.part
    most, failures, waited = _length(part), 0, 0.0
    with _client(httpx, patience) as client:
        while True:
            try:
                return _attempt(client, wanted)
            except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.TooManyRedirects) as error:
                raise Unreachable(f"{url}: not a usable address ({error}). Correct it. {wanted.by_hand}") from None
            except Refusal as error:
                raise Unreachable(f"{url}: {error} Check the address. {wanted.by_hand}") from None
            except (httpx.RequestError, Later) as error:
                reason = str(error) or type(error).__name__
                asked = error.pause if isinstance(error, Later) else 0.0
            # A server that restarts and is cut at the same place makes no progress, however many bytes it sends.
            failures = 1 if _length(part) > most else failures + 1
            most = max(most, _length(part))
            waited += asked
            if asked > LONGEST_ASKED or waited > patience.asked:
                raise Unreachable(
                    f"{url}: {reason} and asks to wait {_minutes(asked)} ({_minutes(waited)} with earlier pauses), but "
                    f"at most {_minutes(LONGEST_ASKED)} at once and {_minutes(patience.asked)} in all are waited. Run "
                    f"again later ({_resumed(url, part)}) or take the file from another address. {wanted.by_hand}"
                )
            if failures >= patience.attempts:
                raise Unreachable(
                    f"{url}: the download failed {failures} times in a row at {_length(part)} bytes: {reason}. Check "
                    f"the connection and run again; {_resumed(url, part)}. {wanted.by_hand}"
                )
            seconds = max(asked, patience.seconds(failures))
            print(
                f"{part.stem}: {reason}; attempt {failures + 1} of {patience.attempts} in {seconds:.0f} s"
                f"{', as the server asks' if seconds == asked else ''}",
                file=sys.stderr,
                flush=True,
            )
            patience.sleep(seconds)


def _client(httpx: "ModuleType", patience: Patience) -> "httpx.Client":
    """A client that goes by the environment's proxies; UserError where one of them is no address."""
    # What is stored is the file itself, and the digest is that of the file.
    headers = {"Accept-Encoding": "identity"}
    try:
        return httpx.Client(follow_redirects=True, timeout=patience.timeout, headers=headers)
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        raise UserError(
            f"the proxy that HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names cannot be used ({error}); expected an address "
            "such as http://proxy.example.org:3128. Correct the variable or unset it."
        ) from None


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:,.0f} minutes"


def _resumed(url: str, part: Path) -> str:
    """What a later call makes of the bytes that have arrived; those that it cannot use are deleted."""
    have, _ = _resume(url, part)
    if have:
        return "these bytes are kept, and the server is asked to go on from there"
    lost = ", because the server cannot continue a download" if _length(part) else ""
    _discard(part)
    return f"it begins anew{lost}"


def _attempt(client: "httpx.Client", wanted: _Download) -> None:
    """One request; it continues after the bytes that have arrived if the server still has the same file."""
    url, part, size = wanted.url, wanted.part, wanted.size
    have, headers = _resume(url, part)
    if size is not None and have == size:
        return
    with client.stream("GET", wanted.locate(client, url) if wanted.locate else url, headers=headers) as response:
        if response.status_code == 416 and response.headers.get("Content-Range") == f"bytes */{have}":
            return  # everything had arrived
        check_status(response)
        resumed = response.status_code == 206
        if response.status_code == 416 or (resumed and first_byte(response) != have):
            _discard(part)
            raise Later(f"the server cannot continue at byte {have}")
        if is_web_page(response):
            raise Refusal("the server sent a web page, expected the file.")
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            raise Refusal(
                f"the server sent the file packed once more (Content-Encoding: {encoding}), expected it as it is."
            )
        have = have if resumed else 0
        length = response.headers.get("Content-Length", "")
        total = have + int(length) if length.isdigit() else None
        if size is not None and total is not None and total != size:
            raise UserError(f"{url}: the server's file has {total} bytes, expected {size}. {wanted.by_hand}")
        if not (size or total or wanted.has_digest or "Transfer-Encoding" in response.headers):
            raise Refusal(
                "the server does not say how long the file is, so that a part of it could pass for all of it."
            )
        _check_room(part, (total or size or 0) - have)
        _receive(response, wanted, have, total or size, _validator(response, headers))
    if _length(part) < (total or size or 0):
        raise Later(f"the connection closed after {_length(part)} of {total or size} bytes")


def _validator(response: "httpx.Response", asked: Mapping[str, str]) -> str | None:
    """What tells this version of the file from others, for continuing it; None where the server cannot continue it."""
    # A weak ETag may be shared by files that differ in bytes, so it does not count.
    etag = response.headers.get("ETag", "")
    strong = etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified")
    ignores_ranges = response.status_code == 200 and strong is not None and asked.get("If-Range") == strong
    return None if ignores_ranges else strong


def _resume(url: str, part: Path) -> tuple[int, dict[str, str]]:
    """How many bytes can be kept, and the headers that ask for the others on condition that the file is the same."""
    have = _length(part)
    try:
        stamp = read_json(_stamp(part)) if have else {}
    except UserError:
        stamp = {}
    validator = stamp.get("validator") if isinstance(stamp, dict) and stamp.get("url") == url else None
    if not isinstance(validator, str) or not validator:
        return 0, {}
    return have, {"Range": f"bytes={have}-", "If-Range": validator}


def _check_room(part: Path, missing: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if missing > free:
        raise UserError(
            f"{part.parent}: {free / 1e6:.0f} MB free, but the download needs {missing / 1e6:.0f} MB more. Make room "
            "or give another downloads folder."
        )


def _receive(
    response: "httpx.Response", wanted: _Download, have: int, total: int | None, validator: str | None
) -> None:
    """Appends the answer's bytes to the first `have` that are there; UserError where there are more than expected."""
    part, most = wanted.part, total or MOST_BYTES
    expected = "no more" if total else "a smaller file"
    with (
        open(part, "ab" if have else "wb") as file,
        progress(f"downloading {part.stem}", total, have, "bytes") as advance,
    ):
        if not have:
            # Only after the old bytes are gone, so that a stamp never vouches for bytes of another version.
            write_json(_stamp(part), {"url": wanted.url, "validator": validator})
        # No chunk size: httpx would hold bytes back to fill a chunk, and lose them when the connection breaks.
        for chunk in response.iter_raw():
            have += len(chunk)
            if have > most:
                _discard(part)
                raise UserError(
                    f"{wanted.url}: the server sends more than {most:,} bytes, expected {expected}. {wanted.by_hand}"
                )
            file.write(chunk)
            advance(len(chunk))
