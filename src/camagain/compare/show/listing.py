"""What every rendering of a comparison shows alike: which entries it lists, in which order, and how numbers read."""

from collections import Counter
from collections.abc import Mapping

from camagain.compare.judging.comparison import Comparison
from camagain.compare.judging.images import ImageComparison
from camagain.compare.judging.judge import TableComparison
from camagain.compare.judging.rows import Row
from camagain.compare.judging.verdicts import IDENTICAL, Verdict

SECTION_TITLES = {
    "scores": "scores",
    "claims": "claims",
    "images": "sets of images",
    "tables": "rows of tables",
    "analyses": "rows of analyses",
    "figure data": "rows of figures",
    "curves": "points of curves",
    "training": "epochs",
}

REPORTED = (Verdict.SAME_CONCLUSION, Verdict.UNDECIDED, Verdict.DIFFERS, Verdict.MISSING)
"""The verdicts whose entries are listed one by one; entries with others are counted."""


def counts_text(counts: Mapping[Verdict, int]) -> str:
    """Counts by verdict as words, the worst first: "2 differ, 10 identical values"."""
    present = [verdict for verdict in reversed(Verdict) if counts.get(verdict)]
    words = ("differ" if verdict is Verdict.DIFFERS else verdict.value for verdict in present)
    return ", ".join(f"{counts[verdict]:,} {word}" for verdict, word in zip(present, words, strict=True))


def number(value: object) -> str:
    """A number with as many digits as tell two runs apart, anything else as it is."""
    return f"{value:.6g}" if isinstance(value, float) else "none" if value is None else str(value)


def signed(difference: float | None) -> str:
    """A difference with its sign in three digits; nothing where there is none."""
    return "" if difference is None else f"{difference:+.3g}".replace("-", "−")


def allowed(row: Row) -> str:
    """How far the values of a row may lie apart, why, and what else there is to say: "± 5.57, binomial, n = 400"."""
    width = "" if row.tolerance is None else f"± {row.tolerance:.3g}"
    return "; ".join(filter(None, (", ".join(filter(None, (width, row.source))), row.note)))


def unequal(table: TableComparison) -> int:
    """How many rows of a table are not the same in both runs, or are in one alone."""
    return sum(count for verdict, count in table.counts.items() if verdict not in IDENTICAL)


def unlisted(table: TableComparison) -> dict[Verdict, int]:
    """The rows of a table that it does not keep one by one, by verdict."""
    left = Counter(table.counts)
    left.subtract(row.verdict for row in table.rows)
    return {verdict: left[verdict] for verdict in Verdict if left[verdict] > 0}


def reported(table: TableComparison) -> list[Row]:
    """The rows of a table that are listed one by one, the worst first."""
    return [row for row in table.rows if row.verdict in REPORTED]


def remarkable(comparison: Comparison, count: int) -> list[tuple[TableComparison, Row | None]]:
    """At most `count` rows to list, with their tables: scores fill up to half of them, then come the worst row of every
    other table, the second worst, and so on. None stands for a table that one run alone has.
    """
    scores: list[tuple[TableComparison, Row | None]] = [(comparison.scores, row) for row in reported(comparison.scores)]
    ranked: list[tuple[int, TableComparison, Row | None]] = []
    for table in comparison.tables[1:]:
        if table.verdict is Verdict.MISSING and not table.rows:
            ranked.append((0, table, None))
        ranked += [(rank, table, row) for rank, row in enumerate(reported(table))]
    ranked.sort(key=lambda entry: entry[0])  # stable: tables stay in the order of the report
    others = [(table, row) for _, table, row in ranked]
    listed = scores[: max(count // 2, count - len(others))]
    return listed + others[: count - len(listed)]


def remarkable_total(comparison: Comparison) -> int:
    """How many rows there are to list, whether they are listed or not."""
    return sum(table.counts.get(verdict, 0) for table in comparison.tables for verdict in REPORTED)


def moved_sets(comparison: Comparison) -> list[ImageComparison]:
    """The sets of images that were compared and are not the same, the worst first."""
    moved = [images for images in comparison.images if images.verdict not in IDENTICAL and images.test is not None]
    return sorted(moved, key=lambda images: (-images.verdict.level, -len(images.flipped), -images.moved))
