"""How much of each map lies on the parts that decide the class, on the rest of the object, and beside it."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from camagain.drawing.cells import row_cell
from camagain.drawing.dots import draw_dots, height_of, offsets_of
from camagain.drawing.empty import empty_figure
from camagain.drawing.render import TextTable
from camagain.drawing.results import MAP_NAMES, RunResults
from camagain.drawing.standing import standing
from camagain.drawing.style import PAGE_INCHES, color_labels, model_colors

NAME = "cues"
TITLE = "The part that decides the class"
KEYS = ("model", "method", "quantity", "region")
CAPTION = (
    "Drawn classes differ only in the colours of crown and wing patch. Left: how the mass of a map divides among "
    "these cues, the rest of the bird and the background; the top bar shows how the area divides. Middle: mass per "
    "area on the cues, relative to the whole image and to the rest of the bird; at 1 the map does not prefer the "
    "cues, above 1 it shows local activation. Right: rank correlation over images of that preference with the IoU of "
    "the box; negative where preferring the cues costs boxes."
)

COLUMNS = ("Model", "Map", "mass on cues, %", "of the area, %", "times uniform: cues", "rest of object",
           "cues to rest", "rank corr. with IoU")  # fmt: skip


def numbers(results: RunResults) -> pd.DataFrame:
    """Every row of the analysis, all models, with the data behind it."""
    return standing(results, NAME)


def text(results: RunResults, table: pd.DataFrame) -> TextTable:
    """A row for each model and map."""
    groups = table.groupby(["model", "method"], sort=False) if len(table) else ()
    rows = tuple((model, MAP_NAMES[method], *cells(own)) for (model, method), own in groups)
    caption = (
        "Share of a map's mass on the parts that decide the class (cues: boxes around them, cut to the object), and "
        "their share of the image's area. Times uniform: mass on the cues and on the rest of the object, divided by "
        "what an evenly spread map would have there. Cues to rest, the preference: the first divided by the second; 1 "
        "is no preference, above 1 is local activation. Last: Spearman's rank correlation over images of preference "
        f"with the IoU of the box; negative where preferring the cues costs boxes. Described maps, {results.scope}"
    )
    return TextTable(caption, COLUMNS, rows, text_columns=2)


def cells(own: pd.DataFrame) -> list[str]:
    """The cells of one model and map."""
    quantity, region = own["quantity"], own["region"]
    return [
        row_cell(own[(quantity == "mass_share") & (region == "cues")]),
        row_cell(own[(quantity == "area_share") & (region == "cues")]),
        row_cell(own[(quantity == "concentration") & (region == "cues")], 2),
        row_cell(own[(quantity == "concentration") & (region == "rest of the object")], 2),
        row_cell(own[quantity == "preference"], 2),
        row_cell(own[quantity == "spearman_preference_iou"], 2),
    ]


SHADES: Mapping[str, float] = {"cues": 1.0, "rest of the object": 0.5, "background": 0.18}
"""Regions in the order of a bar, and the opacity of the model's colour in each."""

AREA_LABEL = "share of the area"


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """A row for each map with one bar or dot for each model; the top row shows how the area itself divides."""
    table = results.analysis(NAME)
    if table.empty:
        return empty_figure(results, NAME)
    models = [model for model in results.models if (table["model"] == model).any()]
    colors = {model: color for model, color in model_colors(results.architectures).items() if model in models}
    methods = {method: MAP_NAMES[method].replace(", ", ",\n") for method in dict.fromkeys(table["method"])}
    height = 1.0 + max(0.4, height_of(1, len(models))) * (len(methods) + 1)
    page, panels = plt.subplots(
        1, 4, figsize=(PAGE_INCHES, height), width_ratios=(1.5, 1, 1, 1), sharey=True, layout="constrained"
    )
    draw_shares(panels[0], table, {AREA_LABEL: AREA_LABEL.replace(" the ", "\nthe "), **methods}, colors)
    rows = {AREA_LABEL: "", **methods}
    concentration = table[(table["quantity"] == "concentration") & (table["region"] == "cues")]
    for axes, values, start, label in (
        (panels[1], concentration, 1, "mass on cues,\ntimes uniform"),
        (panels[2], table[table["quantity"] == "preference"], 1, "mass on cues,\ntimes rest of object"),
        (panels[3], table[table["quantity"] == "spearman_preference_iou"], 0, "ρ of that preference\nwith IoU"),
    ):
        draw_dots(axes, values, "method", rows, colors)
        axes.axvline(start, color="black", linewidth=0.8)
        axes.set_xlabel(label)
        if start:
            axes.set_xlim(0, None)
    panels[0].set_yticks(range(len(rows)), [AREA_LABEL.replace(" the ", "\nthe "), *methods.values()])
    labels = color_labels(results.architectures, models)
    handles: list[Artist] = [Line2D([], [], color=color, label=label) for label, color in labels.items()]
    handles += [Patch(color="black", alpha=alpha, linewidth=0, label=region) for region, alpha in SHADES.items()]
    page.legend(handles=handles, loc="outside lower center", ncols=max(4, len(labels)))
    return page, table


def draw_shares(axes: Axes, table: pd.DataFrame, rows: Mapping[str, str], colors: Mapping[str, str]) -> None:
    """Stacked bars: the mass of every map and model by region; the area, the same for all, is drawn once."""
    keys = list(rows)
    offsets = dict(zip(colors, offsets_of(len(colors)), strict=True))
    thickness = 0.9 * (offsets_of(2)[1] - offsets_of(2)[0]) / max(1, len(colors) - 1)
    mass = table[table["quantity"] == "mass_share"]
    for (model, method), own in mass.groupby(["model", "method"], sort=False):
        draw_bar(axes, own, keys.index(method) + offsets[model], min(0.5, thickness), colors[model])
    area = table[table["quantity"] == "area_share"]
    first = area[(area["model"] == area["model"].iloc[0]) & (area["method"] == area["method"].iloc[0])]
    draw_bar(axes, first, 0, 0.4, "black")
    axes.set(xlabel="mass, % of the map", xlim=(0, 100))
    axes.tick_params(axis="y", length=0)


def draw_bar(axes: Axes, own: pd.DataFrame, y: float, height: float, color: str) -> None:
    """One bar, divided by region."""
    shares, start = own.set_index("region")["value"], 0.0
    for region, alpha in SHADES.items():
        axes.barh(y, shares[region], left=start, height=height, color=color, alpha=alpha, linewidth=0)
        start += shares[region]
