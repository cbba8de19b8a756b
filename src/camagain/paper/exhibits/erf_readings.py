"""Every open reading of the effective receptive field: the areas, and the claim on it judged by each."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from camagain.analysis.erf.points import erf_points, method_of
from camagain.analysis.erf.readings import MEASURES, READING
from camagain.drawing.cells import NONE, interval_cell
from camagain.drawing.empty import empty_figure
from camagain.drawing.render import TextTable
from camagain.drawing.results import MAP_NAMES, RunResults
from camagain.drawing.style import BASELINE_COLOR, PAGE_INCHES, color_labels, model_colors
from camagain.paper.claims.criteria import MAIN_DRIVER, NO_MAIN_DRIVER, by_area
from camagain.paper.claims.tables import CORRELATION_CONFIDENCE, area_rows
from camagain.statistics.correlation import rank_correlations

NAME = "erf-readings"
TITLE = "Open readings of the effective receptive field"
PLACE = 4
KEYS = ("model", "input", "cells", "gradients", "measure", "t")
FIGURE_KEYS = ("input", "cells", "gradients", "shape", "scale", "t", "reading")
SHOWN_IF = "camagain.analysis.erf.readings.is_measured"
CAPTION = (
    "The effective receptive field of the fine-tuned networks under every reading that its definition leaves open; the "
    "first row is that of RepLKNet's authors. Left: the area that holds half of the contribution, one dot for each "
    "network. Right: Spearman's rho of that area and MaxBoxAcc over architectures, pooled and within families, with "
    "90 % intervals where there are enough of them. Below 0.5 at every share (left line) the claim is supported, from "
    "0.71 on (right line) it is contradicted; the colour of a bar is the verdict under that reading."
)

T = 0.5
"""The share of the contribution whose areas are drawn and printed."""

CHOICES = (*READING, "shape", "scale")
"""The columns that identify a reading."""

WORDS: Mapping[str, str] = {"own": "own", "positive": "ReLU"}
"""Values of these columns in words, where they are others."""

VERDICT_COLORS: Mapping[str, str] = {"supported": "#0072B2", "contradicted": "#D55E00", "undecided": "black"}


def numbers(results: RunResults) -> pd.DataFrame:
    """The area of each fine-tuned network under each reading, at the literature's t, and its MaxBoxAcc."""
    rows = results.once(erf_points)
    rows = rows[rows["state"] == "finetuned"].drop(columns="state")
    data = results.dataset
    return rows.assign(dataset=data["name"], classes=len(data["classes"]), seed=results.seeds[0])


def judged(results: RunResults) -> pd.DataFrame:
    """The correlations and the verdict of each reading, RepLKNet's first; means over seeds, as in the claims.

    Columns CHOICES, t, those of `area_rows`, `verdict`, and `order`: Spearman's rho over networks of the areas under
    this reading and under RepLKNet's, at t = 0.5; NaN below three networks.
    """
    points = results.once(erf_points)
    points = points[points["state"] == "finetuned"]
    own, tables = pd.Series(dtype=float), []
    for (measure, *reading), rows in points.groupby(["measure", *READING], sort=False):
        shape, scale = MEASURES[measure]
        choices = {**dict(zip(READING, reading, strict=True)), "shape": shape, "scale": scale}
        areas = rows[rows["t"] == T].set_index("model")["area"].astype(float).fillna(1.0)
        own = areas if own.empty else own  # the first reading is RepLKNet's
        both = own.index.intersection(areas.index)
        order = rank_correlations(own[both].to_numpy()[None], areas[both].to_numpy()[None])[0]
        found = area_rows(results.experiment, rows)
        verdict = by_area(found).verdict
        tables.append(found.assign(**choices, verdict=verdict, order=order if len(both) > 2 else np.nan))
    if not tables:
        return pd.DataFrame(columns=[*CHOICES, "t", "verdict", "order"])
    columns = [*CHOICES, *(name for name in tables[0] if name not in CHOICES)]
    joined = pd.concat(tables, ignore_index=True)[columns]
    places = {reading: place for place, reading in enumerate(joined[[*READING]].drop_duplicates().itertuples(False))}
    place = [places[reading] for reading in joined[[*READING]].itertuples(False)]  # measures of a map stand together
    return joined.iloc[np.argsort(place, kind="stable")].reset_index(drop=True)


def text(results: RunResults, table: pd.DataFrame) -> TextTable:
    """A row for each reading."""
    found = results.once(judged)
    rows = []
    for choices, own in found.groupby(list(CHOICES), sort=False):
        cells = [rho_cell(row.value, row.low, row.high) for row in own[own["t"] == T].itertuples()]
        order = own["order"].iloc[0]
        areas = table[
            np.logical_and.reduce([table[name] == value for name, value in zip(READING, choices, strict=False)])
        ]
        areas = areas[(areas["t"] == T) & (areas["measure"] == measure_of(choices))]["area"]
        span = f"{100 * areas.min():.1f} to {100 * areas.max():.1f}" if areas.notna().any() else NONE
        rows.append(
            (*in_words(choices), span, NONE if np.isnan(order) else f"{order:+.2f}", *cells, own["verdict"].iloc[0])
        )
    columns = ("Input", "Cells", "Gradients", "Area of", "Scale", "areas, %", "order", "ρ", "ρ within", "verdict")
    return TextTable(caption(results, found), columns, tuple(rows), text_columns=5)


