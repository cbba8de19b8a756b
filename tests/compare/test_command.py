"""The command: what it prints, what it writes, its exit status, and what it refuses."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from camagain.compare.command import Choices, Outputs, run_compare
from camagain.errors import UserError
from tests.conftest import copy_run


def test_two_runs_are_printed_and_written_in_every_form(runs, tmp_path: Path, capsys):
    outputs = Outputs(*(tmp_path / f"out.{kind}" for kind in ("json", "md", "html", "xml")))
    assert run_compare(runs, False, outputs, Choices()) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1].startswith("agree: ")
    assert "identical bytes" in printed
    assert json.loads((tmp_path / "out.json").read_text())["exit_code"] == 0
    assert (tmp_path / "out.md").read_text().count("|") > 10
    assert (tmp_path / "out.html").read_text().startswith("<!doctype html>")
    assert ET.parse(tmp_path / "out.xml").getroot().tag == "testsuites"


@pytest.mark.parametrize("form", ["json", "markdown", "junit"])
def test_a_dash_writes_to_the_terminal_and_nothing_else_does(runs, form: str, capsys):
    run_compare(runs, False, Outputs(**{form: Path("-")}), Choices())
    printed = capsys.readouterr().out
    assert "A: " not in printed.splitlines()[0]
    if form == "json":
        assert json.loads(printed)["verdict"].startswith("identical")
    if form == "junit":
        assert ET.fromstring(printed).tag == "testsuites"


def test_quiet_is_one_line(runs, capsys):
    run_compare(runs, False, Outputs(), Choices(quiet=True))
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_the_level_of_failure_is_chosen(runs):
    assert run_compare(runs, False, Outputs(), Choices(quiet=True, fail_on="within-tolerance")) == 0
    assert run_compare(runs, False, Outputs(), Choices(quiet=True, fail_on="identical-bytes")) == 1


def test_more_than_two_runs_make_one_table(runs, tmp_path: Path, capsys):

    copy_run(runs[0], tmp_path / "c")
    three = [*runs, tmp_path / "c"]
    assert run_compare(three, False, Outputs(json=tmp_path / "out.json"), Choices()) == 0
    assert "max_box_acc" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "out.json").read_text())["runs"]) == 3
    with pytest.raises(UserError, match="--html is for two runs, found 3"):
        run_compare(three, False, Outputs(html=tmp_path / "out.html"), Choices())


def test_what_makes_no_sense_is_refused(runs, tmp_path: Path):
    with pytest.raises(UserError, match="expected a second one to compare it with, or --paper"):
        run_compare(runs[:1], False, Outputs(), Choices())
    with pytest.raises(UserError, match="--paper compares one run"):
        run_compare(runs, True, Outputs(), Choices())
    with pytest.raises(UserError, match="Did you mean 'differs'"):
        run_compare(runs, False, Outputs(), Choices(fail_on="differ"))
    with pytest.raises(UserError, match=r"no seed-spread\.csv in it"):
        run_compare(runs, False, Outputs(), Choices(spread=tmp_path))
