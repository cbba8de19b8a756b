"""A comparison as a comment on a pull request or an issue, in GitHub-flavoured Markdown."""

from collections import Counter
from collections.abc import Iterable, Sequence

from camagain.compare.comparison import Comparison
from camagain.compare.judging.images import ImageComparison
from camagain.compare.judging.rows import Row
from camagain.compare.judging.tables import TableComparison
from camagain.compare.judging.verdicts import IDENTICAL, Verdict
from camagain.compare.show.listing import allowed, moved_sets, remarkable, remarkable_total
from camagain.compare.show.text import SECTION_TITLES, number, summary

ROWS = 20
SETS = 10
CAUSES = 6
"""At most so many of each: the page of `--html` has the rest."""

PUNCTUATION = "\\`*_[]<>#|~&"
"""What means something in Markdown."""


def markdown(comparison: Comparison) -> str:
    """The whole comment: verdict, notices, sections, rows that differ, claims, images and causes."""
    outcome = "agree" if comparison.verdict.level <= Verdict.CLAIM_HOLDS.level else "differ"
    if comparison.verdict is Verdict.NOT_COMPARABLE:
        outcome = "cannot be compared"
    lines = [f"### Two runs {outcome}", "", plain(summary(comparison)), ""]
    for notice in comparison.notices:
        lines += [f"> **Attention:** {plain(notice)}", ""]
    lines += [*section_table(comparison), ""]
    for part in (row_part, left_part, claim_part, image_part, cause_part):
        found = part(comparison)
        lines += [*found, ""] if found else []
    return "\n".join(lines).rstrip() + "\n"


def section_table(comparison: Comparison) -> list[str]:
    """Rows: sections; columns: how many of each verdict, without those that never occur."""
    present = [verdict for verdict in Verdict if any(counter[verdict] for counter in comparison.counts.values())]
    rows = [
        (SECTION_TITLES[section], *(f"{counter[verdict]:,}" if counter[verdict] else "" for verdict in present))
        for section, counter in comparison.counts.items()
    ]
    return table(["compared", *present], rows, 1)


def row_part(comparison: Comparison) -> list[str]:
    """The rows that differ, or are in one run alone; of many the worst of every table."""
    rows, total = remarkable(comparison, ROWS), remarkable_total(comparison)
    if not rows:
        return []
    which = f"the worst {len(rows)} of {total:,}" if total > len(rows) else f"{total:,}"
    title = f"**Rows beyond their tolerance** ({which}):"
    return [title, "", *table(ROW_COLUMNS, [row_cells(*entry) for entry in rows], 2, (2, 3, 4))]


def left_part(comparison: Comparison) -> list[str]:
    """Scores that nothing stands beside, and why."""
    rows = [row for row in comparison.scores.rows if row.verdict is Verdict.NOT_COMPARABLE]
    reasons = Counter(row.note for row in rows)
    why = "; ".join(f"{count} × {reason}" for reason, count in reasons.items())
    return [f"{len(rows)} scores could not be compared: {plain(why)}."] if rows else []


ROW_COLUMNS = ("table", "row", "A", "B", "A − B", "tolerance", "verdict")


def row_cells(where: TableComparison, row: Row | None) -> tuple[str, ...]:
    """One row as cells."""
    if row is None:
        return code(where.file), plain(where.note), "", "", "", "", where.verdict
    name = f"{row.name}: {row.column}" if row.column and where.section != "scores" else row.name
    if not row.column:
        return code(where.file), code(name), "", "", "", plain(row.note), row.verdict
    difference = "" if row.difference is None else f"{row.difference:+.3g}"
    values = (plain(number(value)) for value in (row.a, row.b))
    return code(where.file), code(name), *values, difference, plain(allowed(row)), row.verdict


def claim_part(comparison: Comparison) -> list[str]:
    """Claims of which both runs do not say the same."""
    found = [claim for claim in comparison.claims if claim.verdict in (Verdict.DIFFERS, Verdict.MISSING)]
    return [f"- claim {code(claim.name)}: {plain(claim.a)} against {plain(claim.b)}" for claim in found]


def image_part(comparison: Comparison) -> list[str]:
    """Flips and moved boxes of each model and method."""
    moved = moved_sets(comparison)
    if not moved:
        return []
    which = f"the worst {SETS} of {len(moved)} sets that are not the same" if len(moved) > SETS else "not the same"
    return [f"**Images** ({which}):", "", *table(IMAGE_COLUMNS, map(image_cells, moved[:SETS]), 1)]


IMAGE_COLUMNS = (
    "model / method", "images", "boxes moved", "right in A alone", "right in B alone", "McNemar p",
    "median correlation of maps", "IoU changed most",
)  # fmt: skip


def image_cells(images: ImageComparison) -> tuple[str, ...]:
    """One set of images as cells."""
    assert images.test is not None
    worst = images.worst[0] if images.worst else None
    return (
        code(images.name),
        f"{images.images:,}",
        f"{images.moved:,}",
        str(images.test.only_first),
        str(images.test.only_second),
        f"{images.test.p_value:.2g}",
        f"{images.map_correlation[1]:.3f}" if images.map_correlation else "",
        f"{code(worst.image_id)}: {worst.iou_a:.2f} against {worst.iou_b:.2f}" if worst else "",
    )


def cause_part(comparison: Comparison) -> list[str]:
    """Why, or, where all is the same, what differs all the same."""
    if comparison.causes:
        lines = [f"- {plain(str(cause))}" for cause in comparison.causes]
        return ["**Why:**", "", *cut(lines, CAUSES)]
    if comparison.differences and comparison.verdict in IDENTICAL:
        lines = [f"- {found.matter}: {plain(str(found))}" for found in comparison.differences]
        return ["**Not the same, and without effect on what was compared:**", "", *cut(lines, CAUSES)]
    return []


def cut(lines: list[str], count: int) -> list[str]:
    """The first lines, and how many are left out."""
    return [*lines[:count], *([f"- and {len(lines) - count} more"] if len(lines) > count else [])]


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], text_columns: int, right: Sequence[int] | None = None
) -> list[str]:
    """Cells, already escaped, as a table; columns behind the first `text_columns`, or those named, right-aligned."""
    aligned = range(text_columns, len(columns)) if right is None else right
    rule = ["---:" if place in aligned else "---" for place in range(len(columns))]
    return [f"| {' | '.join(cells)} |" for cells in (columns, rule, *rows)]


def plain(text: str) -> str:
    """Text in which nothing means anything to Markdown."""
    escaped = "".join(f"\\{letter}" if letter in PUNCTUATION else letter for letter in text)
    return " ".join(escaped.split())


def code(text: str) -> str:
    """A name as code, also within a table."""
    inner = " ".join(text.replace("`", "'").replace("|", "\\|").split())
    return f"`{inner}`" if inner else ""
