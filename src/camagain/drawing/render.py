"""A table of text cells as Markdown and as LaTeX."""

import re
from dataclasses import dataclass

from camagain.drawing.latex import latex_table


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
        lines = text.splitlines()
        head, rule, *rows = (
            tuple(cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1])
            for line in lines
            if line.startswith("|")
        )
        caption = "\n".join(lines[len(rows) + 3 :])
        return cls(caption, head, tuple(rows), sum(not cell.endswith(":") for cell in rule))

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
        """A floating table that fits the page of the CVPR format; needs \\usepackage{booktabs}."""
        return latex_table(self.columns, self.rows, self.text_columns, self.caption, label)
