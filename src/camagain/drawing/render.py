"""A table of text cells as Markdown, and as LaTeX that fits the page of the CVPR format."""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$", "|": "$|$", "–": "--", "−": "$-$",
    "±": r"$\pm$", "×": r"$\times$", "→": r"$\to$", "≥": r"$\geq$", "δ": r"$\delta$", "ρ": r"$\rho$", "τ": r"$\tau$",
}  # fmt: skip
"""Characters that LaTeX reads as commands, or that its fonts for text lack."""

COLUMN_CHARACTERS, PAGE_CHARACTERS = 48, 115
"""Most characters in a row: of a table in one column of the page, and of one whose cells are not wrapped."""

WRAPPED_CHARACTERS = 28
"""Characters of a line in a text cell of a table that is too wide for the page otherwise."""

PAGE_LINES = 56
"""Most lines of a float's rows. A longer table goes on in the next float; shrunk, nobody could read it."""

FIT = (
    r"\resizebox*{!}{\ifdim\totalheight>0.85\textheight 0.85\textheight\else\totalheight\fi}{"
    r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{"
)
"""Shrinks the box that follows where it is wider than the page, or higher than the page without a caption."""


@dataclass(frozen=True)
class TextTable:
    """Cells as they are printed. `columns` are headers; the first `text_columns` are text, the others numbers."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text_columns: int = 1

    @classmethod
    def from_markdown(cls, text: str) -> "TextTable":
        """The table that `markdown` wrote."""
        table, _, caption = text.partition("\n\n")
        head, rule, *rows = (
            tuple(cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1])
            for line in table.splitlines()
        )
        return cls(caption.removesuffix("\n"), head, tuple(rows), sum(not cell.endswith(":") for cell in rule))

    def markdown(self) -> str:
        """GitHub-flavoured Markdown, numbers right-aligned, the caption below."""
        columns, *rows = ([cell.replace("|", "\\|") for cell in row] for row in (self.columns, *self.rows))
        widths = [max(len(row[k]) for row in (columns, *rows)) for k in range(len(columns))]
        align = [k >= self.text_columns for k in range(len(columns))]
        rule = ["-" * (width - 1) + ":" if right else "-" * width for width, right in zip(widths, align, strict=True)]

        def line(cells: list[str]) -> str:
            padded = [
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(cells, widths, align, strict=True)
            ]
            return "| " + " | ".join(padded) + " |"

        return "\n".join([line(columns), line(rule), *map(line, rows), "", self.caption, ""])

    def latex(self, label: str) -> str:
        """Floating tables in small print, shrunk where they have to be; needs \\usepackage{booktabs,graphicx}.

        A narrow table takes one column of the page, any other both. In a table that is too wide for both, intervals go
        below their values, and texts and headers are wrapped. A table that is higher than the page goes on in further
        floats of the same number. Texts are left-aligned and numbers right-aligned.
        """
        import pandas as pd

        alignment = "l" * self.text_columns + "r" * (len(self.columns) - self.text_columns)
        columns = list(zip(self.columns, *self.rows, strict=True))
        characters = sum(max(map(len, column)) for column in columns)
        lines = [
            lines_of(column, align) if characters > PAGE_CHARACTERS else [[cell] for cell in column]
            for column, align in zip(columns, alignment, strict=True)
        ]
        cells = [set_lines(column, align) for column, align in zip(lines, alignment, strict=True)]
        head, *body = zip(*cells, strict=True)
        heights = [height_of(max(map(len, row))) for row in zip(*lines, strict=True)][1:]
        place = "table" if characters <= COLUMN_CHARACTERS else "table*"
        floats, start = [], 0
        for stop in breaks(heights):
            style = pd.DataFrame(body[start:stop], columns=head).style.hide(axis="index")
            tabular = style.to_latex(hrules=True, column_format=f"@{{}}{alignment}@{{}}")
            caption = f"\\caption{{{escape_latex(self.caption)}}}\n\\label{{tab:{label}}}"
            if start:
                caption = "\\addtocounter{table}{-1}\\caption{Continued.}"
            floats.append(
                f"\\begin{{{place}}}\n\\centering\n{caption}\n"
                f"\\footnotesize\\setlength{{\\tabcolsep}}{{2.5pt}}\n{FIT}%\n"
                f"{tabular.rstrip()}%\n}}}}\n\\end{{{place}}}\n"
            )
            start = stop
        return "".join(floats)


def height_of(lines: int) -> float:
    """The height of a row in lines; 2 points, a fifth of a line, stand below a row of several."""
    return lines + 0.2 * (lines > 1)


def breaks(heights: Sequence[float]) -> list[int]:
    """The rows at which a table ends or is broken, from how many lines each has; its floats are about equally high."""
    most = PAGE_LINES if (total := sum(heights)) <= PAGE_LINES else -(-total // -(-total // PAGE_LINES))
    found, filled = [], 0.0
    for row, height in enumerate(heights):
        if filled and filled + height > most:
            found.append(row)
            filled = 0.0
        filled += height
    return [*found, len(heights)]


def set_lines(column: Sequence[list[str]], align: str) -> list[str]:
    """The cells of a column, its header first, in LaTeX: rows are level at their first line, headers at their last."""
    head, *cells = column
    return [_stacked(head, "b", align), *(_stacked(cell, "t", align) for cell in cells)]


def _stacked(lines: Sequence[str], level: str, align: str) -> str:
    if len(lines) < 2:
        return escape_latex("".join(lines))
    # In braces, a line that begins with [ is not read as an option of the line break before it.
    joined = r" \\ ".join(f"{{{escape_latex(line)}}}" for line in lines)
    return rf"\begin{{tabular}}[{level}]{{@{{}}{align}@{{}}}}{joined} \\[2pt]\end{{tabular}}"


def lines_of(column: Sequence[str], align: str) -> list[list[str]]:
    """The lines of the cells of a column, its header first: texts wrapped ("l"), or intervals below values ("r")."""
    head, *cells = column
    lines = [_wrapped(cell, WRAPPED_CHARACTERS) if align == "l" else broken_number(cell) for cell in cells]
    return [_wrapped(head, max((len(line) for cell in lines for line in cell), default=WRAPPED_CHARACTERS)), *lines]


def _wrapped(text: str, characters: int) -> list[str]:
    """Lines of words, each word whole."""
    return textwrap.wrap(text, max(characters, 6), break_long_words=False, break_on_hyphens=False)


def broken_number(cell: str) -> list[str]:
    """A number with its interval below it; several numbers with intervals, one below the other."""
    return re.split(r"(?<=\] /) " if "] / " in cell else r" (?=[\[(])", cell)


def escape_latex(text: str) -> str:
    """Text with LaTeX's special characters escaped."""
    return "".join(SPECIAL.get(character, character) for character in text)
