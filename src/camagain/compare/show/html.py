"""A comparison as one self-contained page that opens offline, prints, and fits a phone."""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from camagain.artifacts import write_text
from camagain.compare.judging.comparison import Comparison
from camagain.compare.judging.decisions import ERROR_RATE
from camagain.compare.judging.images import ImageComparison
from camagain.compare.judging.judge import (
    GOES_WITH,
    ROUNDING,
    SAME_WEIGHTS,
    SEEDS,
    SINGLE_PRECISION,
    TableComparison,
)
from camagain.compare.judging.rows import Row
from camagain.compare.judging.verdicts import IDENTICAL, Verdict
from camagain.compare.runs.differences import shown
from camagain.compare.show.distributions import draw_distributions
from camagain.compare.show.explorers import Explorers, find_explorers
from camagain.compare.show.grids import counts_grid, images_grid, rows_grid
from camagain.compare.show.listing import REPORTED, SECTION_TITLES, counts_text, moved_sets, reported, unequal
from camagain.compare.show.photographs import Photographs, find_photographs
from camagain.compare.show.pictures import COLORS, SETS, Picture, data_uri, draw_set, shown_sets
from camagain.compare.show.text import summary
from camagain.statistics.confidence import CONFIDENCE

LINKED = 50
"""Images of one set that are linked to the explorers, those whose IoU changed most."""

SCORE_ROWS = 60
TABLE_ROWS = 10
"""Rows of a table on the page, the worst first."""

OPEN_ROWS = 3
"""A table with at most so many rows is shown open."""

TITLES = {
    "counts": "What was compared",
    "decisions": "Decisions",
    "why": "Why",
    "scores": "Scores",
    "claims": "Claims",
    "ranks": "Ranks",
    "images": "Images",
    "tables": "Other tables",
    "tolerances": "What the verdicts mean",
    "again": "Run it again",
}
"""The sections of the page; those without content are left out."""

WORST_FIRST = (
    *(verdict for verdict in reversed(Verdict) if verdict is not Verdict.NOT_COMPARABLE),
    Verdict.NOT_COMPARABLE,
)
"""Verdicts as columns: on a narrow screen the first ones show."""

SOURCES = {
    "binomial": "The value is a share of n images, and each image is right or wrong by chance.",
    SEEDS: "Trainings with other seeds lie so far apart in 95 of 100 cases. A model differs where all its scores "
    "together lie farther apart; then those rows differ that lie beyond their own tolerance.",
    SINGLE_PRECISION: "The same weights on another machine: single precision leaves so much.",
    "digits": "The value was published with so many digits, or read off a figure.",
    ROUNDING: "The values are sums over images, and differ by no more than the order of adding leaves.",
    SAME_WEIGHTS: "Both runs used the same weights: nothing but the order of adding may differ.",
    GOES_WITH: "Nothing says how far this value scatters over seeds; its row has the verdict on its model.",
}
"""Where a tolerance comes from, by the name that the rows give it."""


@dataclass(frozen=True)
class RowTable:
    """Rows of one table on the page: those to look at, others, and how many more of either are left out."""

    table: TableComparison
    rows: list[Row]
    others: list[Row]
    left_out: int

    @property
    def counts(self) -> str:
        """How many rows have each verdict, as words."""
        return counts_text(self.table.counts)

    @property
    def other_counts(self) -> str:
        """How many of the other rows have each verdict, as words."""
        return counts_text(Counter(row.verdict for row in self.others))

    @property
    def short(self) -> bool:
        """Whether to show the rows at once: they are few, and some of them differ."""
        return bool(self.rows) and len(self.rows) + len(self.others) <= OPEN_ROWS and not self.left_out


@dataclass(frozen=True)
class PictureSet:
    """The images of one set that moved most."""

    images: ImageComparison
    pictures: list[Picture]


def write_html(comparison: Comparison, path: Path, data: Path = Path("data"), options: Sequence[str] = ()) -> None:
    """Writes the page of a comparison.

    `data`: the folder whose `<dataset>/index.parquet` has the test images. `options`: others that the command line was
    given, for the command that makes the page again.
    """
    other = str(comparison.b) if comparison.b.manifest["files"] else "--paper"  # the paper alone has no files
    folder = ("--data", str(data)) if Path(data) != Path("data") else ()
    command = shlex.join(["camagain", "compare", str(comparison.a), other, *options, *folder, "--html", str(path)])
    write_text(path, page(comparison, find_photographs(comparison, data), find_explorers(comparison, path), command))


