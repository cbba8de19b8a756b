"""What each choice of the evaluation costs: the experiment's own number, and what changing one choice does to it."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from camagain.drawing.cells import change_cell
from camagain.drawing.dots import offsets_of
from camagain.drawing.empty import empty_figure
from camagain.drawing.render import TextTable
from camagain.drawing.results import MAP_NAMES, RunResults
from camagain.drawing.style import PAGE_INCHES, color_labels, model_colors
from camagain.evaluation.ways import ALTERNATIVES
from camagain.paper.exhibits.localization import SCORES

NAME = "evaluation-choices"
TITLE = "What each choice of the evaluation costs"
PLACE = 30
KEYS = ("model", "method", "figure", "changed")
CAPTION = (
    "Change of MaxBoxAcc in points when one choice of the evaluation is changed and everything else stays, with the "
    "interval over images. Zero: the choice does not matter for these images. Below, on a scale of its own: the "
    "threshold of Zhou et al. (2016), and the best one of each image, which needs the true box and is a mistake."
)
FIGURE_TITLE = "What each choice does"

VALUE_NAMES = {
    "size": "{} px",
    "class_choice": "{} class",
    "variant": "{} maps",
    "tap": "{}",
    "interpolation": "{}",
    "threshold_step": "step {}",
}
"""The values of each choice in words."""

THRESHOLDS = {"best": "best τ", "fixed-0.2": "τ 0.2", "per-image": "best τ of each image"}
"""The values of the choice of the threshold in words."""


def numbers(results: RunResults) -> pd.DataFrame:
    """The rows of every model's choices.csv."""
    return results.choices()


def single_changes(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that differ from the experiment's own way in one choice, with that choice's name and new value."""
    rows = []
    for _, group in table.groupby(["model", "method", "figure"], sort=False):
        base = group[group["changed"] == ""].iloc[0]
        for _, row in group.iterrows():
            differing = [name for name in ALTERNATIVES if row[name] != base[name]]
            if len(differing) == 1:
                rows.append({**row, "choice": differing[0], "option": option_name(differing[0], row[differing[0]])})
    return pd.DataFrame(rows)


def option_name(choice: str, value: object) -> str:
    """A choice's value in words, such as "384 px"; of contours "the other", since the two scores begin differently."""
    if choice == "contours":
        return "other contours"
    return THRESHOLDS[str(value)] if choice == "threshold" else VALUE_NAMES[choice].format(value)


def text(results: RunResults, table: pd.DataFrame) -> TextTable:
    """A row for each model, map and figure: the own value, and the difference that each single change makes."""
    single = single_changes(table) if len(table) else pd.DataFrame(columns=["option", "choice"])
    # Thresholds move scores most; to the right of all others they would lie outside the screen.
    options = sorted(option_order(single), key=lambda option: option not in THRESHOLDS.values())
    combined = bool(len(table)) and len(table) > len(single) + len(table[table["changed"] == ""])
    rows = []
    for (model, method, figure), group in table.groupby(["model", "method", "figure"], sort=False):
        base = group[group["changed"] == ""].iloc[0]
        here = single[(single["model"] == model) & (single["method"] == method) & (single["figure"] == figure)]
        cells = {row["option"]: difference(row) for _, row in here.iterrows()}
        row = [model, short_name(method), SCORES[figure], f"{base['value_percent']:.1f}"]
        row += [cells.get(option, "–") for option in options]
        if combined:
            row.append(f"{group['value_percent'].min():.1f} to {group['value_percent'].max():.1f}")
        rows.append(tuple(row))
    columns = ("Model", "Map", "Score", "own", *options, *(["all combinations"] if combined else []))
    return TextTable(caption(results), columns, tuple(rows), text_columns=3)


def short_name(method: str) -> str:
    """A method without its class, since only maps of the predicted class are scored under other choices."""
    return MAP_NAMES[method].partition(",")[0]


def difference(row: pd.Series) -> str:
    """A change in points with its paired interval; "0" where no image changed."""
    low, high = row["difference_low_points"], row["difference_high_points"]
    if row["difference_points"] == low == high == 0:
        return "0"
    return change_cell(row["difference_points"], low, high)


def caption(results: RunResults) -> str:
    """The caption: the data behind the table, and what "own" is."""
    own, maps = results.experiment.evaluation, results.experiment.localization
    return (
        f"What each open choice costs: the same networks scored again with one choice changed, on {results.scope} Own: "
        f"{own.size} px, predicted class, {maps.variant} maps, {maps.tap}, {own.interpolation}, step "
        f"{own.threshold_step:g}, the best τ of all images; largest contour for MaxBoxAcc, all for MaxBoxAccV2. "
        "τ 0.2: the threshold of Zhou et al. (2016). Best τ of each image: a mistake that needs the true box, to show "
        "what it gains. Differences in points with paired intervals; 0: the same in every resample. A dash: nothing to "
        "change, as where no norm stands between maps and classifier. evaluation-choices.csv also counts the images "
        "that change sides."
    )


DRAWN = "max_box_acc"

NOTHING = "none of its maps is scored with other choices; only CAM and PC1 of the predicted class are"


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """One column for each method, one row for each changed choice, one dot for each model; thresholds stand below."""
    table = results.choices()
    table = single_changes(table[table["figure"] == DRAWN])
    if table.empty:
        return empty_figure(results, NAME, dict.fromkeys(results.models, NOTHING))
    colors = model_colors(results.architectures)
    methods = list(dict.fromkeys(table["method"]))
    below = table["choice"] == "threshold"
    parts = [part for part in (table[~below], table[below]) if len(part)]
    options = [option_order(part) for part in parts]
    lines = [max(1, len(names)) for names in options]
    page, grid = plt.subplots(
        len(parts),
        len(methods),
        figsize=(PAGE_INCHES, 0.9 + 0.5 * (len(parts) - 1) + sum(lines) * min(0.1 * max(3, len(results.models)), 1.0)),
        height_ratios=lines,
        squeeze=False,
        sharex="row",  # a threshold moves scores ten times as far as anything else
        sharey="row",
        layout="constrained",
    )
    offsets = offsets_of(len(results.models))
    for part, names, panels in zip(parts, options, grid, strict=True):
        for method, axes in zip(methods, panels, strict=True):
            for model, offset in zip(results.models, offsets, strict=True):
                rows = part[(part["method"] == method) & (part["model"] == model)]
                y = [names.index(option) + offset for option in rows["option"]]
                value = rows["difference_points"].to_numpy(dtype=float)
                bars = [value - rows["difference_low_points"], rows["difference_high_points"] - value]
                axes.errorbar(value, y, xerr=bars, fmt="o", markersize=3, linewidth=1, color=colors[model])
            axes.axvline(0, color="black", linewidth=0.8)
            axes.set_yticks(range(len(names)), names)
            axes.grid(axis="x", linewidth=0.4, alpha=0.6)
        panels[0].invert_yaxis()
    for method, panels in zip(methods, grid.T, strict=True):
        panels[0].set_title(short_name(method))
        panels[-1].set_xlabel("change of MaxBoxAcc, points")
    labels = color_labels(results.architectures, list(results.models))
    handles = [Line2D([], [], color=color, marker="o", markersize=3, label=name) for name, color in labels.items()]
    page.legend(handles=handles, loc="outside lower center", ncols=4)
    return page, table


def option_order(table: pd.DataFrame) -> list[str]:
    """The changed values of a table in words, in the order of the choices."""
    return [
        option
        for choice in ALTERNATIVES
        for option in (dict.fromkeys(table.loc[table["choice"] == choice, "option"]) if len(table) else ())
    ]
