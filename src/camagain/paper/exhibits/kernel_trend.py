"""Whether what a network sees and how well it localizes follows the size of its kernels, and by which way."""

from collections.abc import Iterator, Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from camagain.drawing.cells import NONE, p_cell
from camagain.drawing.empty import empty_figure
from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults
from camagain.drawing.style import PAGE_INCHES
from camagain.paper.exhibits import kernel_size
from camagain.paper.exhibits.kernel_size import MEASURES, measured, responses, series_colors
from camagain.statistics.bootstrap import Sampling
from camagain.statistics.dose import Trend, line_weights, trend
from camagain.statistics.mediation import mediation

NAME = "kernel-trend"
TITLE = "Dose and response: kernel size"
PLACE = 7
KEYS = ("series", "measure")
FIGURE_KEYS = ("series", "quantity", "measure", "mediator")
SHOWN_IF = "camagain.drawing.kernel_series.kernel_series"
CAPTION = (
    "What changes from the smallest kernels to the largest, on straight lines over log K, with Student's intervals "
    "over seeds: thin 95 %, thick 90 %. Left: accuracies in points; a thick bar inside the grey band means no trend "
    "beyond 5 points. Right: the change of MaxBoxAcc through the effective receptive field (its change with K, times "
    "what a unit of it does among trainings with the same K) and beside it; their sum is the change on the left. Bars "
    "are bootstrap intervals over trainings. `Through` is a cause only if, at one K, nothing else moves both."
)

BOUND = 5.0
"""Points from the smallest kernels to the largest within which there is no trend: half of the standard deviation of 10
points that networks of one family have in the paper's first figure, as in the claim on the receptive field, whose bound
is a correlation of 0.5. Fixed before the first run."""

BOUNDED = ("max_box_acc_percent", "max_box_acc_v2_percent", "pxap_percent", "top1_percent")
"""The accuracies, in points; only these have a bound."""

MEDIATORS = ("erf_percent", "linear_erf_percent")
OUTCOME = "max_box_acc_percent"

EFFECTS: Mapping[str, str] = {"through": "through ERF", "beside": "beside it", "total": "total"}
"""Effects of K on the outcome, and their names."""


def numbers(results: RunResults) -> pd.DataFrame:
    """One row per series and measure: its change from the smallest kernels to the largest on the line of this seed."""
    table, rows = results.once(kernel_size.numbers), []
    for series, own in table.groupby("series", sort=False):
        for name in measured(table):
            if own[name].notna().all() and own["kernel"].nunique() > 1:
                change = float(own[name].to_numpy() @ line_weights(own["kernel"].to_numpy()))
                rows.append((series, name, own["kernel"].min(), own["kernel"].max(), change))
    return pd.DataFrame(rows, columns=["series", "measure", "smallest_kernel", "largest_kernel", "change"])


def responses_of(results: RunResults) -> Iterator[tuple[str, np.ndarray, dict[str, np.ndarray]]]:
    """Each series with its kernels (D,) and its complete measures (S, D), D kernel sizes and S seeds."""
    table = results.once(responses)
    for series, own in table.groupby("series", sort=False):
        grids = {
            name: own.pivot_table(name, "training_seed", "kernel", dropna=False).to_numpy(dtype=float)
            for name in measured(own)
        }
        kernels = np.array(sorted(set(own["kernel"])))
        yield str(series), kernels, {name: grid for name, grid in grids.items() if np.isfinite(grid).all()}


def findings(results: RunResults) -> pd.DataFrame:
    """Every change with its intervals and verdict, then the effects of K on boxes through and beside each mediator.

    `quantity`: `change`, or an effect of EFFECTS; intervals of changes are over seeds, of effects over trainings.
    """
    settings = results.experiment.evaluation
    sampling = Sampling(settings.bootstrap, settings.confidence, results.experiment.seed)
    rows: list[dict[str, Any]] = []
    for series, kernels, grids in responses_of(results):
        for name in (name for name in MEASURES if name in grids):
            found = trend(kernels, grids[name])
            rows.append(
                {"series": series, "quantity": "change", "measure": name, "mediator": ""}
                | columns(found, kernels, name, settings.confidence)
            )
        for mediator in (name for name in MEDIATORS if name in grids and OUTCOME in grids):
            effects = mediation(kernels, grids[mediator], grids[OUTCOME], sampling)
            for effect in EFFECTS:
                estimate = getattr(effects, effect)
                key = {"series": series, "quantity": effect, "measure": OUTCOME, "mediator": mediator}
                rows.append(key | estimate.columns())
    return pd.DataFrame(rows)


def columns(found: Trend, kernels: np.ndarray, name: str, confidence: float) -> dict[str, Any]:
    """A trend as columns; `low_90` and `high_90` are the bounds that equivalence is judged by."""
    bound = BOUND if name in BOUNDED else None
    inner = found.change(2 * confidence - 1)
    furthest = int(np.argmax(np.abs(found.departures)))
    return {
        **found.change(confidence).columns(),
        "low_90": inner.low,
        "high_90": inner.high,
        "verdict": found.verdict(confidence, bound),
        "p_value": found.dose_p,
        "p_line": found.departure_p,
        "furthest_kernel": kernels[furthest],
        "furthest_departure": found.departures[furthest],
    }


