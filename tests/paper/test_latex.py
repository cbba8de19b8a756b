"""Tables in LaTeX: escaped, set as large as the page allows, and never wider or higher than it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from camagain.drawing.latex import (
    PLACES,
    SIZES,
    SPECIAL,
    Layout,
    broken_cell,
    choose_layout,
    escape_latex,
    set_cells,
    text_points,
    width_points,
)
from camagain.drawing.render import TextTable
from camagain.paper.registry import table_names

INTERVAL = "-12.3 [-45.6, +78.9]"

PAGE = r"""\documentclass[twocolumn]{article}
\usepackage[letterpaper,textwidth=6.875in,textheight=8.875in,columnsep=0.3125in]{geometry}
\usepackage{booktabs}
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
    assert table.markdown().splitlines()[2] == r"| a\|b      | 1 |"
    assert TextTable.from_markdown(table.markdown()) == table


def test_long_names_and_a_page_of_rows_fit(tmp_path: Path):
    name = "convnext_base.fb_in22k_ft_in1k_384"
    wide = TextTable("Caption.", ("Model", "Map", *(f"choice {k}" for k in range(8))),
                     ((name, "CAM, predicted class", *[INTERVAL] * 8),) * 20, text_columns=2)  # fmt: skip
    narrow = TextTable("Caption.", ("Model", "Acc"), ((name, INTERVAL),) * 45)
    special = TextTable("".join(SPECIAL), ("".join(SPECIAL), "n"), (("a → b × c ± d ≥ e, ρ, τ – δ", "< 0.001"),))
    tables = {"wide": wide, "narrow": narrow, "special": special}
    assert complaints({key: table.latex(key) for key, table in tables.items()}, tmp_path) == {}


def test_a_table_is_set_as_large_as_it_fits():
    def chosen(columns: int, cell: str, rows: int = 3) -> tuple[str, str, bool]:
        layout = choose_layout([f"c{k}" for k in range(columns)], [[cell] * columns] * rows, "")
        return layout.place, layout.size.name, layout.two_lines

    assert chosen(2, "9.5") == ("table", "normalsize", False)
    assert chosen(4, INTERVAL) == ("table*", "normalsize", False), "too wide for one column of the page"
    assert chosen(5, "9.5") == ("table*", "normalsize", False)
    # One line of an interval is 82.7 points wide at 10 points, the broken one 58.3; 5 more stand between two columns.
    assert chosen(6, INTERVAL)[1:] == ("small", False)
    assert chosen(7, INTERVAL)[1:] == ("footnotesize", True), "one line would need less than \\scriptsize"
    assert chosen(9, INTERVAL)[1:] == ("footnotesize", True)
    assert chosen(10, INTERVAL)[1:] == ("tiny", True)
    assert chosen(7, INTERVAL, rows=40)[1:] == ("tiny", False), "rows of two lines would be higher than the page"


def test_the_width_of_a_text_is_that_of_latex():
    """By cmr10.tfm, in points at 10 points: a digit 5, a point or bracket 2.778, a space 3.333, M 9.167."""
    assert text_points("82.0 [78.7]") == pytest.approx(6 * 5 + 4 * 2.778 + 3.333, abs=0.05)
    assert text_points("M") == pytest.approx(9.167, abs=0.01)
    assert text_points("<") == text_points("→") == text_points("+") == pytest.approx(7.778, abs=0.02)


def test_cells_break_before_an_interval_or_where_lines_balance():
    assert broken_cell("82.0 [78.7, 86.0]") == ("82.0", "[78.7, 86.0]")
    assert broken_cell("82.0 [78.7, 86.0] / 66.7 [65.2, 68.8]") == ("82.0 [78.7, 86.0] /", "66.7 [65.2, 68.8]")
    assert broken_cell("CAM, predicted class") == ("CAM,", "predicted class")
    assert broken_cell("+0.3 (-4.8 to +4.8)") == ("+0.3", "(-4.8 to +4.8)")
    assert broken_cell("1e-05 (classifier 0.001), weight decay 0.05") == (
        "1e-05 (classifier 0.001),",
        "weight decay 0.05",
    )
    assert broken_cell("a bb ccc dd") == ("a bb", "ccc dd")
    assert broken_cell("< 0.001") == ("< 0.001", "")
    assert broken_cell("resnet_narrow") == ("resnet_narrow", "")
    assert broken_cell("convnext_base.fb_in22k_ft_in1k_384") == ("convnext_base.", "fb_in22k_ft_in1k_384")


def test_only_as_many_columns_are_broken_as_it_takes():
    layout = Layout("table*", SIZES[0], two_lines=True)
    head, row = ["Model", "Choice of some kind", *["c"] * 5], ["m", "9.5", *[INTERVAL] * 5]
    fitting = set_cells([head[:5], row[:5]], layout)
    assert not any(second for line in fitting for _, second in line)
    lines = set_cells([head, row], layout)
    assert width_points(lines, layout) <= PLACES["table*"]
    assert lines[0][1] == ("Choice of", "some kind"), "the broken header is 45 points narrower, an interval 24"
    broken = [cell for cell in lines[1] if cell[1]]
    assert 0 < len(broken) < 5 and set(broken) == {("-12.3", "[-45.6, +78.9]")}


def test_a_row_of_two_lines_by_hand():
    table = TextTable("A caption.", ("Model", "Acc", *["Change of my points"] * 8), (("a_b", "9.5", *[INTERVAL] * 8),))
    latex = table.latex("x")
    assert (
        "\\toprule\n     & " + " & Change of" * 8 + " \\\\\n    Model & Acc" + " & my points" * 8 + " \\\\[2pt]\n"
        in latex
    )
    assert "    a\\_b & 9.5" + " & -12.3" * 8 + " \\\\\n     & " + " & [-45.6, +78.9]" * 8 + " \\\\[2pt]\n" in latex


def test_special_characters_are_escaped():
    assert escape_latex("a_b & 50 % of δ ≥ 0.5, 0 → 1") == r"a\_b \& 50 \% of $\delta$ $\geq$ 0.5, 0 $\to$ 1"
