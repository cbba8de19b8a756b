"""How faithful each map is to its network, and whether the order by boxes is also that by faithfulness."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from camagain.analysis.faithfulness.agreement import WITHIN, agreements, points
from camagain.analysis.faithfulness.names import MEASURES, REFERENCE
from camagain.drawing.cells import NONE, interval_cell, row_cell
from camagain.drawing.empty import empty_figure
from camagain.drawing.render import TextTable
from camagain.drawing.results import MAP_NAMES, RunResults
from camagain.drawing.standing import standing
from camagain.drawing.style import PAGE_INCHES, color_labels, model_colors

NAME = "faithfulness"
TITLE = "Faithfulness, beside boxes"
KEYS = ("model", "method", "measure")
FIGURE_KEYS = ("kind", "model", "method", "measure", "over", "quantity")
CAPTION = (
    "MaxBoxAcc of each map, and how much more faithful it is to its network than the centred Gaussian, which never "
    "looks at the image: right of the line it is better, in percent or points of the measure, with 95 % intervals over "
    "images. One dot for each network and method. Above: Spearman's rho over networks, for each method, and over "
    "methods, within networks; 1 where boxes and faithfulness put the same ones first."
)

MARKERS = "os^Dv<>P"
"""Of methods."""


def numbers(results: RunResults) -> pd.DataFrame:
    """Every row of the analysis, all models, with the data behind it."""
    return standing(results, NAME)


def text(results: RunResults, table: pd.DataFrame) -> TextTable:
    """A row for each model and map; below them how the order by boxes goes with that by each measure."""
    columns = (
        "Model",
        "Map",
        "MaxBoxAcc",
        *(f"{title} {'↑' if sign > 0 else '↓'}" for title, _, sign in MEASURES.values()),
    )
    if table.empty:
        return TextTable(f"Faithfulness applies to no model of {results.sample}.", columns, ())
    rows = []
    for (model, method), own in table.groupby(["model", "method"], sort=False):
        score = NONE if method == REFERENCE else f"{results.scores(model, method)['max_box_acc']['value']:.1f}"
        cells = [row_cell(own[own["measure"] == measure]) for measure in MEASURES]
        rows.append((str(model), MAP_NAMES[str(method)], score, *cells))
    for (over, quantity), own in results.once(agreements).groupby(["over", "quantity"], sort=False):
        rhos = own.set_index("measure")
        cells = [rho_cell(rhos.loc[measure]) if measure in rhos.index else NONE for measure in MEASURES]
        rows.append(
            (f"ρ with MaxBoxAcc{', above the Gaussian' if quantity == 'gain' else ''}", name_of(over), "", *cells)
        )
    return TextTable(caption(results, table), columns, tuple(rows), text_columns=2)


def name_of(over: str) -> str:
    """What a correlation is over."""
    return f"methods, {WITHIN}" if over == WITHIN else f"networks, {MAP_NAMES[over]}"


def rho_cell(row: pd.Series) -> str:
    """A correlation with its interval; a dash where there is none."""
    return NONE if np.isnan(row["value"]) else interval_cell(row["value"], row["low"], row["high"], "+.2f")


def caption(results: RunResults, table: pd.DataFrame) -> str:
    """The caption: what was measured, of which images, and how the last rows are read."""
    settings, confidence = results.experiment.analysis.faithfulness, results.experiment.evaluation.confidence
    shares = ", ".join(f"{100 * share:g}" for share in settings.shares)
    return (
        "Faithfulness of the maps that are scored as boxes, by the probability of their class, in percent or points. "
        f"Insertion, deletion (Petsiuk et al. 2018): area under the curve in {settings.steps} steps. Average drop, "
        "increase (Chattopadhay et al. 2018): of the image multiplied by the map. ROAD (Rong et al. 2022): without the "
        f"least minus without the most important {shares} % of the pixels, halved. Arrows point to the better side. "
        f"{int(table['images'].max()):,} test images of {results.sample}; {results.brackets}. Last rows: Spearman's "
        "rho of MaxBoxAcc and the measure, turned so that 1 is the same order by both, with Fisher's intervals at "
        f"{100 * confidence:g} %. Above the Gaussian: of the gains over the centred Gaussian, which depend less on how "
        "sure a network is of its classes."
    )


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """A panel for each measure: gain over the centred Gaussian against MaxBoxAcc."""
    table = results.once(points)
    if table.empty:
        return empty_figure(results, NAME)
    found = results.once(agreements)
    colors = model_colors(results.architectures)
    methods = dict(zip(dict.fromkeys(table["method"]), MARKERS * len(table), strict=False))
    page, grid = plt.subplots(1, len(MEASURES), figsize=(PAGE_INCHES, 2.9), sharey=True, layout="constrained")
    for (measure, (title, *_)), axes in zip(MEASURES.items(), grid, strict=True):
        draw_panel(axes, table[table["measure"] == measure], colors, methods)
        here = found[(found["measure"] == measure) & ((found["quantity"] == "gain") | (found["over"] == WITHIN))]
        lines = [f"{short(row.over)}: {rho_of(row.value)}" for row in here.itertuples()]
        axes.set_title("\n".join([title, *lines]), fontsize=7)
        axes.set_xlabel("gain", fontsize=7)
    grid[0].set_ylabel("MaxBoxAcc, %")
    labels = color_labels(results.architectures, list(dict.fromkeys(table["model"])))
    handles = [
        Line2D([], [], color=color, marker="o", linewidth=0, markersize=4, label=name) for name, color in labels.items()
    ]
    handles += [
        Line2D([], [], color="black", marker=marker, fillstyle="none", linewidth=0, markersize=4, label=MAP_NAMES[name])
        for name, marker in methods.items()
    ]
    page.legend(handles=handles, loc="outside lower center", ncols=4)
    return page, pd.concat([table.assign(kind="point"), found.assign(kind="correlation")], ignore_index=True)


def short(over: str) -> str:
    """The name of a correlation above a panel."""
    return "methods" if over == WITHIN else MAP_NAMES[over].partition(",")[0]


def rho_of(value: float) -> str:
    return NONE if np.isnan(value) else f"ρ {value:+.2f}"


def draw_panel(axes: Axes, rows: pd.DataFrame, colors: dict[str, str], methods: dict[str, str]) -> None:
    """One dot for each network and method, with the interval of its gain."""
    axes.axvline(0, color="black", linewidth=0.8)
    for row in rows.itertuples():
        x, y = row.gain, row.max_box_acc_percent
        bars = np.array([[max(0, x - row.gain_low)], [max(0, row.gain_high - x)]])
        axes.errorbar(
            x, y, xerr=bars, fmt=methods[row.method], markersize=3.5, elinewidth=0.6, alpha=0.8, color=colors[row.model]
        )
    axes.margins(0.1)
    axes.tick_params(labelsize=6)
