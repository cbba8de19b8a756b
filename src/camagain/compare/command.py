"""What `camagain compare` does: two runs, a run and the paper, or more than two, and the files it is asked to write."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from camagain.artifacts import SEED_SPREAD, write_text
from camagain.compare.judging.comparison import Comparison, compare_runs
from camagain.compare.judging.verdicts import Verdict, parse_level
from camagain.errors import UserError


@dataclass(frozen=True)
class Outputs:
    """Where a comparison is written besides the terminal; None: nowhere. "-" is the terminal itself, then alone."""

    json: Path | None = None
    markdown: Path | None = None
    html: Path | None = None
    junit: Path | None = None

    @property
    def on_terminal(self) -> bool:
        """Whether one of the files is the terminal, whose usual text is then left out."""
        return Path("-") in (self.json, self.markdown, self.junit)


@dataclass(frozen=True)
class Choices:
    """How much is shown, where the images lie, and what counts as a failure."""

    quiet: bool = False
    everything: bool = False
    worst: int = 8
    fail_on: str = Verdict.DIFFERS.option
    data: Path = Path("data")
    spread: Path | None = None


def run_compare(runs: Sequence[Path], paper: bool, outputs: Outputs, choices: Choices) -> int:
    """Compares, prints, writes, and returns the exit status; UserError where the runs cannot be compared."""
    fail_on = parse_level(choices.fail_on)
    if paper or len(runs) == 2:
        if len(runs) != (1 if paper else 2):
            raise UserError(f"found {len(runs)} runs; --paper compares one run with the paper")
        comparison = with_paper(runs[0]) if paper else with_run(runs[0], runs[1], choices)
        return show(comparison, outputs, choices, fail_on)
    if len(runs) < 2:
        reference = Path("results/reference") / runs[0].resolve().name
        hint = f" There is {reference}." if reference.is_dir() else ""
        raise UserError(f"found one run; expected a second one to compare it with, or --paper.{hint}")
    return show_many(runs, outputs)


def with_run(a: Path, b: Path, choices: Choices) -> Comparison:
    if choices.spread is not None and not (choices.spread / SEED_SPREAD).is_file():
        raise UserError(f"--spread {choices.spread}: no {SEED_SPREAD} in it; expected a reference that has one")
    return compare_runs(a, b, choices.worst, choices.spread)


def with_paper(run: Path) -> Comparison:
    from camagain.compare.judging.against_paper import compare_with_paper

    return compare_with_paper(run)


def show(comparison: Comparison, outputs: Outputs, choices: Choices, fail_on: Verdict) -> int:
    """Prints and writes the comparison of two sides."""
    from rich.console import Console

    from camagain.compare.show.text import LISTED, WIDTH, summary, write

    if choices.quiet:
        print(summary(comparison))
    elif not outputs.on_terminal:
        console = Console(width=None if sys.stdout.isatty() else WIDTH)
        write(comparison, console, sys.maxsize if choices.everything else LISTED)
    deliver(outputs.json, lambda: as_json(comparison))
    deliver(outputs.markdown, lambda: as_markdown(comparison))
    deliver(outputs.junit, lambda: as_junit(comparison, fail_on))
    if outputs.html is not None:
        from camagain.compare.show.html import write_html

        options = () if choices.worst == Choices.worst else ("--worst", str(choices.worst))
        write_html(comparison, outputs.html, choices.data, options)
    return comparison.exit_code(fail_on)


def show_many(runs: Sequence[Path], outputs: Outputs) -> int:
    """Prints and writes one table over more than two runs, which has no verdict: the status is 0."""
    from camagain.compare.judging.many import compare_many
    from camagain.compare.show.many import markdown, record, text

    for name in ("html", "junit"):
        if getattr(outputs, name) is not None:
            raise UserError(f"--{name} is for two runs, found {len(runs)}; --json and --markdown take any number")
    table = compare_many(runs)
    if not outputs.on_terminal:
        print(text(table))
    deliver(outputs.json, lambda: json.dumps(record(table), indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    deliver(outputs.markdown, lambda: markdown(table))
    return 0


def as_json(comparison: Comparison) -> str:
    from camagain.compare.show.record import record

    return json.dumps(record(comparison), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_markdown(comparison: Comparison) -> str:
    from camagain.compare.show.markdown import markdown

    return markdown(comparison)


def as_junit(comparison: Comparison, fail_on: Verdict) -> str:
    from camagain.compare.show.junit import junit

    return junit(comparison, fail_on)


def deliver(path: Path | None, render: Callable[[], str]) -> None:
    """Writes a rendering to a file, or to the terminal for "-"; renders nothing where it goes nowhere."""
    if path == Path("-"):
        print(render(), end="")
    elif path is not None:
        write_text(path, render())
