"""A table of text cells as Markdown and as LaTeX (booktabs)."""

from dataclasses import dataclass

LATEX_SPECIAL = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
                 "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--", "τ": r"$\tau$",
                 "−": "$-$", "<": "$<$", "δ": r"$\delta$"}  # fmt: skip

COLUMNS_OF_A_COLUMN = 4
"""Wider tables take both columns of the page."""

POINTS = {"table": 237, "table*": 496}
"""Width of one column, and of the page, in the CVPR format."""

SIZES = {"normalsize": 1.0, "small": 0.9, "footnotesize": 0.8, "scriptsize": 0.7, "tiny": 0.5}
"""LaTeX's sizes relative to 10 points, of which a character is about half as wide."""

CHARACTER_POINTS, GAP_POINTS = 5.2, 6


@dataclass(frozen=True)
class TextTable:
    """Cells as they are printed. `columns` are headers; the first `text_columns` are text, the others numbers."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text_columns: int = 1

    def markdown(self) -> str:
        """GitHub-flavoured Markdown, numbers right-aligned, the caption below."""
        widths = [max(len(row[k]) for row in (self.columns, *self.rows)) for k in range(len(self.columns))]
        align = [k >= self.text_columns for k in range(len(self.columns))]
        rule = ["-" * (width - 1) + ":" if right else "-" * width for width, right in zip(widths, align, strict=True)]

        def line(cells: tuple[str, ...] | list[str]) -> str:
            padded = [
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(cells, widths, align, strict=True)
            ]
            return "| " + " | ".join(padded) + " |"

        return "\n".join([line(self.columns), line(rule), *map(line, self.rows), "", self.caption, ""])

    def latex(self, label: str) -> str:
        """A floating table; needs \\usepackage{booktabs}. Wide ones are set smaller, to fit the page or column."""
        alignment = "l" * self.text_columns + "r" * (len(self.columns) - self.text_columns)
        place = "table*" if len(self.columns) > COLUMNS_OF_A_COLUMN else "table"
        body = "\n".join("    " + " & ".join(map(escape_latex, row)) + r" \\" for row in self.rows)
        size = font_size([max(len(row[k]) for row in (self.columns, *self.rows)) for k in range(len(alignment))], place)
        return (
            f"\\begin{{{place}}}\n  \\centering\n"
            f"  \\caption{{{escape_latex(self.caption)}}}\n  \\label{{tab:{label}}}\n"
            f"  \\{size}\\setlength{{\\tabcolsep}}{{{GAP_POINTS / 2:g}pt}}\n"
            f"  \\begin{{tabular}}{{{alignment}}}\n    \\toprule\n"
            f"    {' & '.join(map(escape_latex, self.columns))} \\\\\n    \\midrule\n{body}\n    \\bottomrule\n"
            f"  \\end{{tabular}}\n\\end{{{place}}}\n"
        )


def font_size(characters: list[int], place: str) -> str:
    """The largest of LaTeX's sizes at which columns of so many characters fit a table's place, else the smallest."""
    room = POINTS[place] - GAP_POINTS * len(characters)
    return next((name for name, size in SIZES.items() if sum(characters) * CHARACTER_POINTS * size <= room), "tiny")


def escape_latex(text: str) -> str:
    """Text with LaTeX's special characters escaped."""
    return "".join(LATEX_SPECIAL.get(character, character) for character in text)
