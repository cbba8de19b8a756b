"""A table of text cells as Markdown and as LaTeX."""

from dataclasses import dataclass

from camagain.drawing.latex import latex_table


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
        """A floating table that fits the page of the CVPR format; needs \\usepackage{booktabs}."""
        return latex_table(self.columns, self.rows, self.text_columns, self.caption, label)
