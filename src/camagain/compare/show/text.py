"""A comparison on a terminal: the table of verdicts, the rows that differ, the images, and the causes."""

from collections.abc import Sequence
from io import StringIO
from textwrap import wrap
from typing import Literal

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from camagain.compare.judging.comparison import Comparison
from camagain.compare.judging.decisions import Decision
from camagain.compare.judging.images import ImageComparison
from camagain.compare.judging.judge import TableComparison
from camagain.compare.judging.rows import Row
from camagain.compare.judging.verdicts import IDENTICAL, Verdict
from camagain.compare.runs.differences import SOURCES, Difference
from camagain.compare.show.grids import Grid, counts_grid
from camagain.compare.show.listing import REPORTED, SECTION_TITLES, allowed, number, unequal

STYLES = dict.fromkeys((Verdict.DIFFERS, Verdict.MISSING), "bold red")
STYLES |= dict.fromkeys((Verdict.SAME_CONCLUSION, Verdict.UNDECIDED), "yellow")
LISTED = 5
"""Entries of each kind that are listed unless all are asked for."""

WIDTH = 118
"""Characters of a line where the output is no terminal."""


def text(comparison: Comparison, listed: int = LISTED) -> str:
    """The whole comparison as plain text."""
    out = StringIO()
    write(comparison, Console(file=out, width=WIDTH, color_system=None), listed)
    return out.getvalue().rstrip()


def write(comparison: Comparison, console: Console, listed: int = LISTED) -> None:
    """Writes the comparison: notices, verdicts, rows, images, causes, and the verdict in one line."""
    console.print(Text(f"A: {comparison.a}\nB: {comparison.b}\nA is measured against B."), soft_wrap=True)
    for notice in comparison.notices:
        console.print(Text(f"ATTENTION: {notice}", style="bold yellow"))
    console.print(rich_table(counts_grid(comparison)))
    for line in details(comparison, listed):
        console.print(Text(line), soft_wrap=True)  # as it stands: brackets are no markup
    style = "bold red" if comparison.exit_code() else "bold green"
    console.print(Text(summary(comparison), style=style), soft_wrap=True)


def rich_table(grid: Grid, title: str = "") -> Table:
    """A table for the terminal. One with a title is set narrow, and the best value of a row carries a star."""
    narrow = {"padding": (0, 1, 0, 0), "show_edge": False} if title else {}
    heading = Text(title, style="bold") if title else None
    table = Table(title=heading, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, **narrow)  # type: ignore
    for column in grid.columns:
        style = STYLES.get(column.verdict) if column.verdict else None
        justify: Literal["left", "right"] = "right" if column.kind == "number" else "left"
        table.add_column(Text(column.title), justify=justify, style=style, no_wrap=bool(title))
    marked = {column for _, column in grid.best}
    for i, row in enumerate(grid.rows):
        bold = [(i, k) in grid.best for k in range(len(row))]
        marks = ["*" if bold[k] else " " if k in marked else "" for k in range(len(row))]
        table.add_row(*(Text(row[k] + marks[k], style="bold" if bold[k] else "") for k in range(len(row))))
    return table


def details(comparison: Comparison, listed: int = LISTED) -> list[str]:
    """What differs, worst first, and why, as lines; at most so many of each kind."""
    lines = decision_lines(comparison.decisions, listed)
    lines += score_lines(comparison.scores, listed)
    others = [table for table in comparison.tables[1:] if table.verdict in REPORTED]
    others.sort(key=lambda table: -table.verdict.level)
    lines += [table_line(table) for table in others[:listed]]
    lines += more(len(others) - listed, "tables")
    for claim in comparison.claims:
        if claim.verdict.level > Verdict.SAME_CONCLUSION.level and claim.a != claim.b:
            note = f" ({claim.note})" if claim.note else ""
            lines.append(f"claim {claim.name}: {claim.a} against {claim.b}: {claim.verdict}{note}")
    lines += [f"rank: {change}" for change in comparison.ranks[:listed]]
    lines += more(len(comparison.ranks) - listed, "changes of rank")
    moved = [images for images in comparison.images if images.verdict not in IDENTICAL]
    moved.sort(key=lambda images: -images.verdict.level)
    for images in moved[:listed]:
        lines += image_lines(images, listed)
    lines += more(len(moved) - listed, "sets of images")
    if comparison.causes:
        lines += [
            "where they part:",
            *(line for cause in comparison.causes[:listed] for line in wrapped(str(cause))),
        ]
        lines += more(len(comparison.causes) - listed, "causes")
    told = {found for cause in comparison.causes for found in cause.inputs}
    others_differ = [found for found in comparison.differences if found not in told]
    if others_differ:
        lines.append("other differences:" if comparison.causes else "differences without effect on any value:")
        told_once = difference_lines(others_differ)
        lines += told_once[:listed] + more(len(told_once) - listed, "such differences")
    return lines


def decision_lines(decisions: Sequence[Decision], listed: int) -> list[str]:
    """The models that differ as a whole; where none does, the one that comes closest to it."""
    ranked = sorted(decisions, key=lambda found: found.p)
    beyond = [found for found in ranked if found.verdict is not Verdict.WITHIN_TOLERANCE]
    shown = beyond[:listed] or ranked[:1]
    return [f"decision on {found}" for found in shown] + more(len(decisions) - len(shown), "decisions")


