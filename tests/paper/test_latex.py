"""Tables in LaTeX: escaped, legible, and never wider or higher than the page."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from camagain.drawing.render import (
    FIT,
    PAGE_CHARACTERS,
    PAGE_LINES,
    SPECIAL,
    WRAPPED_CHARACTERS,
    TextTable,
    breaks,
    broken_number,
    escape_latex,
    lines_of,
)
from camagain.paper.registry import table_names

INTERVAL = "-12.3 [-45.6, +78.9]"

PAGE = r"""\documentclass[twocolumn]{article}
\usepackage[letterpaper,textwidth=6.875in,textheight=8.875in,columnsep=0.3125in]{geometry}
\usepackage{booktabs,graphicx}
\begin{document}
"""
"""The page of the CVPR format in LaTeX's own font, which is wider than Times."""


def complaints(tables: dict[str, str], folder: Path) -> dict[str, list[str]]:
    """What LaTeX says of tables that leave the page, by table; skips where this machine has no LaTeX."""
    if shutil.which("pdflatex") is None:
        pytest.skip("needs pdflatex")
    body = "".join(f"\\typeout{{TABLE {name}}}\n{text}\\clearpage\n" for name, text in tables.items())
    (folder / "tables.tex").write_text(f"{PAGE}{body}\\end{{document}}\n", encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "tables.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    _, *parts = re.split(r"^TABLE (\S+)$", (folder / "tables.log").read_text(errors="replace"), flags=re.MULTILINE)
    found = {
        name: re.findall(r"^Overfull \\hbox.*|^.*Float too large.*", text, flags=re.MULTILINE)
        for name, text in zip(parts[::2], parts[1::2], strict=True)
    }
    assert found.keys() == tables.keys()
    return {name: lines for name, lines in found.items() if lines}


def test_no_table_of_a_run_leaves_the_page(tiny_run, tmp_path: Path):
    experiment, paths = tiny_run
    tables = {name: (paths.tables / f"{name}.tex").read_text() for name in table_names(experiment)}
    assert complaints(tables, tmp_path) == {}


def test_no_table_of_a_reference_run_leaves_the_page(root: Path, tmp_path: Path):
    files = sorted((root / "results" / "reference").glob("*/tables/*.md"))
    assert len(files) > 20
    tables = {
        f"{file.parts[-3]}/{file.stem}": TextTable.from_markdown(file.read_text()).latex(file.stem) for file in files
    }
    assert complaints(tables, tmp_path) == {}


def test_markdown_is_read_back_as_it_was(root: Path):
    text = (root / "results" / "reference" / "demo" / "tables" / "pca.md").read_text()
    assert TextTable.from_markdown(text).markdown() == text


def test_a_bar_in_a_cell_does_not_end_it():
    table = TextTable("|c| below.", ("|x| of y", "n"), (("a|b", "1"), ("", "2")))
    assert table.markdown().splitlines()[2] == r"| a\|b       | 1 |"
    assert TextTable.from_markdown(table.markdown()) == table


def test_long_names_and_a_page_of_rows_fit(tmp_path: Path):
    name = "convnext_base.fb_in22k_ft_in1k_384"
    wide = TextTable("Caption.", ("Model", "Map", *(f"choice {k}" for k in range(8))),
                     ((name, "CAM, predicted class", *[INTERVAL] * 8),) * 20, text_columns=2)  # fmt: skip
    narrow = TextTable("Caption.", ("Model", "Acc"), ((name, INTERVAL),) * 45)
    special = TextTable("".join(SPECIAL), ("".join(SPECIAL), "n"), (("a → b × c ± d ≥ e, ρ, τ – δ", "< 0.001"),))
    tables = {"wide": wide, "narrow": narrow, "special": special}
    assert complaints({key: table.latex(key) for key, table in tables.items()}, tmp_path) == {}


def test_no_table_of_a_reference_run_is_shrunk_below_six_points(root: Path, tmp_path: Path):
    """The widths and heights that LaTeX finds before a table is made to fit; the print is of 8 points."""
    files = sorted((root / "results" / "reference").glob("*/tables/*.md"))
    tables = {
        f"{file.parts[-3]}/{file.stem}": TextTable.from_markdown(file.read_text()).latex(file.stem) for file in files
    }
    measured = r"\setbox0=\hbox{%s}\typeout{SIZE \the\wd0,\the\ht0,\the\linewidth}%s\copy0}}"
    shown = {}
    for name, text in tables.items():
        for number, part in enumerate(re.findall(r"\\begin\{table.*?\\end\{table\*?\}\n", text, re.DOTALL)):
            before, fitted = part.split(FIT)
            tabular, after = fitted.rsplit("}}", 1)
            shown[f"{name}/{number}"] = before + measured % (tabular, FIT) + after
    complaints(shown, tmp_path)
    log = (tmp_path / "tables.log").read_text(errors="replace")
    sizes = re.findall(r"^SIZE ([\d.]+)pt,([\d.]+)pt,([\d.]+)pt$", log, re.MULTILINE)
    assert len(sizes) == len(shown) > len(tables)
    points = {
        name: 8 * min(1, float(line) / float(width), 0.85 * 641 / (2 * float(height)))
        for name, (width, height, line) in zip(shown, sizes, strict=True)
    }
    assert min(points.values()) > 6, points


def test_only_a_table_too_wide_for_the_page_has_cells_of_several_lines():
    def of(cell: str, columns: int) -> str:
        return TextTable("", tuple(f"c{k}" for k in range(columns)), ((cell,) * columns,)).latex("x")

    assert of("9.5", 4).startswith("\\begin{table}\n")
    assert of(INTERVAL, 4).startswith("\\begin{table*}\n"), "too wide for one column of the page"
    fitting = PAGE_CHARACTERS // len(INTERVAL)
    assert of(INTERVAL, fitting).count("{tabular}") == 2
    assert of(INTERVAL, fitting + 1).count("{tabular}") == 2 + 2 * fitting, "all numbers, and not the text"


@pytest.mark.parametrize(
    ("cell", "lines"),
    [
        ("82.0 [78.7, 86.0]", ["82.0", "[78.7, 86.0]"]),
        ("82.0 [78.7, 86.0] / 66.7 [65.2, 68.8]", ["82.0 [78.7, 86.0] /", "66.7 [65.2, 68.8]"]),
        ("+0.3 (-4.8 to +4.8)", ["+0.3", "(-4.8 to +4.8)"]),
        ("63.7 / 56.7 / 63.0", ["63.7 / 56.7 / 63.0"]),
        ("< 0.001", ["< 0.001"]),
    ],
)
def test_an_interval_goes_below_its_value(cell: str, lines: list[str]):
    assert broken_number(cell) == lines


def test_texts_and_headers_are_wrapped_between_words():
    text = "1e-05 (classifier 0.001), weight decay 0.05"
    head, first, second = lines_of(["Recipe", text, "convnext_base.fb_in22k_ft_in1k_384"], "l")
    assert head == ["Recipe"] and second == ["convnext_base.fb_in22k_ft_in1k_384"], "a name stays whole"
    assert " ".join(first) == text and max(map(len, first)) <= WRAPPED_CHARACTERS
    assert lines_of(["MaxBoxAcc of the map", "9.5"], "r") == [["MaxBoxAcc", "of the", "map"], ["9.5"]]


def test_a_row_of_two_lines_by_hand():
    latex = TextTable("A caption.", ("Model", *["Change of points"] * 8), (("a_b", *[INTERVAL] * 8),)).latex("x")
    stacked = r"\begin{tabular}[t]{@{}r@{}}{-12.3} \\ {[-45.6, +78.9]} \\[2pt]\end{tabular}"
    header = r"\begin{tabular}[b]{@{}r@{}}{Change of} \\ {points} \\[2pt]\end{tabular}"
    _, top, middle, bottom = re.split(r"\\(?:top|mid|bottom)rule\n", latex)
    assert top == f"Model{f' & {header}' * 8} \\\\\n"
    assert middle == f"a\\_b{f' & {stacked}' * 8} \\\\\n"
    assert bottom.startswith("\\end{tabular}")


def test_special_characters_are_escaped():
    assert escape_latex("a_b & 50 % of δ ≥ 0.5, 0 → 1") == r"a\_b \& 50 \% of $\delta$ $\geq$ 0.5, 0 $\to$ 1"


def test_a_table_higher_than_the_page_goes_on_in_further_floats():
    rows = tuple((f"network {number}", str(number)) for number in range(2 * PAGE_LINES + 1))
    text = TextTable("Many.", ("model", "n"), rows).latex("many")
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 3
    assert text.count(r"\label") == text.count(r"\caption{Many.}") == 1 and text.count(r"\caption{Continued.}") == 2
    found = [int(number) for number in re.findall(r"network (\d+)", text)]
    assert found == list(range(len(rows)))


@pytest.mark.parametrize("heights", [[], [1] * PAGE_LINES, [1] * (PAGE_LINES + 1), [PAGE_LINES + 5, 1, 1], [2, 3] * 60])
def test_no_float_has_more_lines_than_the_page(heights: list[int]):
    stops = breaks(heights)
    parts = [heights[start:stop] for start, stop in zip([0, *stops], stops, strict=False)]
    assert [height for part in parts for height in part] == heights
    assert all(sum(part) <= PAGE_LINES or len(part) == 1 for part in parts)
    assert all(parts) or not heights
