"""The tables of a comparison before they have a form: columns and cells, for the terminal, Markdown and HTML alike."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from camagain.compare.judging.comparison import Comparison
from camagain.compare.judging.images import ImageComparison
from camagain.compare.judging.judge import TableComparison
from camagain.compare.judging.rows import Row
from camagain.compare.judging.verdicts import Verdict
from camagain.compare.show.listing import SECTION_TITLES, allowed, number, signed


@dataclass(frozen=True)
class Column:
    """A column of names, words, numbers or verdicts. `verdict`: the one that it counts, which colours it."""

    title: str
    kind: Literal["name", "words", "number", "verdict"] = "words"
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Grid:
    """A table: one text for each column in every row. `best`: places (row, column) of the best values of their row."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    best: frozenset[tuple[int, int]] = frozenset()


def counts_grid(comparison: Comparison, order: Sequence[Verdict] = tuple(Verdict)) -> Grid:
    """Rows: sections; columns: how many entries have each verdict, without verdicts that never occur."""
    counts = comparison.counts
    present = [verdict for verdict in order if any(counter[verdict] for counter in counts.values())]
    rows = [
        (SECTION_TITLES[section], *(f"{counter[verdict]:,}" if counter[verdict] else "" for verdict in present))
        for section, counter in counts.items()
    ]
    return Grid((Column("compared"), *(Column(verdict, "number", verdict) for verdict in present)), rows)


ROW_COLUMNS = (
    Column("row", "name"),
    *(Column(title, "number") for title in ("A", "B", "A − B")),
    Column("tolerance"),
    Column("verdict", "verdict"),
)


def rows_grid(rows: Iterable[Row], of_scores: bool = False) -> Grid:
    """Rows of one table: both values, how far they may lie apart, the verdict."""
    return Grid(ROW_COLUMNS, [row_cells(row, of_scores) for row in rows])


def listed_grid(entries: Iterable[tuple[TableComparison, Row | None]]) -> Grid:
    """Rows of several tables, each with the name of its table; None stands for a table that one run alone has."""
    rows = [
        (
            table.file,
            *(row_cells(row, table.section == "scores") if row else ("", "", "", "", table.note, table.verdict)),
        )
        for table, row in entries
    ]
    return Grid((Column("table", "name"), *ROW_COLUMNS), rows)


def row_cells(row: Row, of_scores: bool) -> tuple[str, ...]:
    """One row as cells. A row that one run alone has shows no values; a score has one column, which is not named."""
    name = row.name or "the table"
    if not row.column:
        return name, "", "", "", row.note, row.verdict
    values = number(row.a), number(row.b), signed(row.difference), allowed(row)
    return name if of_scores else f"{name}: {row.column}", *values, row.verdict


IMAGE_COLUMNS = (
    Column("model / method", "name"),
    *(Column(title, "number") for title in ("images", "boxes moved", "right in A alone", "right in B alone")),
    *(Column(title, "number") for title in ("McNemar p", "other class", "IoU in A − B: 5 %, median, 95 %")),
    Column("correlation of maps: 5 %, median"),
    Column("verdict", "verdict"),
)


def images_grid(sets: Iterable[ImageComparison]) -> Grid:
    """Sets of images: how many boxes moved, which run is right where the other is wrong, how far IoU and maps moved."""
    return Grid(IMAGE_COLUMNS, [image_cells(images) for images in sets])


def image_cells(images: ImageComparison) -> tuple[str, ...]:
    """One set of images as cells."""
    assert images.test is not None
    counts = images.images, images.moved, images.test.only_first, images.test.only_second
    return (
        images.name,
        *(f"{count:,}" for count in counts),
        f"{images.test.p_value:.2g}",
        str(images.class_flips or ""),
        ", ".join(f"{change:+.3f}".replace("-", "−") for change in images.iou_change or ()),
        ", ".join(f"{value:.3f}" for value in images.map_correlation[:2]) if images.map_correlation else images.note,
        images.verdict,
    )