def page(comparison: Comparison, photographs: Photographs, explorers: Explorers, command: str) -> str:
    """The page as text; the same comparison and images give the same page."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"shown": shown, "breakable": breakable}
    template = environment.from_string(files("camagain.compare.show").joinpath("compare.html.j2").read_text("utf-8"))
    values = view(comparison, photographs)
    return template.render(
        **values,
        comparison=comparison,
        contents={name: title for name, title in TITLES.items() if values["has"][name]},
        summary=summary(comparison),
        outcome=outcome(comparison),
        photographs=photographs,
        explorers=explorers,
        linked=LINKED,
        command=command,
        style=files("camagain.paper.report").joinpath("report.css").read_text("utf-8"),
        colors=COLORS,
        set_limit=SETS,
        percent=f"{100 * CONFIDENCE:g} %",
        rows_grid=rows_grid,
        error_rate=ERROR_RATE,
    )


def view(comparison: Comparison, photographs: Photographs) -> dict[str, Any]:
    """What the sections show, and under `has`, which of them have anything to show."""
    moved = moved_sets(comparison)
    scores = row_table(comparison.scores, SCORE_ROWS)
    tables = list(table_sections(comparison))
    claims = [claim for claim in comparison.claims if claim.verdict not in IDENTICAL]
    sets = [
        PictureSet(images, list(draw_set(comparison.a, comparison.b, images, photographs)))
        for images in shown_sets(comparison.images)
    ]
    rows = [row for table in comparison.tables for row in table.rows]
    return {
        "counts": counts_grid(comparison, WORST_FIRST),
        "scores": scores,
        "tables": tables,
        "claims": claims,
        "moved": images_grid(moved) if moved else None,
        "flipped": [images for images in moved if images.flipped],
        "unmoved": [images for images in comparison.images if images.verdict in IDENTICAL],
        "absent": [images for images in comparison.images if images.test is None],
        "distributions": distributions(comparison, moved),
        "sets": sets,
        "drawable": sum(bool(images.worst) for images in moved),
        "sources": {name: text for name, text in SOURCES.items() if any(name in row.source for row in rows)},
        "has": {
            "counts": True,
            "decisions": bool(comparison.decisions),
            "why": bool(comparison.causes or comparison.differences),
            "scores": bool(comparison.scores.rows),
            "claims": bool(claims),
            "ranks": bool(comparison.ranks),
            "images": any(images.verdict not in IDENTICAL for images in comparison.images),
            "tables": bool(tables),
            "tolerances": comparison.verdict not in IDENTICAL,
            "again": True,
        },
    }


def table_sections(comparison: Comparison) -> Iterator[tuple[str, list[RowTable], list[TableComparison]]]:
    """For each section: its title, tables that are not the same, the worst first, and those with nothing to show."""
    for section in comparison.counts:
        tables = [table for table in comparison.tables[1:] if table.section == section]
        differing = sorted((table for table in tables if table.rows), key=lambda table: -table.verdict.level)
        bare = [table for table in tables if not table.rows and table.verdict not in IDENTICAL]
        if differing or bare:
            yield SECTION_TITLES[section], [row_table(table, TABLE_ROWS) for table in differing], bare


def row_table(table: TableComparison, count: int) -> RowTable:
    """At most `count` rows of a table, the worst first."""
    rows = reported(table)[:count]
    others = [row for row in table.rows if row.verdict not in REPORTED][: count - len(rows)]
    return RowTable(table, rows, others, unequal(table) - len(rows) - len(others))


def distributions(comparison: Comparison, moved: list[ImageComparison]) -> str:
    """The picture of how far boxes moved as data URI; empty where none did."""
    drawn = [images for images in moved if images.moved]
    return data_uri(draw_distributions(comparison.a, comparison.b, drawn), "png") if drawn else ""


def outcome(comparison: Comparison) -> str:
    """The class that gives the verdict its colour: same, agree, differ or unknown."""
    if comparison.verdict in IDENTICAL:
        return "same"
    if comparison.verdict in (Verdict.NOT_COMPARABLE, Verdict.UNDECIDED):
        return "unknown"
    return "differ" if comparison.verdict in (Verdict.DIFFERS, Verdict.MISSING) else "agree"


def breakable(name: str) -> Markup:
    """A name that may be broken behind its underscores, for narrow screens."""
    return escape(name).replace("_", Markup("_<wbr>"))
