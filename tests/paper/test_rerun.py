"""The commands that the report names: each is understood by its program, and names files of the run."""

import html
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from snakemake.cli import get_argument_parser

from camagain.cli import app
from camagain.config.analysis import declared
from camagain.paper.parts import write_part
from camagain.paper.registry import figure_names, table_names

FILE = "results/tiny/experiment.yaml"


@pytest.fixture(scope="module")
def page(tiny_run) -> str:
    """The report's text."""
    return html.unescape(tiny_run[1].report.read_text(encoding="utf-8"))


def inline(page: str, program: str) -> list[list[str]]:
    """The words of every command of a program that stands in a sentence."""
    return [shlex.split(command) for command in re.findall(rf"<code>({program} .*?)</code>", page)]


def blocks(page: str) -> list[list[str]]:
    """The words of every command of the last section's blocks."""
    texts = re.findall(r"<pre>(.*?)</pre>", page[page.index('id="rerun"') :], flags=re.DOTALL)
    return [shlex.split(line) for text in texts for line in text.splitlines()]


def parsed(command: list[str]) -> Any:
    """A `camagain` command as its own parser reads it, a context of click; fails as the program would."""
    assert command[0] == "camagain"
    return typer.main.get_command(app).commands[command[1]].make_context(command[1], command[2:])


def test_every_table_and_figure_has_the_command_that_makes_it(tiny_run, page: str):
    experiment, paths = tiny_run
    drawn = [get_argument_parser().parse_args(command[1:]) for command in inline(page, "snakemake")]
    drawn = [arguments for arguments in drawn if arguments.force]
    targets = [target for arguments in drawn for target in arguments.targets]
    wanted = [f"results/tiny/tables/{name}.csv" for name in table_names(experiment)]
    wanted += [f"results/tiny/figures/{name}.pdf" for name in figure_names(experiment)]
    assert sorted(targets) == sorted(wanted)
    assert all((paths.root.parent.parent / target).is_file() for target in targets)
    for arguments in drawn:
        assert len(arguments.targets) == 1
        assert arguments.configfile == [Path(FILE)]


def test_every_analysis_has_the_command_that_makes_it(tiny_run, page: str):
    experiment, _ = tiny_run
    made = [get_argument_parser().parse_args(command[1:]) for command in inline(page, "snakemake")]
    made = [arguments for arguments in made if arguments.forcerun]
    assert [arguments.forcerun for arguments in made] == [{name} for name in experiment.analysis.names]
    for arguments in made:
        (name,) = arguments.forcerun
        assert arguments.targets == [f"results/tiny/tables/{name}.csv"]
    by_hand = [parsed(command) for command in inline(page, "camagain") if command[1] == "analyze"]
    assert [context.params["name"] for context in by_hand] == list(experiment.analysis.names)
    assert set(experiment.analysis.names) == {name for name, stage in declared().items() if not stage.package}
    for context in by_hand:
        assert (context.params["experiment"], context.params["training"]) == (Path(FILE), "MODEL")
        assert context.params["job"] == ("JOB" if context.params["name"] == "interventions" else "")


def test_the_steps_by_hand_are_commands_of_this_program(tiny_run, page: str):
    experiment, _ = tiny_run
    whole, *steps = blocks(page)
    assert get_argument_parser().parse_args(whole[1:]).configfile == [Path(FILE)]
    read = [parsed(command) for command in steps]
    assert all(context.params["experiment"] == Path(FILE) for context in read)
    names = [context.info_name for context in read]
    assert names == ["data", *["finetune", "localize", "evaluate"] * len(experiment.models), "evaluate", "paper"]


def test_a_misspelt_command_would_be_noticed():
    with pytest.raises(Exception, match="No such option: --jbo"):
        parsed(["camagain", "analyze", FILE, "erf", "MODEL", "--jbo", "x"])
    with pytest.raises(SystemExit):
        get_argument_parser().parse_args(["--forze"])


def test_commands_follow_the_name_of_the_run(tiny_copy):
    experiment, paths = tiny_copy
    other = experiment.model_copy(update={"run": "other"})
    write_part("report", other, paths)
    text = paths.report.read_text(encoding="utf-8")
    assert "snakemake results/other/tables/models.csv --force --configfile results/other/experiment.yaml" in text
    assert "results/tiny" not in text
