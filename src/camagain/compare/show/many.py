"""Scores of several runs: one table for each figure, on a terminal and in Markdown, and all of them as plain values."""

from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.text import Text

from camagain.compare.judging.many import RunTable, ScoreRow
from camagain.compare.judging.ranks import RANKED
from camagain.compare.show.grids import Column, Grid
from camagain.compare.show.markdown import code, markdown_table
from camagain.compare.show.record import plain_value
from camagain.compare.show.text import WIDTH, rich_table

SCHEMA = 1
"""Raised when a field of the JSON changes its meaning."""

VALUE_WIDTH = 7
"""Characters of a value with its mark: 100.00*."""

DASH = "–"
ALL_METHODS = "all"


def text(table: RunTable, figures: Sequence[str] = RANKED) -> str:
    """The table of these figures as plain text."""
    out = StringIO()
    write(table, Console(file=out, width=WIDTH, color_system=None), figures)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()).rstrip()


def write(table: RunTable, console: Console, figures: Sequence[str] = RANKED) -> None:
    """Writes notices, which column is which run, a table for each figure, and what the marks mean."""
    for notice in table.notices:
        console.print(Text(f"ATTENTION: {notice}", style="bold yellow"), soft_wrap=True)
    rows = shown_rows(table, figures)
    room = console.width - width_beside(table, rows)
    names = column_names(table)
    if width_of(names) > room:
        names = [f"#{number}" for number in range(1, len(names) + 1)]
    for line in legend(table, names):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    for figure, group in groupby(rows, lambda row: row.figure):
        of_figure = list(group)
        for places in blocks(names, room):
            console.print()
            console.print(rich_table(figure_grid(table, of_figure, names, places), f"{figure}, percent"))
    console.print()
    console.print(footnote(table, rows), highlight=False, markup=False, soft_wrap=True)


def markdown(table: RunTable, figures: Sequence[str] = RANKED) -> str:
    """The same as Markdown, where the best values are bold."""
    rows, names = shown_rows(table, figures), column_names(table)
    lines = [f"> **Attention:** {notice}\n" for notice in table.notices]
    lines += [f"- {line}" for line in legend(table, names)]
    for figure, of_figure in groupby(rows, lambda row: row.figure):
        grid = figure_grid(table, list(of_figure), names, range(len(names)))
        lines += ["", f"{code(figure)}, percent", "", *markdown_table(grid)]
    return "\n".join([*lines, "", footnote(table, rows, "bold")])


def record(table: RunTable) -> dict[str, Any]:
    """Every figure of every run as plain values, in a stable order; positions in lists are those of `runs`."""
    rows = []
    for row in table.rows:
        spread = table.spread(row)
        rows.append(
            {
                **{name: getattr(row, name) for name in ("model", "method", "figure")},
                "values": list(row.values),
                "intervals": [list(interval) if interval else None for interval in row.intervals],
                "best": list(row.best),
                "missing": row.missing,
                **{name: getattr(spread, name) for name in ("n", "mean", "deviation")},
                "min": spread.low,
                "max": spread.high,
            }
        )
    return {
        "schema": SCHEMA,
        "runs": [
            {"path": str(run), "run": run.values.get("run"), "seed": run.values.get("seed")} for run in table.runs
        ],
        "averaged": table.averaged,
        "differing_settings": {
            name: [plain_value(value) for value in found] for name, found in table.differing.items()
        },
        "notices": list(table.notices),
        "missing": table.missing,
        "rows": rows,
    }


def shown_rows(table: RunTable, figures: Sequence[str]) -> list[ScoreRow]:
    """The rows of some figures, by figure. Methods of a model that agree in every run, as in top-1, are one row."""
    shown = []
    for figure in figures:
        rows = [row for row in table.rows if row.figure == figure]
        for model in dict.fromkeys(row.model for row in rows):
            of_model = [row for row in rows if row.model == model]
            same = len(of_model) > 1 and len({row.values for row in of_model}) == 1
            shown += [replace(of_model[0], method=ALL_METHODS)] if same else of_model
    return shown


def column_names(table: RunTable) -> list[str]:
    """What tells the runs apart."""
    return telling_names([run.root.resolve().parts for run in table.runs])


