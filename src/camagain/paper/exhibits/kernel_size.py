"""Dose and response: what networks that differ in the size of their kernels alone see, and how well they localize."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from camagain.analysis.erf.readings import as_upstream
from camagain.analysis.erf.show import draw_picture
from camagain.config import BASELINE
from camagain.drawing.cells import NONE
from camagain.drawing.empty import empty_figure
from camagain.drawing.kernel_series import kernel_series
from camagain.drawing.networks import model_card
from camagain.drawing.render import TextTable
from camagain.drawing.results import MAP_NAMES, RunResults
from camagain.drawing.seeds import singles
from camagain.drawing.style import BASELINE_COLOR, PAGE_INCHES, model_colors
from camagain.statistics.estimates import Estimate
from camagain.statistics.trainings import over_trainings

NAME = "kernel-size"
TITLE = "Kernel size and nothing else"
PLACE = 6
KEYS = ("model",)
FIGURE_KEYS = ("series", "measure", "kernel")
SHOWN_IF = "camagain.drawing.kernel_series.kernel_series"
CAPTION = (
    "Networks that differ in nothing but the size of their depthwise kernels, K x K in every layer, trained from "
    "random weights. Above: effective receptive fields of the first seed before and after training, from none (yellow) "
    "to most (green); the outlined square holds half, and its area stands below. Panels: dots are single trainings, "
    "lines their means, bands Student's intervals over seeds; hollow and dashed: before training. ERF: area of that "
    "square, also (linear) of the contribution without its logarithm. Activated area: cells above 0.2 of their "
    "channel's maximum. GAP value: |mean| of a channel divided by its root mean square. In grey: the centred Gaussian, "
    "which never looks at the image. On maps of n x n cells, taps further than n - 1 cells from a kernel's centre meet "
    "only padding."
)

T = 0.5
"""The share of the contribution that the square of the receptive field holds."""

THETA = 0.2
"""Cells above this share of their channel's maximum count as activated, as in the paper's claims."""


@dataclass(frozen=True)
class Measure:
    """One response to kernel size: its name, its header in the table, and where it is read."""

    label: str
    header: str
    source: str  # an analysis, or "scores"
    key: str  # the analysis's column or measure, or the score's name
    state: str = "finetuned"  # of an analysis
    digits: int = 1


MEASURES: Mapping[str, Measure] = {
    "erf_untrained_percent": Measure("ERF, untrained, %", "ERF, untrained", "erf", "area_ratio", "random"),
    "erf_percent": Measure("ERF, %", "ERF", "erf", "area_ratio"),
    "linear_erf_untrained_percent": Measure(
        "linear ERF, untrained, %", "linear, untrained", "erf", "linear_area_ratio", "random"
    ),
    "linear_erf_percent": Measure("linear ERF, %", "linear", "erf", "linear_area_ratio"),
    "area_untrained_percent": Measure(
        "activated area, untrained, %", "Area, untrained", "initialization", "activated_area", "random"
    ),
    "area_percent": Measure("activated area, %", "Area", "initialization", "activated_area"),
    "gap_value_untrained": Measure(
        "GAP value, untrained", "GAP, untrained", "initialization", "gap_over_rms", "random", digits=2
    ),
    "gap_value": Measure("GAP value", "GAP", "initialization", "gap_over_rms", digits=2),
    "top1_percent": Measure("top-1, %", "Top-1", "scores", "top1"),
    "max_box_acc_percent": Measure("MaxBoxAcc, %", "MaxBoxAcc", "scores", "max_box_acc"),
    "max_box_acc_v2_percent": Measure("MaxBoxAccV2, %", "V2", "scores", "max_box_acc_v2"),
    "pxap_percent": Measure("PxAP, %", "PxAP", "scores", "pxap"),
}
"""What is measured of each training, by the column of the table."""

SOURCES = ("erf", "initialization")
"""The analyses that measures are read from."""

PRINTED = ("erf_untrained_percent", "erf_percent", "linear_erf_percent", "area_percent", "gap_value", "top1_percent",
           "max_box_acc_percent", "max_box_acc_v2_percent", "pxap_percent")  # fmt: skip
"""The measures that the printed table shows; the CSV has all."""

PANELS: Mapping[str, str | None] = {
    "erf_percent": "erf_untrained_percent",
    "linear_erf_percent": "linear_erf_untrained_percent",
    "area_percent": "area_untrained_percent",
    "gap_value": "gap_value_untrained",
    "max_box_acc_percent": None,
    "max_box_acc_v2_percent": None,
    "pxap_percent": None,
    "top1_percent": None,
}
"""Each panel's measure, and the same before training where it is drawn, too."""


