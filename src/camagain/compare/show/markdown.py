"""A comparison as a comment on a pull request or an issue, in GitHub-flavoured Markdown."""

from collections import Counter

from camagain.compare.judging.comparison import Comparison
from camagain.compare.judging.verdicts import IDENTICAL, Verdict
from camagain.compare.show.grids import Grid, counts_grid, images_grid, listed_grid
from camagain.compare.show.listing import moved_sets, remarkable, remarkable_total
from camagain.compare.show.text import summary

ROWS = 20
SETS = 10
CAUSES = 6
"""At most so many of each: the page of `--html` has the rest."""

PUNCTUATION = "\\`*_[]<>#|~&"
"""What means something in Markdown."""


def markdown(comparison: Comparison) -> str:
    """The whole comment: verdict, notices, sections, rows that differ, claims, images and causes."""
    outcome = "agree" if comparison.verdict.level <= Verdict.SAME_CONCLUSION.level else "differ"
    if comparison.verdict in (Verdict.NOT_COMPARABLE, Verdict.UNDECIDED):
        outcome = "cannot be compared"
    lines = [f"### Two runs {outcome}", "", plain(summary(comparison)), ""]
    for notice in comparison.notices:
        lines += [f"> **Attention:** {plain(notice)}", ""]
    lines += [*markdown_table(counts_grid(comparison)), ""]
    for part in (decision_part, row_part, left_part, claim_part, image_part, cause_part):
        found = part(comparison)
        lines += [*found, ""] if found else []
    return "\n".join(lines).rstrip() + "\n"


def decision_part(comparison: Comparison) -> list[str]:
    """The models that differ as a whole."""
    return [f"- {plain(str(found))}" for found in comparison.decisions if found.verdict is not Verdict.WITHIN_TOLERANCE]


def row_part(comparison: Comparison) -> list[str]:
    """The rows that differ, or are in one run alone; of many the worst of every table."""
    rows, total = remarkable(comparison, ROWS), remarkable_total(comparison)
    if not rows:
        return []
    which = f"the worst {len(rows)} of {total:,}" if total > len(rows) else f"{total:,}"
    title = f"**Rows beyond their tolerance** ({which}):"
    return [title, "", *markdown_table(listed_grid(rows))]


def left_part(comparison: Comparison) -> list[str]:
    """How many scores could not be compared, and why."""
    rows = [row for row in comparison.scores.rows if row.verdict is Verdict.NOT_COMPARABLE]
    reasons = Counter(row.note for row in rows)
    why = "; ".join(f"{count} × {reason}" for reason, count in reasons.items())
    return [f"{len(rows)} scores could not be compared: {plain(why)}."] if rows else []


def claim_part(comparison: Comparison) -> list[str]:
    """Claims on which the runs reach different verdicts."""
    found = [claim for claim in comparison.claims if claim.verdict in (Verdict.DIFFERS, Verdict.MISSING)]
    return [f"- claim {code(claim.name)}: {plain(claim.a)} against {plain(claim.b)}" for claim in found]


def image_part(comparison: Comparison) -> list[str]:
    """Flips and moved boxes of each model and method."""
    moved = moved_sets(comparison)
    if not moved:
        return []
    which = f"the worst {SETS} of {len(moved)} sets that differ" if len(moved) > SETS else "sets that differ"
    return [f"**Images** ({which}):", "", *markdown_table(images_grid(moved[:SETS]))]


def cause_part(comparison: Comparison) -> list[str]:
    """Where values begin to differ; or, where all of them are the same, what else differs."""
    if comparison.causes:
        lines = [f"- {plain(str(cause))}" for cause in comparison.causes]
        return ["**Where they part:**", "", *cut(lines, CAUSES)]
    if comparison.differences and comparison.verdict in IDENTICAL:
        lines = [f"- {found.matter}: {plain(str(found))}" for found in comparison.differences]
        return ["**Differences without effect on any value:**", "", *cut(lines, CAUSES)]
    return []


def cut(lines: list[str], count: int) -> list[str]:
    """The first lines, and how many are left out."""
    return [*lines[:count], *([f"- and {len(lines) - count} more"] if len(lines) > count else [])]


def markdown_table(grid: Grid) -> list[str]:
    """A table as lines; names are code, numbers are right-aligned, the best value of a row is bold."""
    lines = [[plain(column.title) for column in grid.columns]]
    lines.append(["---:" if column.kind == "number" else "---" for column in grid.columns])
    for i, row in enumerate(grid.rows):
        cells = [code(text) if column.kind == "name" else plain(text)
                 for text, column in zip(row, grid.columns, strict=True)]  # fmt: skip
        lines.append([f"**{cell}**" if (i, k) in grid.best else cell for k, cell in enumerate(cells)])
    return [f"| {' | '.join(cells)} |" for cells in lines]


def plain(text: str) -> str:
    """Text in which nothing means anything to Markdown."""
    escaped = "".join(f"\\{letter}" if letter in PUNCTUATION else letter for letter in text)
    return " ".join(escaped.split())


def code(text: str) -> str:
    """A name as code, also within a table."""
    inner = " ".join(text.replace("`", "'").replace("|", "\\|").split())
    return f"`{inner}`" if inner else ""
