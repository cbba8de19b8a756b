"""Which parts of a bird each map prefers: a bird coloured by mass per area, and every part with its interval."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from camagain.drawing.bird_parts import PLACES, draw_parts
from camagain.drawing.cells import NONE, row_cell
from camagain.drawing.dots import draw_dots, height_of
from camagain.drawing.empty import empty_figure
from camagain.drawing.render import TextTable
from camagain.drawing.results import MAP_NAMES, RunResults
from camagain.drawing.standing import standing
from camagain.drawing.style import BASELINE_COLOR, PAGE_INCHES, color_labels, model_colors

NAME = "parts"
TITLE = "The parts of the bird that maps prefer"
KEYS = ("model", "method", "quantity", "part")
CAPTION = (
    "Mass of a map per area around each part, divided by its mean over the bird: 1 (white) for a map that is spread "
    "evenly over it. Above: the parts on a sketch, each pixel coloured as the nearest part, mean over the networks "
    "of the row. Below: every network with its 95 % interval over images; the grey line is the centred Gaussian, a map "
    "that never looks at the image. Where the bird is a box and not a mask, parts at its edge are near background, "
    "and every map that finds the bird is below its mean there."
)

COLUMNS = ("Model", "Map", "head", "body", "head to body", "most", "least")

REFERENCE = "centre-gaussian"
GROUPS = ("head parts", "body parts")

COLORMAP = "PuOr_r"
LEAST_REACH, MOST_REACH = 1.5, 2.5
"""Colours reach from 1 divided by a number to that number, which lies between these."""


def numbers(results: RunResults) -> pd.DataFrame:
    """Every row of the analysis, all models, with the data behind it."""
    return standing(results, NAME)


def text(results: RunResults, table: pd.DataFrame) -> TextTable:
    """A row for each model and map, and one for the centred Gaussian, the same whatever the model."""
    groups = list(table.groupby(["model", "method"], sort=False)) if len(table) else []
    rows = [(model, MAP_NAMES[method], *cells(own)) for (model, method), own in groups if method != REFERENCE]
    blind = [own for (_, method), own in groups if method == REFERENCE]
    rows += [(NONE, MAP_NAMES[REFERENCE], *cells(own)) for own in blind[:1]]
    caption = (
        "A map's mass per area around the parts of the head and of the body (neither: tail and legs), divided by its "
        "mean over the bird; 1 is a map spread evenly over the bird. Head to body: the first divided by the second. "
        "Most and least: the parts with the highest and the lowest mass per area. The centred Gaussian never looks at "
        f"the image. Described maps, {results.scope}"
    )
    return TextTable(caption, COLUMNS, tuple(rows), text_columns=2)


def cells(own: pd.DataFrame) -> list[str]:
    """The cells of one model and map."""
    density = own[own["quantity"] == "density"]
    single = density[~density["part"].isin(GROUPS)].sort_values("value", ascending=False, kind="stable")
    found = [row_cell(density[density["part"] == group], 2) for group in GROUPS]
    found.append(row_cell(own[own["quantity"] == "head_to_body"], 2))
    return [*found, *(f"{one['part'].iloc[0]} {row_cell(one, 2)}" for one in (single[:1], single[-1:]))]


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """A column for each map: a bird for each colour of the legend, and below them a row of dots for each part."""
    table = results.analysis(NAME)
    if table.empty:
        return empty_figure(results, NAME)
    density = table[table["quantity"] == "density"]
    models = [model for model in results.models if (density["model"] == model).any()]
    colors = {model: color for model, color in model_colors(results.architectures).items() if model in models}
    methods = [method for method in dict.fromkeys(density["method"]) if method != REFERENCE]
    labels = color_labels(results.architectures, models)
    parts = ordered(density["part"].unique())
    row, dots = BIRD_INCHES * PAGE_INCHES / len(methods), height_of(len(parts), len(models))
    row = min(row, (MOST_INCHES - dots) / len(labels))
    page, grid = plt.subplots(
        len(labels) + 1, len(methods), figsize=(PAGE_INCHES, 1.0 + row * len(labels) + dots), squeeze=False,
        height_ratios=[*[row] * len(labels), dots], layout="constrained",
    )  # fmt: skip
    reach = reach_of(density)
    norm = LogNorm(1 / reach, reach)
    most = max(density["high"].max(), LEAST_REACH)
    for place, (column, method) in enumerate(zip(grid.T, methods, strict=True)):
        column[0].set_title(MAP_NAMES[method].replace(", ", ",\n"))
        shown = density[density["method"] == method]
        for axes, (label, color) in zip(column, labels.items(), strict=False):
            alike = shown[shown["model"].map(colors) == color]
            draw_parts(axes, alike.groupby("part")["value"].mean().to_dict(), plt.get_cmap(COLORMAP), norm)
            if len(labels) > 1 and place == 0:
                axes.set_ylabel(row_label(label), fontsize=7)
        draw_column(column[-1], shown, density[density["method"] == REFERENCE], parts, colors)
        column[-1].set_xlim(0, 1.05 * most)
        if place:
            column[-1].set_yticklabels([])
    bar = page.colorbar(
        ScalarMappable(norm, COLORMAP), ax=grid[:-1].ravel().tolist(), shrink=0.8, aspect=12, pad=0.01, extend="both"
    )
    ticks = [tick for tick in TICKS if 1 / reach <= tick <= reach]
    bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    bar.ax.minorticks_off()
    bar.set_label("mass per area,\ntimes the bird's mean")
    handles = [Line2D([], [], color=color, label=label) for label, color in labels.items()]
    handles.append(Line2D([], [], color=BASELINE_COLOR, linewidth=0.9, label=MAP_NAMES[REFERENCE]))
    page.legend(handles=handles, loc="outside lower center", ncols=5)
    return page, table


BIRD_INCHES = 0.6
"""Height of a bird divided by the width of its column."""

MOST_INCHES = 8.4
"""Height of birds and dots together: with the rest they fit a page."""

LONGEST_LABEL = 20
"""Most characters of a name that stands in one line beside a row."""

TICKS = (0.4, 0.5, 0.7, 1, 1.4, 2, 2.5)


def ordered(names: Sequence[str]) -> list[str]:
    """Head parts, body parts, then single parts from beak to leg, and last those that the sketch has not."""
    single = [name for name in names if name not in GROUPS]
    return [*(name for name in GROUPS if name in names),
            *(name for name in PLACES if name in single), *(name for name in single if name not in PLACES)]  # fmt: skip


def row_label(label: str) -> str:
    """The name of a network or family beside its row, in two lines where it would run into the next row's."""
    parted = label.replace(", ", ",\n")
    return parted if max(map(len, parted.splitlines())) <= LONGEST_LABEL else parted.replace("_", "\n", 1)


def reach_of(density: pd.DataFrame) -> float:
    """The mass per area at which colours end; at the other end it is 1 divided by that."""
    values = density[~density["part"].isin(GROUPS) & (density["method"] != REFERENCE) & (density["value"] > 0)]["value"]
    reach = float(np.exp(np.abs(np.log(values)).max())) if len(values) else LEAST_REACH
    return min(max(reach, LEAST_REACH), MOST_REACH)


def draw_column(
    axes: Axes, shown: pd.DataFrame, blind: pd.DataFrame, parts: Sequence[str], colors: Mapping[str, str]
) -> None:
    """Dots of one map, and a short grey line in each row for the centred Gaussian."""
    names = {part: part.replace("_", " ") for part in parts}
    axes.axvline(1, color="black", linewidth=0.8)
    reference = blind.drop_duplicates("part").set_index("part")["value"]
    for place, part in enumerate(parts):
        if part in reference:
            axes.vlines(reference[part], place - 0.4, place + 0.4, color=BASELINE_COLOR, linewidth=0.9)
    draw_dots(axes, shown, "part", names, dict(colors))
    axes.set_xlabel("times the bird's mean")
