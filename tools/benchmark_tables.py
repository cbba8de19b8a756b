"""The tables of docs/benchmarks.md, written from benchmarks/results: no measured number of a table is typed twice."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import fill

import pandas as pd

from camagain.artifacts import existing
from camagain.errors import UserError

PAGE = Path("docs/benchmarks.md")
RESULTS = Path("benchmarks/results")

MARKED = re.compile(r"(<!-- table ([\w-]+), written by `make docs` -->\n).*?(<!-- end of table -->)", re.DOTALL)
"""What stands between these lines is replaced; the first names the table."""


@dataclass(frozen=True)
class BenchmarkTable:
    """Rows of one file of results, one line for each case, with the ratios of its peers side by side."""

    file: str
    cases: str  # pattern of the cases that belong here; its groups are columns, too
    before: Mapping[str, str]  # columns before the ratios, and their headers
    beside: str = ""  # column whose values stand side by side; empty: one ratio a line
    after: Mapping[str, str] = field(default_factory=dict)  # columns behind the ratios


NUMBERS = ("n", "peer_ms", "ours_ms", "rate", "gib")
"""Columns before the ratios that are right-aligned."""

ONE_PEER = {"peer": "against", "peer_ms": "theirs, ms", "ours_ms": "camagain, ms"}

LARGE_KERNEL = BenchmarkTable(
    "large_kernel",
    r"(?P<way>forward\+?\w*) \d+x(?P<grid>[\dx]+) kernel (?P<kernel>.+)",
    {"grid": "channels x grid", "kernel": "kernel", "way": "pass"},
    beside="peer",
)

ERF = BenchmarkTable(
    "erf",
    r"(?P<network>.+)",
    {"network": "network, input", "peer_ms": "theirs, ms", "ours_ms": "camagain, ms"},
    after={
        "difference": "largest difference in double precision",
        "sides": "sides of both squares at 20, 30, 50, 99 %, px",
    },
)

PLANNING = BenchmarkTable(
    "planning",
    r"(?P<what>.+)",
    {"what": "experiment", "peer": "against", "ours_ms": "snakemake -n, CPU ms"},
    after={"peak_mb": "peak memory, MB"},
)

TABLES: Mapping[str, BenchmarkTable] = {
    "large-kernel": LARGE_KERNEL,
    "large-kernel-2-threads": replace(LARGE_KERNEL, file="large_kernel-2-threads"),
    "training-step": BenchmarkTable("training_step", r"(?P<network>.+), \d+ px.*", {"network": "network"}, "peer"),
    "boxes": BenchmarkTable(
        "boxes",
        r"(?P<size>\d+ px), (?P<map>.+), (?P<contours>largest|all), \d+ maps",
        {"map": "score map", "size": "compared at"},
        beside="contours",
    ),
    "heatmaps": BenchmarkTable(
        "heatmaps", r"(?P<step>.+)", {"step": "step", **ONE_PEER}, after={"difference": "our largest difference"}
    ),
    "erf": ERF,
    "erf-large": replace(ERF, file="erf_large"),
    "compare": BenchmarkTable(
        "compare",
        r"(?P<what>.+)",
        {"what": "what", "peer": "against", "ours_ms": "camagain, ms"},
        after={"peak_mb": "peak memory, MB"},
    ),
    "planning": PLANNING,
    "planning-large": replace(PLANNING, file="planning_large"),
    "demo": BenchmarkTable(
        "demo", r"(?P<what>.+)", {"what": "what", "peer_ms": "before, CPU ms", "ours_ms": "now, CPU ms"}
    ),
    "explorer": BenchmarkTable(
        "explorer",
        r"(?P<what>.+)",
        {"what": "what", "peer": "against", "ours_ms": "first view, ms"},
        after={"page_mb": "page, MB"},
    ),
    "portable": BenchmarkTable(
        "portable",
        r"(?P<job>.+)",
        {"job": "step", "peer_ms": "any code, CPU ms", "ours_ms": "one code, CPU ms"},
    ),
    "gpu-layers": BenchmarkTable(
        "gpu",
        r"(?P<layer>.+), (?P<precision>fp32|bf16), forward\+backward, \d+ images",
        {"layer": "layer", "precision": "precision", "ours_ms": "Fourier route, ms"},
        beside="peer",
    ),
    "gpu-steps": BenchmarkTable(
        "gpu",
        r"training step of (?P<network>.+), batch \d+, (?P<precision>\w+) \((?P<rate>\d+) images/s, (?P<gib>.+) GiB\)",
        {"network": "network, input", "precision": "precision", "rate": "camagain, images/s", "gib": "GiB"},
        beside="peer",
    ),
    "gpu-heatmaps": BenchmarkTable(
        "gpu",
        r"(?P<step>.+ to heatmap), difference (?P<difference>\S+)",
        {"step": "step", **ONE_PEER},
        after={"difference": "largest difference"},
    ),
}
"""The tables by the name in their marks."""


def benchmarks_page(root: Path) -> str:
    """docs/benchmarks.md with its marked tables rewritten; UserError where its marks are not those of the tables."""
    text = existing(root / PAGE).read_text(encoding="utf-8")
    named = [name for _, name, _ in MARKED.findall(text)]
    if sorted(named) != sorted(TABLES):
        raise UserError(
            f"{root / PAGE}: expected marks of the tables {sorted(TABLES)}, each once; found {sorted(named)}."
        )
    return MARKED.sub(lambda match: f"{match[1]}\n{table_text(root, TABLES[match[2]])}\n{match[3]}", text)


def table_text(root: Path, table: BenchmarkTable) -> str:
    """A table as Markdown, and below it where, with what and when it was measured."""
    path = RESULTS / f"{table.file}.csv"
    rows = pd.read_csv(existing(root / path), dtype=str, keep_default_na=False)
    rows = rows.join(rows["case"].str.extract(f"^{table.cases}$")).dropna()
    if rows.empty:
        raise UserError(f"{root / path}: expected rows whose case matches {table.cases}; measure again (`make bench`).")
    before, after = dict(table.before), dict(table.after)
    if rows["n"].nunique() > 1:
        before["n"] = "n"
    beside = list(dict.fromkeys(rows[table.beside])) if table.beside else []
    header = [*before.values(), *(map(as_code, beside) if beside else ["times faster"]), *after.values()]
    numbers = [key in NUMBERS for key in before] + [True] * (len(header) - len(before))
    lines = [line(header), line(["--:" if number else "---" for number in numbers])]
    for _, group in rows.groupby(list(before), sort=False):
        first = group.iloc[0]
        ratios = {row[table.beside] if beside else "": ratio_of(row) for _, row in group.iterrows()}
        shown = [ratios.get(key, "–") for key in beside or [""]]
        described = [milliseconds(first[key]) if key.endswith("_ms") else as_code(first[key]) for key in before]
        lines.append(line([*described, *shown, *(first[key] or "–" for key in after)]))
    return "\n".join([*lines, "", fill(measured_on(rows, path), 120, break_on_hyphens=False), ""])


def measured_on(rows: pd.DataFrame, path: Path) -> str:
    """What the rows of a table have in common, or the several values of it."""
    rows = rows.assign(
        threads=rows["threads"] + rows["threads"].map(lambda number: " thread" if number == "1" else " threads"),
        versions=rows["versions"].str.replace(r"python (\S+).*? torch (\S+).*", r"Python \1, torch \2", regex=True),
        commit="commit " + rows["commit"],
        n="n = " + rows["n"],
    )
    columns = [*(["n"] if rows["n"].nunique() == 1 else []), "machine", "threads", "versions", "commit", "date"]
    facts = [" and ".join(dict.fromkeys(rows[column])) for column in columns]
    return f"{'; '.join(facts)}. From [{path.name}](../{path.as_posix()})."


def speed(root: Path) -> str:
    """What users feel of all this, in one sentence: the least and the largest ratio of three benchmarks."""
    boxes = ratios(root, "boxes", r"\d+ px, \d.*", "wsolevaluation")
    erf = ratios(root, "erf", r".+", "")
    training = ratios(root, "training_step", r"RepLKNet.*|replknet.*", "nn.Conv2d, NCHW")
    return fill(
        f"On one core of a CPU it finds the boxes of a score map {boxes} times as fast as wsolevaluation's code, and "
        f"the same boxes; it measures an effective receptive field {erf} times as fast as the published script; and it "
        f"trains RepLKNets {training} times as fast as `nn.Conv2d` does ([docs/benchmarks.md](docs/benchmarks.md)).",
        120,
        break_on_hyphens=False,
        break_long_words=False,
    )


def ratios(root: Path, file: str, cases: str, peer: str) -> str:
    """The least and the largest ratio of the rows whose case and peer match: "7 to 12"."""
    rows = pd.read_csv(existing(root / RESULTS / f"{file}.csv"))
    found = rows["ratio"][rows["case"].str.fullmatch(cases) & rows["peer"].str.contains(peer, regex=False)]
    if found.empty:
        raise UserError(
            f"{root / RESULTS / file}.csv: expected rows of {cases} against {peer}; measure again (`make bench`)."
        )
    return " to ".join(f"{float(f'{end:.2g}'):g}" for end in (found.min(), found.max()))


def milliseconds(text: str) -> str:
    """A time with at least three digits."""
    return f"{float(text):,.0f}" if float(text) >= 100 else f"{float(text):#.3g}"


def ratio_of(row: Mapping[str, str]) -> str:
    """A ratio, and in parentheses the smallest and the largest of single rounds where there were several."""
    low, high = (row.get(end) or "" for end in ("ratio_low", "ratio_high"))
    several = low and high and row["n"] != "1"
    return f"{ratio(row['ratio'])} ({ratio(low)}–{ratio(high)})" if several else ratio(row["ratio"])


def ratio(text: str) -> str:
    """A ratio with about three digits."""
    return f"{float(text):.0f}" if float(text) >= 100 else f"{float(text):.1f}"


def as_code(text: str) -> str:
    """A text with torch's names in backticks."""
    return re.sub(r"\b((?:torch|nn)\.\w+)", r"`\1`", text)


def line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
