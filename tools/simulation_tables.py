"""The tables of simulated error rates in the documents, written from benchmarks/results (`make simulate`)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

import pandas as pd

from camagain.artifacts import existing
from camagain.errors import UserError
from tools.benchmark_tables import RESULTS, line, measured_on

MARKED = re.compile(r"(<!-- simulated ([\w-]+), written by `make docs` -->\n).*?(<!-- end of table -->)", re.DOTALL)
"""What stands between these lines is replaced; the first names the table."""


@dataclass(frozen=True)
class SimulationTable:
    """Rows of one file of results on one page: its columns and their headers. `rows`: a query that picks some rows."""

    page: Path
    file: str
    columns: Mapping[str, str]
    rows: str = ""


def coverage(rows: str, *names: str) -> SimulationTable:
    """Some rows of the simulated coverage, with the rates of each size of the test set."""
    sizes = {
        f"{name}_{images}": f"{HEADERS.get(name, name)}, {images:,}" for name in names for images in (100, 400, 5794)
    }
    columns = {"score": "Score", "population": "Population", "truth": "Truth", **sizes}
    return SimulationTable(Path("docs/metrics.md"), "coverage", columns, rows)


HEADERS = {"coverage": "held"}

MADE = ["one peak", "flat", "two peaks", "low and flat"]
FRESH = ["slope", "plateau", "three peaks", "ragged"]
CUB27 = [f"cub27, {maps}" for maps in ("efficientnet_lite0 cam", "efficientnet_lite0 pc1", "baseline centre-gaussian")]
SHOWN = ["demo, resnet cam", "demo, slak cam", "demo, slak pc1", "demo, baseline centre-gaussian"]
"""Populations of the demo that the page shows, from a high and sharp curve to a low one."""

TABLES: Mapping[str, SimulationTable] = {
    "comparison": SimulationTable(
        page=Path("docs/compare.md"),
        file="comparison",
        columns={
            "case": "what differs",
            "models": "models",
            "trainings_of_each_run": "seeds a side",
            "seeds_of_the_reference": "seeds of the spread",
            "rows_depend": "numbers of a model",
            "deviation_points": "deviation over seeds, points",
            "loss_points": "loss, points",
            "said_percent": "said, %",
            "n": "n",
        },
    ),
    "seeds-and-images": SimulationTable(
        Path("docs/analyses.md"),
        "seeds_and_images",
        {
            "seeds": "Seeds",
            "seed_deviation_points": "Deviation over seeds, points",
            "images_percent": "Images alone: held, %",
            "images_half_points": "half width, points",
            "both_percent": "Both: held, %",
            "both_half_points": "half width, points ",
        },
    ),
    "kernels-test": SimulationTable(
        Path("docs/analyses.md"),
        "kernels",
        {
            "truth": "True change with K",
            "deviation_points": "Deviation over seeds, points",
            "trend_percent": "rises or falls, %",
            "no_trend_percent": "no trend, %",
            "difference_percent": "any difference, %",
            "curve_percent": "not straight, %",
        },
        "of == 'test'",
    ),
    "kernels-mediation": SimulationTable(
        Path("docs/analyses.md"),
        "kernels",
        {
            "truth": "True effect on MaxBoxAcc",
            "deviation_points": "Deviation over seeds, points",
            "total_percent": "Total: held, %",
            "through_percent": "through ERF: held, %",
            "beside_percent": "beside it: held, %",
            "through_half_points": "half width of through, points",
        },
        "of == 'mediation'",
    ),
    "coverage-made": coverage(f"population in {MADE}", "bias", "coverage", "percentile"),
    "coverage-fresh": coverage(f"population in {FRESH + CUB27}", "bias", "coverage", "percentile"),
    "coverage-demo": coverage(f"population in {SHOWN}", "bias", "coverage", "percentile"),
    "coverage-difference": coverage(
        "score == 'difference' and not population.str.contains('by chance')", "bias", "coverage"
    ),
    "coverage-equal": coverage("population.str.contains('by chance')", "rejected"),
    "soak-kills": SimulationTable(
        page=Path("docs/reliability.md"),
        file="soak-kills",
        columns={"stage": "job of", "killed": "killed", "tried": "tried", "survived": "survived"},
    ),
    "soak-memory": SimulationTable(
        page=Path("docs/reliability.md"),
        file="soak-memory",
        columns={
            "stage": "job",
            "images": "test images",
            "peak_mb": "peak, MB",
            "bound_mb": "bound, MB",
            "survived": "survived",
        },
    ),
    "soak-networks": SimulationTable(
        page=Path("docs/reliability.md"),
        file="soak-networks",
        columns={"outcome": "expected", "tried": "tried", "survived": "survived"},
    ),
    "soak-cluster": SimulationTable(
        page=Path("docs/reliability.md"),
        file="soak-cluster",
        columns={"what": "on the cluster", "tried": "tried", "survived": "survived"},
    ),
    "claims": SimulationTable(
        page=Path("docs/paper-map.md"),
        file="claims",
        columns={
            "claim": "claim",
            "truth": "truth",
            "seed_deviation_points": "deviation over seeds, points",
            "seeds": "seeds",
            "supported_percent": "supported",
            "contradicted_percent": "contradicted",
            "false_verdicts": "false would be",
        },
    ),
}
"""The tables by the name in their marks."""


def simulation_pages(root: Path) -> dict[Path, str]:
    """Each page with its marked tables rewritten; UserError where its marks are not those of the tables."""
    found = {}
    for page in dict.fromkeys(table.page for table in TABLES.values()):
        text = existing(root / page).read_text(encoding="utf-8")
        named = [name for _, name, _ in MARKED.findall(text)]
        expected = sorted(name for name, table in TABLES.items() if table.page == page)
        if sorted(named) != expected:
            raise UserError(
                f"{root / page}: expected marks of the simulated tables {expected}, each once; found {sorted(named)}."
            )
        found[root / page] = MARKED.sub(
            lambda match: f"{match[1]}\n{table_text(root, TABLES[match[2]])}\n{match[3]}", text
        )
    return found


def table_text(root: Path, table: SimulationTable) -> str:
    """A table as Markdown, and below it where, with what and when it was simulated."""
    path = RESULTS / f"{table.file}.csv"
    rows = pd.read_csv(existing(root / path), dtype=str, keep_default_na=False)
    rows = rows.query(table.rows) if table.rows else rows
    cells = rows[list(table.columns)]
    numbers = [pd.to_numeric(cells[column].replace("", "nan"), errors="coerce").notna().any() for column in cells]
    lines = [line(list(table.columns.values())), line(["--:" if number else "---" for number in numbers])]
    lines += [line(list(row)) for row in cells.itertuples(index=False, name=None)]
    return "\n".join([*lines, "", fill(measured_on(rows, path), 120, break_on_hyphens=False), ""])
