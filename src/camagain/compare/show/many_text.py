"""Scores of several runs as people read them: one table per figure on a terminal, one in Markdown, plain values."""

from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from camagain.compare.judging.ranks import RANKED
from camagain.compare.many import RunTable, ScoreRow
from camagain.compare.show.record import plain

SCHEMA = 1
"""Raised when a field of the JSON changes its meaning."""

WIDTH = 118
"""Characters of a line where the output is no terminal."""

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
    for figure in figures:
        of_figure = [row for row in rows if row.figure == figure]
        for places in blocks(names, room) if of_figure else ():
            console.print()
            console.print(figure_table(table, of_figure, names, places))
    console.print()
    console.print(footnote(table, rows), highlight=False, markup=False, soft_wrap=True)


def markdown(table: RunTable, figures: Sequence[str] = RANKED) -> str:
    """The same as Markdown: notices, legend, and one table whose best values are bold."""
    rows = shown_rows(table, figures)
    names = column_names(table)
    heads = ["figure", "model", "method", *names, *spread_heads(table)]
    lines = [*(f"> **Attention:** {notice}\n" for notice in table.notices)]
    lines += [*(f"- {line}" for line in legend(table, names)), "", f"| {' | '.join(heads)} |"]
    lines.append("|" + "---|" * 3 + "---:|" * (len(heads) - 3))
    for row in rows:
        values = [
            f"**{number(value)}**" if place in row.best else number(value) for place, value in enumerate(row.values)
        ]
        cells = [row.figure, row.model, row.method, *values, *spread_cells(table, row)]
        lines.append(f"| {' | '.join(cells)} |")
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
        "differing_settings": {name: [plain(value) for value in found] for name, found in table.differing.items()},
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


def figure_table(table: RunTable, rows: Sequence[ScoreRow], names: Sequence[str], places: list[int]) -> Table:
    """The values of one figure; the last of its tables has the spread over all runs."""
    last = places[-1] == len(names) - 1
    title = Text(f"{rows[0].figure}, percent", style="bold")
    out = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for head in ("model", "method"):
        out.add_column(head, no_wrap=True)
    for head in [*(names[place] for place in places), *(spread_heads(table) if last else ())]:
        out.add_column(Text(head), justify="right", no_wrap=True)
    for row in rows:
        values = [
            Text(f"{number(row.values[place])}*", style="bold")
            if place in row.best
            else Text(f"{number(row.values[place])} ")
            for place in places
        ]
        out.add_row(row.model, row.method, *values, *(spread_cells(table, row) if last else ()))
    return out


def spread_heads(table: RunTable) -> list[str]:
    return [*(["mean ± sd"] if table.averaged else []), "range", *(["n"] if table.missing else [])]


def spread_cells(table: RunTable, row: ScoreRow) -> list[str]:
    """Mean and deviation where runs were averaged, lowest and highest value, their number where some are missing."""
    found = table.spread(row)
    deviation = f" ± {number(found.deviation)}" if found.deviation is not None else ""
    mean = [f"{number(found.mean)}{deviation}"] if table.averaged else []
    return [*mean, f"{number(found.low)}–{number(found.high)}", *([str(found.n)] if table.missing else [])]


def number(value: float | None) -> str:
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
