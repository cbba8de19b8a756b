"""Downloads against a server on this machine that can cut, refuse, forget and lie."""

import hashlib
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from camagain.downloads import Patience, Unreachable, fetch, http
from camagain.errors import UserError

CONTENT = b"".join(hashlib.sha256(bytes([i // 256, i % 256])).digest() for i in range(4096))  # 128 KiB
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Server:
    """What the server serves and how, and what it saw."""

    url: str = ""
    content: bytes = CONTENT
    content_type: str = "application/gzip"
    etag: str | None = '"v1"'
    ranges: bool = True
    length: bool = True  # whether it says how long the file is
    headers: dict[str, str] = field(default_factory=dict)  # of every answer
    silence: list[float] = field(default_factory=list)  # seconds of it in the middle of an answer, one request each
    location: str = "/moved"  # where redirects lead
    redirects: int = 0  # answered before anything else, as the publisher of CUB-200-2011 does
    statuses: list[int] = field(default_factory=list)  # answered first, one request each
    cuts: list[int] = field(default_factory=list)  # bytes after which an answer breaks off, one request each
    requests: list[dict[str, str]] = field(default_factory=list)
    sent: int = 0

    def asked_ranges(self) -> list[str | None]:
        return [request.get("Range") for request in self.requests]


@pytest.fixture
def server(serve: Callable[[type], str]) -> Server:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            state.requests.append(dict(self.headers))
            self.close_connection = True
            if "moved" not in self.path and state.redirects:
                state.redirects -= 1
                state.requests.pop()
                self.send_response(302)
                self.send_header("Location", state.location)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if state.statuses:
                self.send_response(state.statuses.pop(0))
                for name, value in state.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            first, wanted = 0, self.headers.get("Range")
            if wanted and state.ranges and self.headers.get("If-Range", state.etag) == state.etag:
                first = int(wanted.removeprefix("bytes=").removesuffix("-"))
                if first >= len(state.content):
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(state.content)}")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
            body = state.content[first:]
            self.send_response(206 if first else 200)
            if first:
                self.send_header("Content-Range", f"bytes {first}-{len(state.content) - 1}/{len(state.content)}")
            if state.etag:
                self.send_header("ETag", state.etag)
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", state.content_type)
            if state.length:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            part = body[: state.cuts.pop(0)] if state.cuts else body
            if state.silence:
                state.sent += 50_000
                self.wfile.write(part[:50_000])
                self.wfile.flush()
                time.sleep(state.silence.pop(0))
                return
            state.sent += len(part)  # before the client can have all of it and look
            self.wfile.write(part)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    state.url = f"{serve(Handler)}/files/birds.tgz?download=1"
    return state


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "downloads" / "birds.tgz"


def get(
    server: Server, target: Path, size: int | None = len(CONTENT), sha256: str | None = DIGEST, **options: Any
) -> str:
    names = ("attempts", "pause", "timeout", "sleep")
    patience = Patience(
        **{"pause": 0.001, "timeout": 5.0, **{key: options.pop(key) for key in names if key in options}}
    )
    return fetch(server.url, target, size, sha256, patience=patience, **options)


def names(folder: Path) -> list[str]:
    """What lies in the folder, but for the lock, which is empty and may stay."""
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock") if folder.exists() else []


def test_download_leaves_the_file_and_nothing_else(server: Server, target: Path) -> None:
    assert get(server, target) == DIGEST
    assert target.read_bytes() == CONTENT
    assert names(target.parent) == ["birds.tgz"]
    assert server.asked_ranges() == [None]


@pytest.mark.parametrize("redirects", [0, 3])
def test_a_cut_download_goes_on_where_it_stopped(server: Server, target: Path, redirects: int) -> None:
    server.cuts, server.redirects = [50_000, 30_000], redirects
    assert get(server, target) == DIGEST
    assert target.read_bytes() == CONTENT
    assert server.asked_ranges() == [None, "bytes=50000-", "bytes=80000-"]
    assert server.requests[1]["If-Range"] == '"v1"'
    assert server.sent == len(CONTENT)


def test_a_later_call_goes_on_as_well(server: Server, target: Path) -> None:
    server.cuts = [50_000]
    with pytest.raises(
        UserError, match=r"failed 1 times in a row at 50000 bytes.*bytes are kept, and the server"
    ) as caught:
        get(server, target, attempts=1)
    assert str(target) in str(caught.value)
    assert names(target.parent) == ["birds.tgz.part", "birds.tgz.part.json"]
    assert get(server, target) == DIGEST
    assert server.asked_ranges() == [None, "bytes=50000-"]
    assert names(target.parent) == ["birds.tgz"]


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_a_complete_part_is_not_fetched_again(server: Server, target: Path, size: int | None) -> None:
    server.cuts = [50_000]
    with pytest.raises(UserError):
        get(server, target, attempts=1)
    target.with_name("birds.tgz.part").write_bytes(CONTENT)
    assert get(server, target, size) == DIGEST
    assert server.sent == 50_000
    assert len(server.requests) == (1 if size else 2)


@pytest.mark.parametrize(
    "why", ["no ranges", "file replaced", "no validator", "weak etag", "part too long", "other url"]
)
def test_what_cannot_be_continued_starts_anew(server: Server, target: Path, why: str) -> None:
    old = bytes(len(CONTENT))
    server.content, server.cuts, server.ranges = old, [50_000], why != "no ranges"
    server.etag = {"no validator": None, "weak etag": 'W/"v1"'}.get(why, '"v1"')
    with pytest.raises(UserError):
        get(server, target, attempts=1)
    server.content = CONTENT
    if why == "file replaced":
        server.etag = '"v2"'
    if why == "part too long":
        target.with_name("birds.tgz.part").write_bytes(old + old)
    if why == "other url":
        server.url += "&mirror=2"
    assert get(server, target) == DIGEST
    assert names(target.parent) == ["birds.tgz"]


def test_a_server_that_always_restarts_and_breaks_is_given_up(server: Server, target: Path) -> None:
    server.ranges, server.cuts = False, [50_000] * 100
    with pytest.raises(UserError, match="failed 3 times in a row"):
        get(server, target, attempts=3)
    assert len(server.requests) <= 4


def test_progress_resets_the_count_of_failures(server: Server, target: Path) -> None:
    server.cuts = [10_000] * 8
    assert get(server, target, attempts=2) == DIGEST


@pytest.mark.parametrize("status", [500, 503, 429])
def test_passing_trouble_is_retried(server: Server, target: Path, status: int) -> None:
    server.statuses = [status, status]
    assert get(server, target) == DIGEST
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [404, 403, 410, 418])
def test_lasting_trouble_is_not_retried(server: Server, target: Path, status: int) -> None:
    server.statuses = [status] * 5
    with pytest.raises(Unreachable, match=f"answered {status} ") as caught:
        get(server, target)
    assert len(server.requests) == 1
    assert server.url in str(caught.value) and f"put it at {target}" in str(caught.value)


def test_an_absent_server_is_reported(server: Server, target: Path) -> None:
    url = "http://127.0.0.1:9/birds.tgz"  # the discard port, where nothing listens
    with pytest.raises(Unreachable, match=r"failed 2 times in a row at 0 bytes") as caught:
        fetch(url, target, patience=Patience(attempts=2, pause=0.001))
    assert f"put it at {target}" in str(caught.value)


@pytest.mark.parametrize("url", ["birds.tgz", "ftp://127.0.0.1/birds.tgz", "http://127.0.0.1:port/birds.tgz"])
def test_a_nonsensical_url_is_reported(target: Path, url: str) -> None:
    with pytest.raises(Unreachable, match="not a usable address"):
        fetch(url, target, patience=Patience(attempts=1))


def test_a_wrong_digest_deletes_the_file(server: Server, target: Path) -> None:
    server.content = bytes(len(CONTENT))
    with pytest.raises(UserError, match=r"found SHA-256 .*, expected .*It was deleted\. Try again") as caught:
        get(server, target)
    assert hashlib.sha256(server.content).hexdigest() in str(caught.value) and DIGEST in str(caught.value)
    assert names(target.parent) == []


def test_a_wrong_size_is_refused_before_it_is_sent(server: Server, target: Path) -> None:
    with pytest.raises(UserError, match=f"has {len(CONTENT)} bytes, expected 5"):
        get(server, target, size=5)
    assert names(target.parent) == []


def test_a_web_page_is_refused(server: Server, target: Path) -> None:
    server.content, server.content_type = b"<!DOCTYPE html><title>Sign in</title>", "text/html; charset=utf-8"
    with pytest.raises(Unreachable, match="sent a web page"):
        get(server, target)
    assert names(target.parent) == []


def test_a_web_page_under_a_false_name_is_refused_and_not_recorded(server: Server, target: Path) -> None:
    server.content = b"<!DOCTYPE html><title>Sign in</title>"
    with pytest.raises(UserError, match=r"found a web page, expected one that begins with b'PK'\. It was deleted"):
        get(server, target, size=None, sha256=None, begins=[b"PK"])
    assert names(target.parent) == []


def test_a_wrong_file_is_no_reason_to_ask_elsewhere(server: Server, target: Path) -> None:
    with pytest.raises(UserError) as caught:
        get(server, target, sha256="0" * 64)
    assert not isinstance(caught.value, Unreachable)


def test_a_page_for_people_is_asked_for_the_address_at_every_attempt(server: Server, target: Path) -> None:
    server.cuts, page, asked = [50_000], "https://example.org/page", []

    def locate(client: Any, url: str) -> str:
        asked.append(url)
        return server.url

    assert fetch(page, target, locate=locate, patience=Patience(pause=0.001)) == DIGEST
    assert asked == [page, page]
    assert server.asked_ranges() == [None, "bytes=50000-"]
    assert page in target.with_name("ledger.json").read_text()


def test_a_full_disk_is_seen_before_the_download(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(target.parent.parent)._replace(free=len(CONTENT) - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(UserError, match="Make room"):
        get(server, target)
    assert server.sent <= len(CONTENT) and names(target.parent) == []


@pytest.mark.parametrize("known", [True, False])
def test_an_answer_without_end_is_cut_off(server: Server, target: Path, known: bool, monkeypatch) -> None:
    server.length, server.content = False, CONTENT + bytes(10**7)
    monkeypatch.setattr(http, "MOST_BYTES", len(CONTENT))
    with pytest.raises(UserError, match=rf"sends more than {len(CONTENT):,} bytes"):
        get(server, target, len(CONTENT) if known else None)
    assert names(target.parent) == []
    assert len(server.requests) == 1  # asking again would not help


def test_a_wait_that_the_server_asks_for_is_kept(server: Server, target: Path) -> None:
    slept: list[float] = []
    server.statuses, server.headers = [429], {"Retry-After": "123"}
    assert get(server, target, sleep=slept.append) == DIGEST
    in_two_minutes = datetime.now(UTC) + timedelta(seconds=120)
    server.statuses, server.headers = [503], {"Retry-After": format_datetime(in_two_minutes, usegmt=True)}
    target.unlink()
    assert get(server, target, sleep=slept.append) == DIGEST
    assert slept == [123, pytest.approx(120, abs=10)]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", 0),
        ("soon", 0),
        ("-5", 0),
        ("\u00b2", 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("7", 7),
        ("Mon, 01 Jan 99999999999 00:00:00 GMT", 0),
    ],
)
def test_a_wait_that_says_nothing_is_none(header: str, seconds: float) -> None:
    assert http.retry_after(header) == seconds


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_to_come_back_tomorrow_is_left(server: Server, target: Path, status: int) -> None:
    server.statuses, server.headers = [status], {"Retry-After": "86400"}
    with pytest.raises(
        Unreachable, match=rf"answered {status} .* asks to wait 1,440 minutes .*at most 10 minutes"
    ) as no:
        get(server, target, sleep=lambda seconds: pytest.fail("it waits"))
    assert "Run again later" in str(no.value) and "another address" in str(no.value)
    assert f"put it at {target}" in str(no.value) and "\n" not in str(no.value)


def test_pauses_that_a_server_asks_for_add_up_to_half_an_hour_even_where_bytes_come_in_between(
    server: Server, target: Path
) -> None:
    """Each pause is short enough and each answer brings a byte, so that no attempt fails twice in a row."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        assert len(slept) < 20, "it goes on for ever"
        server.statuses, server.cuts = [429] * (len(slept) % 2), [1]

    server.cuts, server.headers = [1], {"Retry-After": "500"}
    with pytest.raises(Unreachable, match=r"asks to wait 8 minutes \(33 .*30 minutes in all.*bytes are kept"):
        get(server, target, sleep=sleep)
    asked = [seconds for seconds in slept if seconds > 1]
    assert asked == [500] * 3 and sum(asked) <= http.MOST_ASKED
    assert names(target.parent) == ["birds.tgz.part", "birds.tgz.part.json"]


def test_an_outage_of_20_seconds_ends_no_download(server: Server, target: Path, capsys) -> None:
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        if now < 20:
            server.statuses = [502]

    server.statuses = [502]
    assert get(server, target, pause=Patience().pause, sleep=sleep) == DIGEST
    assert 20 <= now < 60
    assert "birds.tgz: the server answered 502 Bad Gateway; attempt 2 of 10 in 1 s" in capsys.readouterr().err


def test_attempts_spread_over_minutes_and_differ_from_machine_to_machine() -> None:
    patience = Patience()
    waits = [sum(patience.seconds(failures) for failures in range(1, patience.attempts)) for _ in range(50)]
    assert min(waits) > 3 * 60 and max(waits) < 6 * 60
    assert len(set(waits)) > 40
    assert max(patience.seconds(failures) for failures in range(1, 100)) <= http.LONGEST_PAUSE * (1 + http.JITTER)


@pytest.mark.parametrize("ranges", [True, False])
def test_a_silent_server_is_asked_again(server: Server, target: Path, ranges: bool) -> None:
    server.silence, server.ranges = [1.0], ranges
    assert get(server, target, timeout=0.2) == DIGEST
    assert server.asked_ranges() == [None, "bytes=50000-"]


@pytest.mark.parametrize(("etag", "cuts"), [(None, [50_000]), ('W/"v1"', [50_000]), ('"v1"', [0])])
def test_bytes_that_no_later_call_can_use_are_not_said_to_be_kept(
    server: Server, target: Path, etag: str | None, cuts: list[int]
) -> None:
    server.etag, server.cuts = etag, cuts
    with pytest.raises(Unreachable, match="run again; it begins anew") as caught:
        get(server, target, attempts=1)
    assert "kept" not in str(caught.value)
    assert names(target.parent) == []


def test_nor_are_those_of_a_server_that_ignores_ranges(server: Server, target: Path) -> None:
    server.ranges, server.cuts = False, [60_000, 50_000]
    with pytest.raises(Unreachable, match="because the server cannot continue a download"):
        get(server, target, attempts=2)
    assert names(target.parent) == []


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("encoding", ["gzip", "br", "x-gzip"])
def test_a_file_that_was_packed_on_the_way_is_never_taken(
    server: Server, target: Path, encoding: str, known: bool
) -> None:
    server.headers = {"Content-Encoding": encoding}
    with pytest.raises(Unreachable, match=f"packed once more .*{encoding}"):
        get(server, target, *((len(CONTENT), DIGEST) if known else (None, None)))
    assert names(target.parent) == []
    assert server.requests[0]["Accept-Encoding"] == "identity"


def test_a_file_of_unknown_length_and_digest_is_not_taken_for_whole(server: Server, target: Path) -> None:
    server.length, server.cuts = False, [50_000]
    with pytest.raises(Unreachable, match="does not say how long the file is"):
        get(server, target, None, None)
    assert names(target.parent) == []


def test_redirects_lead_to_other_hosts_and_not_in_circles(
    server: Server, target: Path, serve: Callable[[type], str]
) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", server.url if "back" in self.path else "/circle")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    other = serve(Other)
    server.redirects, server.location = 1, f"{other}/back"
    assert get(server, target) == DIGEST
    target.unlink()
    server.redirects, server.location = 1, f"{other}/circle"
    with pytest.raises(Unreachable, match="not a usable address"):
        get(server, target, sleep=lambda seconds: pytest.fail("it tries again"))


def test_a_proxy_of_the_environment_is_used(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url.partition("/files")[0])
    monkeypatch.delenv("NO_PROXY")
    server.url = "http://birds.example/files/birds.tgz"  # no such host: only the proxy can answer
    assert get(server, target) == DIGEST
    assert server.requests[0]["Host"] == "birds.example"


@pytest.mark.parametrize("proxy", ["socks9://127.0.0.1:1", "http://[::1"])
def test_a_proxy_that_is_no_address_is_named(server: Server, target: Path, proxy: str, monkeypatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with pytest.raises(UserError, match=r"HTTP_PROXY, HTTPS_PROXY or ALL_PROXY"):
        get(server, target)


@pytest.mark.parametrize("stamp", ["[]", '{"url": 1}', "null", "\xff", '{"url": "%s", "validator": [1]}'])
def test_a_damaged_note_beside_a_part_only_costs_time(server: Server, target: Path, stamp: str) -> None:
    target.parent.mkdir()
    target.with_name("birds.tgz.part").write_bytes(b"old")
    target.with_name("birds.tgz.part.json").write_text(stamp.replace("%s", server.url), encoding="latin-1")
    assert get(server, target) == DIGEST