def wrapped(text: str) -> list[str]:
    """A long sentence as indented lines."""
    return wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)


def difference_lines(found: Sequence[Difference]) -> list[str]:
    """One line for each difference, and one for all stages whose sources differ."""
    stages = [one.name.removeprefix(SOURCES) for one in found if one.name.startswith(SOURCES)]
    lines = [f"  {one.matter}: {one}" for one in found if not one.name.startswith(SOURCES)]
    return lines + ([f"  code: {SOURCES}{', '.join(stages)}"] if stages else [])


def score_lines(scores: TableComparison, listed: int) -> list[str]:
    """The scores that differ; those within their tolerance are counted in the table above."""
    bad = [row for row in scores.rows if row.verdict.level > Verdict.SAME_CONCLUSION.level]
    total = sum(count for verdict, count in scores.counts.items() if verdict.level > Verdict.SAME_CONCLUSION.level)
    return [f"score {row_line(row)}" for row in bad[:listed]] + more(total - min(listed, len(bad)), "scores")


def table_line(table: TableComparison) -> str:
    """One table: how many of its rows are not the same, and the worst of them."""
    total = sum(table.counts.values())
    if not table.rows:
        return f"{table.file}: {table.verdict} ({table.note})"
    note = f"; {table.note}" if table.note else ""
    return f"{table.file}: {unequal(table):,} of {total:,} rows{note}; worst: {row_line(table.rows[0])}"


def row_line(row: Row) -> str:
    """One row: its key, both values, how far they may lie apart, the verdict."""
    if row.verdict is Verdict.MISSING:
        return f"{row.name}: missing, {row.note}"
    if row.verdict is Verdict.NOT_COMPARABLE:
        return f"{row.name}: {number(row.b)} has no counterpart: {row.note}"
    return f"{row.name}: {row.column} {number(row.a)} against {number(row.b)} ({allowed(row)}): {row.verdict}"


def image_lines(images: ImageComparison, listed: int) -> list[str]:
    """Flips, moved boxes and the images to look at, of one model and method."""
    if images.test is None:
        return [f"images of {images.name}: {images.verdict} ({images.note})"]
    test = images.test
    line = (
        f"images of {images.name}: of {images.images:,}, {images.moved:,} boxes moved; right in A alone "
        f"{test.only_first}, in B alone {test.only_second} (McNemar p = {test.p_value:.2g})"
    )
    if images.class_flips:
        line += f"; {images.class_flips} got another class"
    if images.map_correlation:
        low, median, _ = images.map_correlation
        line += f"; correlation of maps {median:.3f} (5 % below {low:.3f})"
    pairs = images.flipped or images.worst
    named = ", ".join(f"{pair.image_id} (IoU {pair.iou_a:.2f}, was {pair.iou_b:.2f})" for pair in pairs[:listed])
    what = "flipped" if images.flipped else "moved most"
    return [line, f"  {what}: {named}{' ...' if len(pairs) > listed else ''}"] if pairs else [line]


def more(count: int, what: str) -> list[str]:
    """A line on what is not listed."""
    return [f"  ... and {count:,} more {what}"] if count > 0 else []


def counted(count: int, what: str) -> str:
    """ "1 score", "2 scores", "1 row of tables"."""
    first, _, rest = what.partition(" ")
    return f"{count:,} {what}" if count != 1 else f"1 {first.removesuffix('s')}{' ' if rest else ''}{rest}"


def summary(comparison: Comparison) -> str:
    """The one-line verdict."""
    name = f"{comparison.a} and {comparison.b}"
    scores = comparison.scores
    total = sum(scores.counts.values())
    everything = sum(counter[v] for counter in comparison.counts.values() for v in Verdict if v in IDENTICAL)
    if comparison.verdict is Verdict.NOT_COMPARABLE:
        return f"NOT COMPARABLE: nothing of {name} could be compared"
    if comparison.verdict in IDENTICAL:
        return f"agree: {name} have the same {total} scores and {everything - total:,} other entries, to the last digit"
    bad = {
        section: sum(counter[verdict] for verdict in (Verdict.DIFFERS, Verdict.MISSING))
        for section, counter in comparison.counts.items()
    }
    if comparison.verdict is Verdict.UNDECIDED:
        models = [found.model for found in comparison.decisions if found.verdict is Verdict.UNDECIDED]
        return (
            f"UNDECIDED: {name} differ in {', '.join(models)}, and no spread over seeds says whether another seed "
            "makes such a difference; measure one with `camagain reference --seeds`, or name one with --spread"
        )
    if not any(bad.values()):
        same = sum(scores.counts.get(verdict, 0) for verdict in IDENTICAL)
        nearest = f"; closest to its tolerance is {row_line(scores.rows[0])}" if scores.rows else ""
        return f"agree: {name} have {same} of {total} scores identical and the rest within tolerance{nearest}"
    where = ", ".join(counted(count, SECTION_TITLES[section]) for section, count in bad.items() if count)
    worst = next((f"{table.file}, {row_line(table.rows[0])}" for table in comparison.tables if table.rows
                  and table.rows[0].verdict in (Verdict.DIFFERS, Verdict.MISSING)), "")  # fmt: skip
    return f"DIFFER: {name} in {where}" + (f"; first {worst}" if worst else "")