def telling_names(paths: Sequence[tuple[str, ...]]) -> list[str]:
    """As few last folders of paths as differ, without what all of them begin or end with; paths are all different."""
    depth = next(
        depth for depth in range(1, max(map(len, paths)) + 1) if len({p[-depth:] for p in paths}) == len(paths)
    )
    parts = [path[-depth:] for path in paths]
    while min(map(len, parts)) > 1 and len({part[-1] for part in parts}) == 1:
        parts = [part[:-1] for part in parts]
    names = ["/".join(part) for part in parts]
    alike = [len(set(letters)) == 1 for letters in zip(*names, strict=False)]
    common = names[0][: [*alike, False].index(False)]
    start = max(common.rfind(letter) for letter in "-_/") + 1
    return [name[start:] for name in names] if all(len(name) > start for name in names) else names


def width_beside(table: RunTable, rows: Sequence[ScoreRow]) -> int:
    """Characters that the columns beside the values take."""
    cells = [[row.model, row.method, *spread_cells(table, row)] for row in rows]
    heads = ["model", "method", *spread_heads(table)]
    return sum(max(map(len, column)) + 2 for column in zip(heads, *cells, strict=True))


def width_of(names: Sequence[str]) -> int:
    """Characters that the values of runs take."""
    return sum(max(VALUE_WIDTH, len(name)) + 2 for name in names)


def blocks(names: Sequence[str], room: int) -> list[list[int]]:
    """Places of the runs that stand side by side: all of them where there is room, else as many as fit."""
    places = list(range(len(names)))
    count = len(names) if width_of(names) <= room else max(1, room // (VALUE_WIDTH + 2))
    return [places[start : start + count] for start in range(0, len(places), count)]


def legend(table: RunTable, names: Sequence[str]) -> list[str]:
    """Which column is which run."""
    return [f"{name}: {run}, seed {run.values.get('seed')}" for name, run in zip(names, table.runs, strict=True)]


def figure_grid(table: RunTable, rows: Sequence[ScoreRow], names: Sequence[str], places: Sequence[int]) -> Grid:
    """The values of one figure in the runs at some places; with the last run stands the spread over all of them."""
    last = places[-1] == len(names) - 1
    heads = [*(names[place] for place in places), *(spread_heads(table) if last else ())]
    cells = [
        [row.model, row.method, *(percent(row.values[place]) for place in places)]
        + (spread_cells(table, row) if last else [])
        for row in rows
    ]
    best = frozenset((i, 2 + k) for i, row in enumerate(rows) for k, place in enumerate(places) if place in row.best)
    return Grid(
        [Column("model", "name"), Column("method", "name"), *(Column(head, "number") for head in heads)], cells, best
    )


def spread_heads(table: RunTable) -> list[str]:
    return [*(["mean ± sd"] if table.averaged else []), "range", *(["n"] if table.missing else [])]


def spread_cells(table: RunTable, row: ScoreRow) -> list[str]:
    """Mean and deviation where runs were averaged, lowest and highest value, their number where some are missing."""
    found = table.spread(row)
    deviation = f" ± {percent(found.deviation)}" if found.deviation is not None else ""
    mean = [f"{percent(found.mean)}{deviation}"] if table.averaged else []
    return [*mean, f"{percent(found.low)}–{percent(found.high)}", *([str(found.n)] if table.missing else [])]


def percent(value: float | None) -> str:
    """A value in percent with two digits, or a dash where there is none."""
    return DASH if value is None else f"{value:.2f}"


def footnote(table: RunTable, rows: Sequence[ScoreRow], mark: str = "*") -> str:
    """What the marks mean, and how many values are missing."""
    missing = sum(row.missing for row in rows)
    total = len(rows) * len(table.runs)
    runs = "n" if table.missing else len(table.runs)
    sd = f"; sd: sample standard deviation over {runs} runs" if table.averaged else ""
    said = f"{mark}: highest of its row, which may be chance (`camagain compare A B` says){sd}."
    return f"{said} {DASH}: missing, {missing:,} of {total:,} values." if missing else said
