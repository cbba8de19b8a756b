"""The tables of docs/benchmarks.md are what benchmarks/results holds."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from camagain.errors import UserError
from tools.benchmark_tables import PAGE, BenchmarkTable, benchmarks_page, table_text

HEADER = "benchmark,case,peer,ours,peer_ms,ours_ms,ratio,n,threads,machine,versions,commit,date"
WHERE = '1,"A CPU, 2 cores",python 3.11.7 camagain 0.1.0 torch 2.13.0+cpu timm 1.0.31,abc+,2026-11-22'


@pytest.fixture
def written(tmp_path: Path):
    """Writes benchmarks/results/made-up.csv of a project folder: (case, peer, peer_ms, ratio, n) a row."""

    def write(*rows: tuple[str, str, str, str, str]) -> Path:
        file = tmp_path / "benchmarks" / "results" / "made-up.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = [
            f'made-up,"{case}","{peer}",camagain,{ms},2.0,{ratio},{n},{WHERE}' for case, peer, ms, ratio, n in rows
        ]
        file.write_text("\n".join([HEADER, *lines, ""]))
        return tmp_path

    return write


def test_the_page_says_what_was_recorded(root: Path):
    assert (root / PAGE).read_text() == benchmarks_page(root), "run `make docs`"


def test_a_changed_measurement_changes_the_page(root: Path, tmp_path: Path):
    shutil.copytree(root / "benchmarks" / "results", tmp_path / "benchmarks" / "results")
    (tmp_path / "docs").mkdir()
    (tmp_path / PAGE).write_text((root / PAGE).read_text())
    csv = tmp_path / "benchmarks" / "results" / "boxes.csv"
    table = pd.read_csv(csv, dtype=str)
    table.loc[0, ["ratio", "ratio_low", "ratio_high"]] = ["34.56", "12.34", "567.8"]  # 7 x 7, 224 px, largest
    table.to_csv(csv, index=False)
    before, after = (root / PAGE).read_text().splitlines(), benchmarks_page(tmp_path).splitlines()
    ((_, changed),) = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    assert changed.startswith("| 7x7 random | 224 px | 34.6 (12.3–568) | ")


def test_peers_stand_side_by_side(written):
    root = written(
        ("layer a, 3 maps", "nn.Conv2d, NCHW", "20.0", "10.04", "5"),
        ("layer a, 3 maps", "torch.fft", "1.0", "0.5", "5"),
        ("layer b, 3 maps", "nn.Conv2d, NCHW", "2471.3", "123.5", "5"),
        ("something else", "nn.Conv2d, NCHW", "1.0", "1.0", "5"),
    )
    table = BenchmarkTable("made-up", r"layer (?P<layer>\w), \d maps", {"layer": "layer", "ours_ms": "ms"}, "peer")
    assert table_text(root, table).splitlines() == [
        "| layer | ms | `nn.Conv2d`, NCHW | `torch.fft` |",
        "| --- | --: | --: | --: |",
        "| a | 2.00 | 10.0 | 0.5 |",
        "| b | 2.00 | 124 | – |",
        "",
        "n = 5; A CPU, 2 cores; 1 thread; Python 3.11.7, torch 2.13.0+cpu; commit abc+; 2026-11-22. From",
        "[made-up.csv](../benchmarks/results/made-up.csv).",
    ]


def test_one_peer_and_several_numbers_of_rounds(written):
    root = written(("a", "x", "2471.3", "9.96", "5"), ("b", "y", "3.14159", "1.55", "2"))
    table = BenchmarkTable("made-up", "(?P<step>.+)", {"step": "step", "peer": "against", "peer_ms": "theirs, ms"})
    head, _, first, second, *_ = table_text(root, table).splitlines()
    assert head == "| step | against | theirs, ms | n | times faster |"
    assert first == "| a | x | 2,471 | 5 | 10.0 |"
    assert second.startswith("| b | y | 3.14 | 2 | 1.")


def test_the_spread_stands_behind_a_ratio_of_several_rounds(written):
    root = written(("a", "x", "20", "10.04", "3"), ("b", "x", "20", "123.4", "1"))
    file = root / "benchmarks" / "results" / "made-up.csv"
    header, a, b, _ = file.read_text().split("\n")
    file.write_text("\n".join([f"{header},ratio_low,ratio_high", f"{a},9.512,10.96", f"{b},123.4,123.4", ""]))
    _, _, first, second, *_ = table_text(root, BenchmarkTable("made-up", "(?P<step>.+)", {"step": "step"})).splitlines()
    assert first == "| a | 3 | 10.0 (9.5–11.0) |" and second == "| b | 1 | 123 |"


def test_a_pattern_that_no_case_follows_is_refused(written):
    table = BenchmarkTable("made-up", "(?P<step>z.*)", {"step": "step"})
    with pytest.raises(UserError, match="expected rows whose case matches"):
        table_text(written(("a", "x", "1.0", "1.0", "5")), table)


@pytest.mark.parametrize("change", [("boxes", "boxen"), ("<!-- table erf", "<!-- erf")])
def test_marks_that_are_not_the_tables_are_refused(root: Path, tmp_path: Path, change: tuple[str, str]):
    (tmp_path / "docs").mkdir()
    (tmp_path / PAGE).write_text((root / PAGE).read_text().replace(*change))
    with pytest.raises(UserError, match="expected marks of the tables"):
        benchmarks_page(tmp_path)
