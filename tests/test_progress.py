"""Progress: silent for short jobs, a plain line in a log, a bar on a terminal."""

import io
import itertools
import sys

import pytest

from camagain import progress as module
from camagain.progress import duration, progress, track


def every_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line after each unit, and a clock that is a second later each time it is read."""
    seconds = itertools.count()
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.0)
    monkeypatch.setattr(module, "LINE_SECONDS", 0.0)
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(seconds)))


def test_short_jobs_leave_no_line_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("reading", 3) as advance:
        advance(3)
    assert capsys.readouterr().err == ""


def test_long_jobs_leave_lines_that_count_what_was_done_before(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    every_second(monkeypatch)
    with progress("downloading", 400_000_000, done=100_000_000, unit="bytes") as advance:
        advance(1_000_000)
    with progress("reading", None) as advance:
        advance(2)
        advance(1)
    assert capsys.readouterr().err.splitlines() == [
        "downloading: 101 of 400 MB, 1.0 MB/s, 5 min left",
        "reading: 2 files",
        "reading: 3 files",
    ]


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (99, "99 s"), (150, "2 min"), (5999, "100 min"), (9e3, "2.5 h")]
)
def test_times_to_wait_are_short(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize("unit", ["files", "bytes"])
def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch, unit: str) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress("reading", 4, unit=unit) as advance:
        advance(4)
    assert "reading" in terminal.getvalue() and "4/4" in terminal.getvalue()


def test_tracked_items_are_taken_one_at_a_time_and_counted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    every_second(monkeypatch)
    taken: list[int] = []
    stream = track((taken.append(item) or item for item in range(3)), 3, "work", unit="steps")
    assert next(stream) == 0
    assert taken == [0]
    assert list(stream) == [1, 2]
    assert capsys.readouterr().err.splitlines() == [
        "work: 1 of 3 steps, 2 s left",
        "work: 2 of 3 steps, 1 s left",
        "work: 3 of 3 steps, 0 s left",
    ]
