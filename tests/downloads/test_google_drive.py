"""Google Drive's pages before a file, played by a server on this machine."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from camagain.downloads import Patience, Unreachable, fetch
from camagain.downloads.google_drive import file_id, locate

CONTENT = b"PK\x03\x04" + b"weights " * 20_000
PAGE = "https://drive.google.com/file/d/1Abc-def_2/view"
FORM = """<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head><body>
<p class="uc-warning-caption">Google Drive can't scan this file for viruses.</p>
<form id="download-form" action="{action}" method="get"><input type="submit" value="Download anyway"/>
<input type="hidden" name="id" value="1Abc-def_2"><input type="hidden" name="export" value="download">
<input type="hidden" name="confirm" value="t"><input type="hidden" name="uuid" value="6f&amp;1"></form></body></html>"""
QUOTA = """<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head><body>
<p class="uc-error-caption">Sorry, you can't view or download this file at this time.</p>
<p class="uc-error-subcaption">Too many users have viewed or downloaded this file recently.</p></body></html>"""
SIGN_IN = "<!DOCTYPE html><html><head><title>Sign in - Google Accounts</title></head><body>Email</body></html>"


@dataclass
class Drive:
    """What stands between the first request and the file, and what was asked."""

    host: str = ""
    mode: str = "form"  # or direct, quota, sign-in, quota-after-form, forms
    action: str = ""
    statuses: list[int] = field(default_factory=list)  # answered first, one request each
    cuts: list[int] = field(default_factory=list)  # bytes after which the file breaks off, one answer each
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)

    def answer(self, query: dict[str, list[str]]) -> str | None:
        """The page that comes instead of the file, if any."""
        confirmed = query.get("uuid") == ["6f&1"] and query.get("confirm") == ["t"]
        if query.get("id") != ["1Abc-def_2"] or self.mode == "sign-in":
            return SIGN_IN
        if self.mode == "quota" or (self.mode == "quota-after-form" and confirmed):
            return QUOTA
        if self.mode == "forms" or (self.mode != "direct" and not confirmed):
            return FORM.format(action=self.action or f"{self.host}/download")
        return None


@pytest.fixture
def drive(serve: Callable[[type], str]) -> Drive:
    state = Drive()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            state.asked.append(query)
            state.ranges.append(self.headers.get("Range"))
            if state.statuses:
                self.send_response(state.statuses.pop(0))
                self.end_headers()
                return
            page = state.answer(query)
            if page is not None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(page.encode())
                return
            first, _, last = (self.headers.get("Range") or "bytes=-").removeprefix("bytes=").partition("-")
            body = CONTENT[int(first or 0) : int(last) + 1 if last else None]
            self.send_response(206 if first else 200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(CONTENT)}")
            self.send_header("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: state.cuts.pop(0)] if state.cuts and not last else body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    state.host = serve(Handler)
    return state


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "birds.pth"


def get(drive: Drive, target: Path, **options: Any) -> str:
    host = partial(locate, host=drive.host)
    return fetch(
        PAGE, target, begins=[b"PK"], locate=host, patience=Patience(**{"pause": 0.001, "timeout": 5.0, **options})
    )


@pytest.mark.parametrize("action", ["", "/download"])
@pytest.mark.parametrize("mode", ["direct", "form"])
def test_the_file_comes_through_the_form_or_without(drive: Drive, target: Path, mode: str, action: str) -> None:
    drive.mode, drive.action = mode, action
    assert get(drive, target) == hashlib.sha256(CONTENT).hexdigest()
    assert target.read_bytes() == CONTENT
    assert drive.asked[0] == {"id": ["1Abc-def_2"], "export": ["download"]}
    assert len(drive.asked) == (2 if mode == "direct" else 3)


def test_a_cut_file_goes_on_where_it_stopped_even_in_a_later_call(drive: Drive, target: Path) -> None:
    drive.cuts = [50_000, 30_000]
    with pytest.raises(Unreachable, match="failed 1 times"):
        get(drive, target, attempts=1)
    get(drive, target)
    assert target.read_bytes() == CONTENT
    assert [wanted for wanted in drive.ranges if wanted != "bytes=0-0"] == [None, "bytes=50000-", "bytes=80000-"]


@pytest.mark.parametrize("mode", ["quota", "quota-after-form"])
def test_an_exhausted_quota_is_explained_with_the_way_by_hand(drive: Drive, target: Path, mode: str) -> None:
    drive.mode = mode
    with pytest.raises(Unreachable, match="too many people download") as caught:
        get(drive, target)
    message = str(caught.value)
    assert "Too many users have viewed or downloaded this file recently." in message
    assert "Try again after a day" in message and f"download {PAGE} by other means and put it at {target}" in message
    assert not target.exists()


@pytest.mark.parametrize(
    ("mode", "says"), [("sign-in", "it says: 'Sign in - Google Accounts'"), ("forms", "3 forms in a row")]
)
def test_other_pages_are_refused(drive: Drive, target: Path, mode: str, says: str) -> None:
    drive.mode = mode
    with pytest.raises(Unreachable, match=says):
        get(drive, target)
    assert not target.exists()
    assert len(drive.asked) <= 3


def test_passing_trouble_is_retried_and_lasting_is_not(drive: Drive, target: Path) -> None:
    drive.statuses = [503, 429]
    get(drive, target)
    assert target.exists()
    target.unlink()
    drive.statuses = [404]
    with pytest.raises(Unreachable, match="answered 404"):
        get(drive, target)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (PAGE, "1Abc-def_2"),
        (f"{PAGE}?usp=sharing", "1Abc-def_2"),
        ("https://drive.google.com/file/d/1Abc-def_2", "1Abc-def_2"),
        ("https://drive.google.com/drive/folders/1Abc", None),
        ("https://example.org/file/d/1Abc/view", None),
    ],
)
def test_the_id_is_read_from_the_page_address(url: str, found: str | None) -> None:
    assert file_id(url) == found