def text(results: RunResults, table: pd.DataFrame) -> TextTable:
    """A row for each series and measure; then the effects of K on boxes through each mediator and beside it."""
    found, settings = results.once(findings), results.experiment.evaluation
    rows = []
    for _, row in found.iterrows():
        digits = MEASURES[row["measure"]].digits
        change = bracketed(row["value"], row["low"], row["high"], digits)
        if row["quantity"] == "change":
            away = f"{row['furthest_departure']:+.{digits}f} at {row['furthest_kernel']:g}"
            inner = bracketed(np.nan, row["low_90"], row["high_90"], digits) if row["measure"] in BOUNDED else NONE
            cells = (change, inner, row["verdict"], p_cell(row["p_value"]), f"{away} (p {p_cell(row['p_line'])})")
            rows.append((row["series"], MEASURES[row["measure"]].label, *cells))
        else:
            by = f"MaxBoxAcc, {EFFECTS[row['quantity']]}, {MEASURES[row['mediator']].header}"
            if row["quantity"] != "total":
                rows.append((row["series"], by, change, NONE, effect_verdict(row), NONE, NONE))
    level = round(100 * settings.confidence)
    caption = (
        f"What changes from the smallest kernels to the largest, on each seed's least-squares line over log K, "
        f"{results.sample}; in brackets {level} % intervals over seeds (Student). Accuracies in points: there is no "
        f"trend where the {2 * level - 100} % interval lies within ±{BOUND:g} points (two one-sided tests). Any "
        "difference: F test of the kernel sizes, seeds as blocks. Furthest from the line: the mean response that lies "
        "furthest from the straight line, and the F test of all such departures. Last rows of each kind of network: "
        "MaxBoxAcc's change through the receptive field (the field's change, times the slope of MaxBoxAcc on it among "
        f"trainings with the same K) and beside it, with {level} % bootstrap intervals over trainings; `through` is "
        "causal only if, at one K, nothing else moves both, and a unit of ERF does the same at every K. p-values are "
        "not adjusted."
    )
    headers = ("Networks", "Measure", "Change", f"{2 * level - 100} %", "Verdict", "Any difference, p",
               "Furthest from the line")  # fmt: skip
    return TextTable(caption, headers, tuple(rows), text_columns=2)


def bracketed(value: float, low: float, high: float, digits: int) -> str:
    """A change with its interval; the interval alone where there is no value."""
    interval = "" if np.isnan(low) else f"[{low:+.{digits}f}, {high:+.{digits}f}]"
    return " ".join(part for part in ("" if np.isnan(value) else f"{value:+.{digits}f}", interval) if part) or NONE


def effect_verdict(row: pd.Series) -> str:
    """Whether an effect is certain."""
    return "raises" if row["low"] > 0 else "lowers" if row["high"] < 0 else "undecided"


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """Left: changes of the accuracies, with the bounds of equivalence. Right: how K acts on boxes."""
    found = results.once(findings)
    if found.empty:
        return empty_figure(results, NAME)
    colors = series_colors(results)
    page, (left, right) = plt.subplots(1, 2, figsize=(PAGE_INCHES, 2.2), width_ratios=(1, 1.1), layout="constrained")
    changes = found[(found["quantity"] == "change") & found["measure"].isin(BOUNDED)]
    left.axvspan(-BOUND, BOUND, color="0.92", zorder=0)
    draw_rows(left, changes, "measure", {name: MEASURES[name].header for name in BOUNDED}, colors)
    left.set(xlabel="points, largest minus smallest kernels", title="change with K")
    effects = found[found["quantity"] != "change"]
    effects = effects.assign(row=effects["quantity"] + " " + effects["mediator"])
    labels = {
        f"{effect} {mediator}": f"{name}{', linear' if mediator.startswith('linear') else ''}"
        for mediator in MEDIATORS
        for effect, name in EFFECTS.items()
        if effect != "total" and f"{effect} {mediator}" in set(effects["row"])
    }
    draw_rows(right, effects, "row", labels, colors)
    right.set(xlabel="points of MaxBoxAcc", title="how K acts on boxes")
    page.legend(
        handles=[
            Line2D([], [], color=color, marker="o", markersize=3.5, label=series) for series, color in colors.items()
        ],
        loc="outside lower center",
        ncols=len(colors),
    )
    return page, found


def draw_rows(axes: Axes, rows: pd.DataFrame, by: str, labels: Mapping[str, str], colors: Mapping[str, str]) -> None:
    """A dot with its intervals for each series in the row of each label, from the top."""
    keys, series = list(labels), list(colors)
    for _, row in rows[rows[by].isin(keys)].iterrows():
        place = series.index(row["series"])
        y = keys.index(row[by]) + 0.3 * (place - (len(series) - 1) / 2)
        color = colors[row["series"]]
        axes.plot([row["low"], row["high"]], [y, y], color=color, linewidth=1)
        if np.isfinite(row.get("low_90", np.nan)):
            axes.plot([row["low_90"], row["high_90"]], [y, y], color=color, linewidth=2.6, solid_capstyle="butt")
        axes.plot(row["value"], y, "o", color=color, markersize=3.5)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(keys)), list(labels.values()))
    axes.set_ylim(len(keys) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", linewidth=0.4, alpha=0.6)