BOXES = ("max_box_acc_percent", "max_box_acc_v2_percent", "pxap_percent")
"""The measures that the centred Gaussian has, too."""

BESIDE = 1.06
"""Factor on K by which series are drawn beside each other."""

COLUMNS, PANEL_INCHES, FIELDS_INCHES = 4, 1.5, 1.55
"""Panels in a row, the height of a row, and that of the pictures above."""


def numbers(results: RunResults) -> pd.DataFrame:
    """One row per network of a series, smallest kernels first: K, parameters, and what was measured; NaN for the rest.

    An area that no square inside the map reaches counts as the whole map.
    """
    analyses = {name: results.analysis(name) for name in SOURCES if name in results.experiment.analysis.names}
    analyses |= {"erf": as_upstream(analyses["erf"])} if "erf" in analyses else {}
    rows = [
        {
            "series": series,
            "model": model,
            "kernel": kernel,
            "parameters": model_card(results, model)["parameters"],
            **{name: value_of(results, analyses, model, measure) for name, measure in MEASURES.items()},
        }
        for series, members in kernel_series(results.experiment).items()
        for model, kernel in members.items()
        if model in results.models
    ]
    return pd.DataFrame(rows, columns=["series", "model", "kernel", "parameters", *MEASURES])


def value_of(results: RunResults, analyses: Mapping[str, pd.DataFrame], model: str, measure: Measure) -> float:
    """A measure of one training; NaN where the run does not have it."""
    if measure.source == "scores":
        score = results.scores(model, results.experiment.localization.methods[0])[measure.key]
        return np.nan if score is None else score["value"]
    if measure.source not in analyses:
        return np.nan
    table = analyses[measure.source]
    own = table[(table["model"] == model) & (table["state"] == measure.state)]
    if measure.source == "erf":
        return 100 * float(own.loc[own["t"] == T, measure.key].astype(float).fillna(1.0).mean())
    own = own[(own["input"] == "images") & (own["measure"] == measure.key)]
    return float(own.loc[own["theta"].isna() | np.isclose(own["theta"].astype(float), THETA), "value"].mean())


def measured(table: pd.DataFrame) -> dict[str, Measure]:
    """The measures that a table of these numbers has values of."""
    return {name: measure for name, measure in MEASURES.items() if table[name].notna().any()}


def text(results: RunResults, table: pd.DataFrame) -> TextTable:
    """A row for each network: means over seeds with Student's intervals."""
    confidence = results.experiment.evaluation.confidence
    found = {name: measure for name, measure in measured(table).items() if name in PRINTED}
    rows = tuple(
        (
            row["series"],
            f"{row['kernel']}",
            f"{row['parameters'] / 1e6:.2f}",
            *(cell(over_seeds(row, name, confidence), measure.digits) for name, measure in found.items()),
        )
        for _, row in table.iterrows()
    )
    columns = ("Networks", "K", "Params, M", *(measure.header for measure in found.values()))
    caption = (
        f"What kernel size alone does: networks with K x K depthwise kernels in every layer, all else the same, "
        f"{results.sample}; in brackets {round(100 * confidence)} % intervals over training seeds (Student). "
        f"{mismatch(table)} ERF: area, in percent of the input, of the smallest centred square that holds half of "
        "log10(A + 1), where A is what each pixel contributes to the centre of the last feature maps; linear: of A "
        f"itself. Area: cells above {THETA:g} of their channel's maximum, in percent. GAP: |mean| of a channel divided "
        "by its root mean square, 1 for a flat map. Untrained: the weights that the same training began with, whose "
        "BatchNorm does nothing; kernel-size.csv has area and GAP before training, too. Boxes and pixels: "
        f"{MAP_NAMES[results.experiment.localization.methods[0]]}, in percent."
    )
    return TextTable(caption, columns, rows)