def rho_cell(value: float, low: float, high: float) -> str:
    """A correlation with its interval; a dash where there is none."""
    return NONE if np.isnan(value) else interval_cell(value, low, high, "+.2f")


def measure_of(choices: tuple) -> str:
    """The column of the analysis that a reading takes."""
    return next(name for name, shape_and_scale in MEASURES.items() if shape_and_scale == tuple(choices[-2:]))


def in_words(choices: tuple) -> tuple[str, ...]:
    """The cells that name a reading."""
    side, *others = (WORDS.get(value, value) for value in choices)
    return (side if side == "own" else f"{side} px", *others)


def caption(results: RunResults, found: pd.DataFrame) -> str:
    """The caption: what differs, over what, and on which choice the verdict depends."""
    if found.empty:
        return f"The effective receptive field applies to no model of {results.sample}."
    return (
        "Effective receptive field of the fine-tuned networks under every reading that its definition leaves open; the "
        f"first is RepLKNet's. {verdicts(found)} Areas: of the smallest to the largest field that holds half of the "
        "contribution, in percent of the input. Order: Spearman's rho over networks of these areas and those of the "
        "first reading. ρ: Spearman's rho over "
        f"{found['architectures'].max()} architectures of the areas and MaxBoxAcc of {MAP_NAMES[method_of(results)]}, "
        f"pooled and within families, with {round(100 * CORRELATION_CONFIDENCE)} % intervals; the verdict also takes "
        f"the other shares. It is about this run's networks and images alone: {results.sample}."
    )


def verdicts(found: pd.DataFrame) -> str:
    """Whether the verdict depends on the reading, and on which choice alone, from the first reading on."""
    by_reading = found.groupby(list(CHOICES), sort=False)["verdict"].first()
    counts = by_reading.value_counts()
    if len(counts) == 1:
        return f"The verdict is {counts.index[0]} under all {len(by_reading)} readings."
    first = by_reading.index[0]
    alone = [
        CHOICES[differing[0]]
        for reading, verdict in by_reading.items()
        for differing in [[k for k, value in enumerate(reading) if value != first[k]]]
        if len(differing) == 1 and verdict != by_reading.iloc[0]
    ]
    shares = ", ".join(f"{verdict} under {count}" for verdict, count in counts.items())
    changed = (
        f"; {' or '.join(dict.fromkeys(alone))} alone changes it" if alone else "; no single change turns the first"
    )
    return f"The verdict depends on the reading: {shares}{changed}."


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """A row for each reading: the areas of all networks, and how they go together with MaxBoxAcc."""
    found = results.once(judged)
    if found.empty:
        return empty_figure(results, "erf")
    readings = list(found.groupby(list(CHOICES), sort=False).groups)
    size = (PAGE_INCHES, 1.1 + 0.15 * len(readings))
    page, (left, *right) = plt.subplots(1, 3, figsize=size, sharey=True, width_ratios=(1.2, 1, 1), layout="constrained")
    draw_areas(left, results, readings)
    here = found[found["t"] == T]
    for axes, (name, rows) in zip(right, here.groupby("reading", sort=False), strict=True):
        draw_correlations(axes, rows, readings)
        axes.set(title=f"{name}, t = {T:g}", xlabel="ρ of area and MaxBoxAcc", xlim=(-1.05, 1.05), xticks=(-1, 0, 1))
    left.set_yticks(range(len(readings)), [", ".join(in_words(choices)) for choices in readings], fontsize=6)
    left.invert_yaxis()
    drawn = color_labels(results.architectures, list(results.models))
    handles = [Line2D([], [], color=color, marker="o", linewidth=0, markersize=4) for color in drawn.values()]
    page.legend(handles, list(drawn), loc="outside lower center", ncols=4)
    return page, found


def draw_areas(axes: Axes, results: RunResults, readings: list[tuple]) -> None:
    """The areas of all networks under each reading, one dot for each network."""
    points = results.once(erf_points)
    points = points[(points["state"] == "finetuned") & (points["t"] == T)]
    colors = model_colors(results.architectures)
    for row in points.itertuples():
        reading = (*(getattr(row, name) for name in READING), *MEASURES[row.measure])
        axes.plot(100 * row.area, readings.index(reading), "o", markersize=3.5, alpha=0.8, color=colors[row.model])
    axes.set(title=f"area, t = {T:g}", xlabel="% of the input")
    axes.grid(axis="y", linewidth=0.3, alpha=0.6)


def draw_correlations(axes: Axes, rows: pd.DataFrame, readings: list[tuple]) -> None:
    """The correlation of each reading with its interval, coloured by the verdict."""
    for _, row in rows.dropna(subset="value").iterrows():
        color, y = VERDICT_COLORS[row["verdict"]], readings.index(tuple(row[list(CHOICES)]))
        axes.plot([row["low"], row["high"]], [y, y], color=color, linewidth=1)
        axes.plot(row["value"], y, "o", markersize=3.5, color=color)
    if rows["value"].isna().all():
        axes.text(0.3, 0.5, "too few architectures", ha="center", rotation=90, transform=axes.transAxes, fontsize=7)
    for bound in (NO_MAIN_DRIVER, MAIN_DRIVER):
        axes.axvline(bound, color=BASELINE_COLOR, linewidth=0.8)
    axes.axvline(0, color="black", linewidth=0.6)
    axes.grid(axis="y", linewidth=0.3, alpha=0.6)
