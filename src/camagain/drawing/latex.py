"""A table of text cells as LaTeX (booktabs), set as large as the page of the CVPR format allows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$", "|": "$|$", "–": "--", "−": "$-$",
    "±": r"$\pm$", "×": r"$\times$", "→": r"$\to$", "≥": r"$\geq$", "δ": r"$\delta$", "ρ": r"$\rho$", "τ": r"$\tau$",
}  # fmt: skip
"""Characters that LaTeX reads as commands, or that its fonts for text lack."""

MARKS, NAME_MARKS = (" / ", ", ", " "), (".", "_")
"""Where cells are broken, and where long names without any of these are."""

LONG_NAME = 20
"""Characters from which on a name may be broken."""

Lines = tuple[str, str]
"""A cell in one line, the second then empty, or in two."""


@dataclass(frozen=True)
class Size:
    """One of LaTeX's sizes in a document of 10 points: how wide its letters are, and how far apart its lines."""

    name: str
    width: float  # through that of normalsize; small letters are drawn wider, so not in proportion to the points
    line_points: float


SIZES = (
    Size("normalsize", 1.0, 12),
    Size("small", 0.925, 11),
    Size("footnotesize", 0.85, 9.5),
    Size("scriptsize", 0.797, 8),
)
SMALLEST = Size("tiny", 0.681, 6)
"""Hardly legible on paper: for tables that fit in no other way."""

PLACES = {"table": 233, "table*": 488}
"""Width in points of one column (237), and of the page (496), less what small letters are wider than estimated."""

HEIGHT_POINTS = 620
"""Height of a page (641), less the space around caption, header and rules."""

WIDEST_OF_A_COLUMN = 4
"""Tables of more columns take both columns of the page, however narrow they are."""

BROKEN_BELOW = 0.9
"""Width of a size from which on down cells may be broken into two lines."""


GAP_POINTS, BELOW_POINTS = 5, 2
"""Space between two columns, and below a row of two lines."""


@dataclass(frozen=True)
class Layout:
    """A way to set a table."""

    place: str
    size: Size
    two_lines: bool  # whether columns may be broken: intervals below their values, headers and texts at a space


def latex_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], text_columns: int, caption: str, label: str
) -> str:
    """A floating table that needs \\usepackage{booktabs}.

    It is set in the largest of LaTeX's sizes in which it fits the place: one column of the page for up to four columns,
    else both. Where it would have to be smaller than \\scriptsize, intervals go below their values and headers are
    broken. The first `text_columns` columns are left-aligned, the others right-aligned.
    """
    layout = choose_layout(columns, rows, caption)
    head, *body = set_cells([columns, *rows], layout)
    alignment = "l" * text_columns + "r" * (len(columns) - text_columns)
    lines = [
        f"\\begin{{{layout.place}}}",
        "  \\centering",
        f"  \\caption{{{escape_latex(caption)}}}",
        f"  \\label{{tab:{label}}}",
        f"  \\{layout.size.name}\\setlength{{\\tabcolsep}}{{{GAP_POINTS / 2:g}pt}}",
        f"  \\begin{{tabular}}{{@{{}}{alignment}@{{}}}}",
        "    \\toprule",
        *print_row([cell if cell[1] else ("", cell[0]) for cell in head] if any(cell[1] for cell in head) else head),
        "    \\midrule",
        *(line for row in body for line in print_row(row)),
        "    \\bottomrule",
        "  \\end{tabular}",
        f"\\end{{{layout.place}}}",
    ]
    return "\n".join(lines) + "\n"


def print_row(row: Sequence[Lines]) -> Iterator[str]:
    """A row as one line of LaTeX, or as two with some space below them."""
    first, second = ([escape_latex(cell[k]) for cell in row] for k in (0, 1))
    yield f"    {' & '.join(first)} \\\\"
    if any(second):
        yield f"    {' & '.join(second)} \\\\[{BELOW_POINTS}pt]"


