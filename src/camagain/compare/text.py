"""A comparison as people read it on a terminal: verdict table, the rows that differ, the images, and why."""

from io import StringIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from camagain.compare.comparison import Comparison
from camagain.compare.images import ImageComparison
from camagain.compare.rows import Row
from camagain.compare.tables import TableComparison
from camagain.compare.verdicts import IDENTICAL, Verdict

SECTION_TITLES = {
    "scores": "scores",
    "claims": "claims",
    "images": "sets of images",
    "tables": "tables",
    "analyses": "analyses",
    "figure data": "data of figures",
    "curves": "curves",
    "training": "training",
}
STYLES = {Verdict.DIFFERS: "bold red", Verdict.MISSING: "bold red", Verdict.CLAIM_HOLDS: "yellow"}
LISTED_ROWS = 8
LISTED_CAUSES = 6
LISTED_IMAGES = 5
WIDTH = 118
"""Characters of a line where the output is no terminal."""


def text(comparison: Comparison, quiet: bool = False) -> str:
    """The whole comparison as plain text, or its last line alone."""
    if quiet:
        return summary(comparison)
    out = StringIO()
    write(comparison, Console(file=out, width=WIDTH, color_system=None))
    return out.getvalue().rstrip()


def write(comparison: Comparison, console: Console) -> None:
    """Writes the comparison: notices, verdicts, rows, images, causes, and the verdict in one line."""
    console.print(f"A: {comparison.a}\nB: {comparison.b}, which A is measured by", highlight=False)
    for notice in comparison.notices:
        console.print(Text(f"ATTENTION: {notice}", style="bold yellow"))
    console.print(verdict_table(comparison))
    for line in details(comparison):
        console.print(line, highlight=False, soft_wrap=True)
    style = "bold red" if comparison.exit_code() else "bold green"
    console.print(Text(summary(comparison), style=style), soft_wrap=True)


def verdict_table(comparison: Comparison) -> Table:
    """Rows: sections; columns: how many of each verdict, without those that never occur."""
    present = [v for v in Verdict if any(counter[v] for counter in comparison.counts.values())]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("compared")
    for verdict in present:
        table.add_column(verdict.value, justify="right", style=STYLES.get(verdict))
    for section, counter in comparison.counts.items():
        cells = [f"{counter[verdict]:,}" if counter[verdict] else "" for verdict in present]
        table.add_row(SECTION_TITLES[section], *cells)
    return table


def details(comparison: Comparison) -> list[str]:
    """What differs, worst first, and why, as lines."""
    lines: list[str] = []
    for table in comparison.tables:
        lines += table_lines(table)
    for claim in comparison.claims:
        if claim.verdict not in IDENTICAL:
            lines.append(f"claim {claim.name}: {claim.a} against {claim.b}: {claim.verdict}")
    lines += [f"rank: {change}" for change in comparison.ranks[:LISTED_ROWS]]
    lines += more(len(comparison.ranks) - LISTED_ROWS, "changes of rank")
    moved = [images for images in comparison.images if images.verdict not in IDENTICAL]
    for images in moved:
        lines += image_lines(images)
    if comparison.causes:
        lines.append("why:")
        lines += [f"  {cause}" for cause in comparison.causes[:LISTED_CAUSES]]
        lines += more(len(comparison.causes) - LISTED_CAUSES, "causes")
    elif comparison.differences:
        lines.append("not the same, and without effect on what was compared:")
    if comparison.differences:
        lines += [f"  {found.matter}: {found}" for found in comparison.differences[:LISTED_ROWS]]
        lines += more(len(comparison.differences) - LISTED_ROWS, "such differences")
    return lines


def table_lines(table: TableComparison) -> list[str]:
    """The worst rows of one table."""
    lines = [f"{table.file}: {row_line(row)}" for row in table.rows[:LISTED_ROWS]]
    listed = sum(count for verdict, count in table.counts.items() if verdict not in IDENTICAL)
    if table.verdict is Verdict.MISSING and not table.rows:
        lines.append(f"{table.file}: missing ({table.note})")
    elif table.note and table.verdict is not Verdict.NOT_COMPARABLE:
        lines.append(f"{table.file}: {table.note}")
    return lines + more(listed - LISTED_ROWS if table.rows else 0, f"rows of {table.file}")


def row_line(row: Row) -> str:
    """One row: its key, both values, how far they may lie apart, the verdict."""
    if row.verdict is Verdict.MISSING:
        return f"{row.name}: missing, {row.note}"
    allowed = f"± {number(row.tolerance)}, {row.source}" if row.tolerance is not None else row.source
    note = f"; {row.note}" if row.note else ""
    return f"{row.name}: {row.column} {number(row.a)} against {number(row.b)} ({allowed}{note}): {row.verdict}"


def image_lines(images: ImageComparison) -> list[str]:
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
    named = ", ".join(f"{pair.image_id} (IoU {pair.iou_a:.2f}, was {pair.iou_b:.2f})" for pair in pairs[:LISTED_IMAGES])
    what = "flipped" if images.flipped else "moved most"
    return [line, f"  {what}: {named}{' ...' if len(pairs) > LISTED_IMAGES else ''}"] if pairs else [line]


def number(value: object) -> str:
    """A number with as many digits as tell two runs apart, anything else as it is."""
    return f"{value:.6g}" if isinstance(value, float) else "none" if value is None else str(value)


def more(count: int, what: str) -> list[str]:
    """A line on what is not listed."""
    return [f"  ... and {count:,} more {what} (--json lists them)"] if count > 0 else []


def summary(comparison: Comparison) -> str:
    """The one-line verdict."""
    name = f"{comparison.a} and {comparison.b}"
    scores = comparison.scores
    total = sum(scores.counts.values())
    everything = sum(sum(counter.values()) for counter in comparison.counts.values())
    if comparison.verdict is Verdict.NOT_COMPARABLE:
        return f"NOT COMPARABLE: nothing of {name} could be compared"
    if comparison.verdict in IDENTICAL:
        return (
            f"agree: {name} have the same {total} figures and {everything - total:,} other entries, to the last digit"
        )
    bad = {
        section: sum(counter[verdict] for verdict in (Verdict.DIFFERS, Verdict.MISSING))
        for section, counter in comparison.counts.items()
    }
    if not any(bad.values()):
        same = sum(scores.counts.get(verdict, 0) for verdict in IDENTICAL)
        nearest = f"; nearest to its bound is {row_line(scores.rows[0])}" if scores.rows else ""
        return f"agree: {name} have {same} of {total} figures identical and the rest within tolerance{nearest}"
    where = ", ".join(f"{count:,} {SECTION_TITLES[section]}" for section, count in bad.items() if count)
    worst = next((f"{table.file}, {row_line(table.rows[0])}" for table in comparison.tables if table.rows
                  and table.rows[0].verdict in (Verdict.DIFFERS, Verdict.MISSING)), "")  # fmt: skip
    return f"DIFFER: {name} in {where}" + (f"; first {worst}" if worst else "")