def mismatch(table: pd.DataFrame) -> str:
    """A sentence on how many parameters networks of a series differ by."""
    parts = []
    for series, rows in table.groupby("series", sort=False):
        least, most = rows["parameters"].min(), rows["parameters"].max()
        parts.append(f"{most / least:.2f} times as many in {series}")
    return f"Parameters are not matched: those with the largest kernels have {', '.join(parts)}."


def over_seeds(row: pd.Series, column: str, confidence: float) -> Estimate:
    """The mean of a number over seeds with Student's interval; without bounds for one training."""
    values = singles(row.to_frame().T, column)
    return over_trainings(values[0] if values.size else np.array([row[column]], dtype=float), confidence)


def cell(found: Estimate, digits: int) -> str:
    """A mean with its interval."""
    if np.isnan(found.value):
        return NONE
    value = f"{found.value:.{digits}f}"
    return value if np.isnan(found.low) else f"{value} [{found.low:.{digits}f}, {found.high:.{digits}f}]"


def responses(results: RunResults) -> pd.DataFrame:
    """The numbers of every training, in the first column its seed."""
    tables = [part.once(numbers).assign(training_seed=seed) for seed, part in results.parts.items()]
    return pd.concat(tables, ignore_index=True)


def summary(results: RunResults) -> pd.DataFrame:
    """What the figure draws: a row for each series, measure and K, the mean with its interval and each seed's value."""
    table = results.once(responses)
    confidence, rows = results.experiment.evaluation.confidence, []
    for name in measured(table):
        for (series, kernel), own in table.groupby(["series", "kernel"], sort=False):
            found = over_trainings(own[name].to_numpy(dtype=float), confidence)
            each = {f"value_seed{seed}": value for seed, value in zip(own["training_seed"], own[name], strict=True)}
            rows.append({"series": series, "measure": name, "kernel": kernel, **found.columns(), **each})
    return pd.DataFrame(rows)


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """Above, pictures of the receptive fields; below, a panel for each measure over K."""
    drawn = summary(results)
    if drawn.empty:
        return empty_figure(results, NAME)
    panels = [name for name in PANELS if name in set(drawn["measure"])]
    rows = -(-len(panels) // COLUMNS)
    has_fields = "erf" in results.experiment.analysis.names
    heights = [FIELDS_INCHES if has_fields else 0.01, PANEL_INCHES * rows + 0.5]
    page = plt.figure(figsize=(PAGE_INCHES, sum(heights)), layout="constrained")
    upper, lower = page.subfigures(2, 1, squeeze=False, height_ratios=heights)[:, 0]
    if has_fields:
        draw_fields(upper, results)
    grid = lower.subplots(rows, COLUMNS, squeeze=False, sharex=True)
    colors = series_colors(results)
    for axes, name in zip(grid.flat, panels, strict=False):
        draw_panel(axes, drawn, name, colors)
        if name in BOXES:
            draw_baseline(axes, results, MEASURES[name].key)
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    for axes in grid[-1]:
        axes.set_xlabel("kernel size K")
    lower.legend(handles=handles(colors), loc="outside lower center", ncols=5)
    return page, drawn


def series_colors(results: RunResults) -> dict[str, str]:
    """A colour for each series: that of its models."""
    colors = model_colors(results.architectures)
    found: dict[str, str] = {}
    for series, members in kernel_series(results.experiment).items():
        for model in (name for name in members if name in colors):
            found.setdefault(series, colors[model])
    return found


def draw_fields(panel: SubFigure, results: RunResults) -> None:
    """A block of pictures for each series: a column for each K, above before training and below after it."""
    first = next(iter(results.parts.values()))
    table, blocks, colors = (
        as_upstream(first.analysis("erf")),
        kernel_series(results.experiment),
        series_colors(results),
    )
    squares = table[table["t"] == T].set_index(["model", "state"])
    states = {"random": "untrained", "finetuned": "trained"}
    for block, (series, members) in zip(
        panel.subfigures(1, len(blocks), squeeze=False)[0], blocks.items(), strict=True
    ):
        models = [model for model in members if model in results.models]
        grid = block.subplots(len(states), len(models), squeeze=False)
        for model, column in zip(models, grid.T, strict=True):
            arrays = first.analysis_arrays("erf", model)
            column[0].set_title(
                f"K = {members[model]}" if model == models[0] else f"{members[model]}", pad=2, fontsize=6
            )
            for axes, state in zip(column, states, strict=True):
                axes.set(xticks=[], yticks=[])
                if state in arrays:
                    draw_picture(axes, arrays[state], squares.loc[(model, state)])
        for axes, name in zip(grid[:, 0], states.values(), strict=True):
            axes.set_ylabel(name, fontsize=6, labelpad=2)
        block.suptitle(series, fontsize=8, color=colors[series])


def draw_panel(axes: Axes, drawn: pd.DataFrame, name: str, colors: Mapping[str, str]) -> None:
    """One measure over K, and the same before training where it is known."""
    middle = (len(colors) - 1) / 2
    for column, line in ((PANELS[name], "--"), (name, "-")):
        for series, rows in drawn[drawn["measure"] == column].groupby("series", sort=False):
            color = colors[str(series)]
            x = rows["kernel"] * BESIDE ** (list(colors).index(str(series)) - middle)
            axes.plot(x, rows["value"], line, color=color, linewidth=1.2, zorder=3)
            if line == "-" and rows["low"].notna().any():
                axes.fill_between(x, rows["low"], rows["high"], color=color, alpha=0.13, linewidth=0)
            face = color if line == "-" else "white"
            for single in singles(rows).T:  # (K,) of each seed
                axes.scatter(x, single, s=6, c=face, edgecolors=color, linewidths=0.5, alpha=0.6, zorder=2)
    kernels = sorted(set(drawn["kernel"]))
    axes.set_xscale("log")
    axes.set_xticks(kernels, [f"{kernel}" for kernel in kernels])
    axes.minorticks_off()
    axes.set_title(MEASURES[name].label, pad=3)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="y", linewidth=0.4, alpha=0.6)
    axes.tick_params(labelsize=6)


def draw_baseline(axes: Axes, results: RunResults, score: str) -> None:
    """The score of the centred Gaussian in words, and as a line where the scale comes near it."""
    found = results.scores(BASELINE, "centre-gaussian")[score]
    if found is None:
        return
    low, high = axes.get_ylim()
    if low - 0.5 * (high - low) < found["value"] < high:
        axes.axhline(found["value"], color=BASELINE_COLOR, linewidth=0.8, zorder=1)
    said = f"centred Gaussian: {found['value']:.1f}"
    axes.text(0.5, 0.02, said, color=BASELINE_COLOR, fontsize=6, ha="center", va="bottom", transform=axes.transAxes)


def handles(colors: Mapping[str, str]) -> list[Line2D]:
    """The legend of colours, lines and dots."""
    dot: dict[str, Any] = {"marker": "o", "markersize": 3, "color": "black", "markeredgewidth": 0.5}
    return [
        *(Line2D([], [], color=color, linewidth=1.5, label=series) for series, color in colors.items()),
        Line2D([], [], linestyle="", label="one training", **dot),
        Line2D([], [], linestyle="--", label="before training", markerfacecolor="white", **dot),
    ]