def choose_layout(columns: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> Layout:
    """The most legible layout in which a table fits its place; where none does, the narrowest."""
    for layout in layouts(len(columns)):
        lines = set_cells([columns, *rows], layout)
        room = HEIGHT_POINTS - SIZES[0].line_points * text_points(caption) / PLACES[layout.place]
        if width_points(lines, layout) <= PLACES[layout.place] and height_points(lines, layout) <= room:
            return layout
    return Layout("table*", SMALLEST, two_lines=True)


def layouts(columns: int) -> Iterator[Layout]:
    """All ways to set a table of so many columns, the most legible first."""
    for place in PLACES if columns <= WIDEST_OF_A_COLUMN else ["table*"]:
        yield from (Layout(place, size, two_lines=False) for size in SIZES)
    yield from (Layout("table*", size, two_lines=True) for size in SIZES if size.width < BROKEN_BELOW)
    yield from (Layout("table*", SMALLEST, two_lines) for two_lines in (False, True))


def set_cells(cells: Sequence[Sequence[str]], layout: Layout) -> list[list[Lines]]:
    """All cells, header first; columns are broken one after the other, the most gainful first, until the table fits."""
    columns: list[list[Lines]] = [[(cell, "") for cell in column] for column in zip(*cells, strict=True)]
    broken = [broken_column(column) for column in columns]
    gains = {k: widest(columns[k]) - widest(broken[k]) for k in range(len(columns)) if layout.two_lines}
    for k in sorted(gains, key=lambda k: -gains[k]):
        if gains[k] > 0 and width_points(list(zip(*columns, strict=True)), layout) > PLACES[layout.place]:
            columns[k] = broken[k]
    return [list(row) for row in zip(*columns, strict=True)]


def broken_column(column: Sequence[Lines]) -> list[Lines]:
    """A column with every interval below its value, and with other cells broken where they need it to fit."""
    broken = [broken_cell(cell) for cell, _ in column]
    room = widest(broken)
    return [
        whole if widest([whole]) <= room and not lines[1].startswith(("[", "(")) else lines
        for whole, lines in zip(column, broken, strict=True)
    ]


def broken_cell(cell: str) -> Lines:
    """A cell in two lines: before its interval, else at that mark of the first kind found which balances the lines."""
    value, bracket, interval = cell.partition(" [")
    if bracket and "[" not in interval:
        return value, f"[{interval}"
    value, bracket, range_of_values = cell.partition(" (")
    if bracket and range_of_values.endswith(")"):
        return value, f"({range_of_values}"
    if cell.startswith("<"):  # a bound such as "< 0.001" is one number
        return cell, ""
    for mark in (*MARKS, *(NAME_MARKS if len(cell) > LONG_NAME else ())):
        places = [index for index in range(len(cell)) if cell.startswith(mark, index)]
        if places:
            kept = len(mark.rstrip())
            halves = [(cell[: place + kept], cell[place + len(mark) :]) for place in places]
            return min(halves, key=lambda pair: widest([pair]))
    return cell, ""


def width_points(rows: Sequence[Sequence[Lines]], layout: Layout) -> float:
    """Width of a table in the letters of a layout."""
    columns = list(zip(*rows, strict=True))
    return layout.size.width * sum(map(widest, columns)) + GAP_POINTS * (len(columns) - 1)


def height_points(rows: Sequence[Sequence[Lines]], layout: Layout) -> float:
    """Height of a table without its caption."""
    broken = sum(any(second for _, second in row) for row in rows)
    return layout.size.line_points * (len(rows) + broken) + BELOW_POINTS * broken


def widest(column: Sequence[Lines]) -> float:
    """Width of the widest line of a column at 10 points."""
    return max(text_points(line) for cell in column for line in cell)


@lru_cache(maxsize=4096)
def text_points(text: str) -> float:
    """Width of a text in Computer Modern at 10 points; fonts such as Times are narrower."""
    plain = "".join("+" if len(SPECIAL.get(character, "")) > 2 else character for character in text)  # wide as symbols
    return computer_modern().getlength(plain) / 100


@lru_cache(maxsize=1)
def computer_modern() -> Any:
    """LaTeX's own font, which matplotlib carries, at 1,000 pixels."""
    import matplotlib
    from PIL import ImageFont

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "cmr10.ttf", 1000)


def escape_latex(text: str) -> str:
    """Text with LaTeX's special characters escaped."""
    return "".join(SPECIAL.get(character, character) for character in text)
