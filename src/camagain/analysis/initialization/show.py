"""Before and along training: what each model's channels are like with random, starting and fine-tuned weights."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from camagain.drawing.cells import row_cell
from camagain.drawing.empty import empty_figure
from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults
from camagain.drawing.standing import standing
from camagain.drawing.style import PAGE_INCHES, model_colors
from camagain.families import FAMILIES, family_of

NAME = "initialization"
TITLE = "Before and along training"
KEYS = ("model", "state", "weights_seed", "epoch", "input", "measure", "theta")
CAPTION = (
    "How widely the last feature maps are activated, mean over channels and images. Left of each panel: random "
    "weights, a dot for each seed. Lines: from the weights that training began with to those that it ended with; "
    "bands are intervals over images. Where nothing is trained: dots, and bars for intervals. Above: share of cells "
    "above 0.2 of the channel's maximum. Below: absolute mean divided by root mean square: 1 for a flat map, the "
    "square root of a for a map active in a share a of its cells. Hollow and dotted: the same for noise, which shows "
    "what does not depend on the content of images."
)

STATES: Mapping[str, str] = {
    "random": "random",
    "created": "as created",
    "start": "start",
    "finetuned": "fine-tuned",
}
"""States of weights in the printed table, and their names there; the CSV has all epochs."""

QUANTITIES: Mapping[tuple[str, float | None], tuple[str, int]] = {
    ("gap_value", None): ("GAP value", 3),
    ("gap_over_rms", None): ("scale-free", 3),
    ("activated_area", 0.1): ("area 0.1, %", 1),
    ("activated_area", 0.2): ("area 0.2, %", 1),
    ("positive_peak", None): ("positive, %", 1),
}
"""Measure and theta of each column -> its header, and digits behind the point."""


def numbers(results: RunResults) -> pd.DataFrame:
    """Every row of the analysis, all models, with the data behind it."""
    return standing(results, NAME)


def text(results: RunResults, table: pd.DataFrame) -> TextTable:
    """A row for each model, state and, of random networks, input."""
    rows = [
        (str(model), STATES[state], kind, *cells(group))
        for (model, state, kind), group in table.groupby(["model", "state", "input"], sort=False)
        if state in STATES and (kind == "images" or state == "random")
    ]
    rows.sort(key=lambda row: (results.models.index(row[0]), list(STATES.values()).index(row[1])))
    images, seeds = experiment_counts(results, table)
    confidence = round(100 * results.experiment.evaluation.confidence)
    caption = (
        "Feature maps before and after training, means over channels and images. GAP value: in units of the network's "
        "own maps, not comparable between architectures. Scale-free: absolute mean of a channel divided by its root "
        "mean square, 1 for a flat map. Area: cells above a share of the channel's maximum. Positive: channels with a "
        f"positive maximum. {images} images spread evenly over the test split of {results.sample}, and noise of their "
        f"mean and deviation. Brackets: the lowest and the highest of {seeds} random networks, whose BatchNorm takes "
        "its statistics from the images or noise measured or, as created, does nothing (mean 0, variance 1); "
        f"for others {confidence} % intervals over images. "
        "initialization.csv has all epochs."
    )
    headers = tuple(header for header, _ in QUANTITIES.values())
    return TextTable(caption, ("Model", "Weights", "Input", *headers), tuple(rows), text_columns=3)


def experiment_counts(results: RunResults, found: pd.DataFrame) -> tuple[int, int]:
    """How many images and seeds were measured; those of the settings where nothing was."""
    settings = results.experiment.analysis.initialization
    return (int(found["images"].max()) if len(found) else settings.images), settings.seeds


def cells(group: pd.DataFrame) -> list[str]:
    """The cells of one model, state and input; several seeds as their mean with the lowest and the highest."""
    made = []
    for (measure, theta), (_, digits) in QUANTITIES.items():
        rows = group[group["measure"] == measure]
        rows = rows if theta is None else rows[rows["theta"] == theta]
        if group["state"].isin(["random", "created"]).any():
            values = rows["value"]
            rows = pd.DataFrame({"value": [values.mean()], "low": [values.min()], "high": [values.max()]})
        made.append(row_cell(rows, digits))
    return made


THETA = 0.2
"""The threshold of activated area that is drawn; the table has all."""

ROWS = (
    ("activated_area", f"activated area, %\n(cells above {THETA:g} max)"),
    ("gap_over_rms", "scale-free GAP value\n(|mean| / rms)"),
)
"""Measure and label of each row of panels."""

RANDOM_OFFSET = 0.42
"""Distance of random networks to the left of epoch 0, as share of the epochs."""

BESIDE = 0.025
"""Distance of the random networks of one architecture from those of the next, as share of the epochs."""

MOST_WITH_BANDS = 3
"""Up to this many networks a family, lines have bands of intervals, noise has lines, and no dots lie on each other."""

OTHERS = "others"
"""The panel of networks without a family, each in a colour of its own."""


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """Two rows of panels with a common scale each; intervals over images as bands."""
    table = results.analysis(NAME)
    if table.empty:
        return empty_figure(results, NAME)
    table = table[table["measure"].isin([measure for measure, _ in ROWS]) & table["theta"].isin([THETA, np.nan])]
    models = [model for model in results.models if (table["model"] == model).any()]
    colors, groups = model_colors(results.architectures), families(results, models)
    size, few = (PAGE_INCHES, 3.9), max(map(len, groups.values())) <= MOST_WITH_BANDS
    page, grid = plt.subplots(2, len(groups), figsize=size, squeeze=False, sharey="row", layout="constrained")
    for (family, members), column in zip(groups.items(), grid.T, strict=True):
        epochs = int(table.loc[table["model"].isin(members), "epoch"].max())
        for (measure, label), axes in zip(ROWS, column, strict=True):
            for place, model in enumerate(members):
                own = table[(table["model"] == model) & (table["measure"] == measure)]
                aside = BESIDE * (place - (len(members) - 1) / 2) if few else 0
                draw(axes, own, colors[model], epochs, few, aside)
            label_epochs(axes, epochs)
            if axes in grid[:, 0]:
                axes.set_ylabel(label)
        column[0].set_title(family)
        column[-1].set_xlabel("epoch" if epochs else "")
    for axes in grid[:, 0]:
        axes.set_ylim(0, None)  # of the whole row, now that all of it is drawn
    named = {model: colors[model] for model in groups.get(OTHERS, [])} if few else {}
    trained = bool((table["epoch"] > 0).any())
    legend = handles(few, trained, named)
    page.legend(handles=legend, loc="outside lower center", ncols=4 if trained else len(legend))
    return page, table


def families(results: RunResults, models: list[str]) -> dict[str, list[str]]:
    """The models of each family by its name, in the paper's order, others behind."""
    found: dict[str, list[str]] = {name: [] for name in (*(family.name for family in FAMILIES.values()), OTHERS)}
    for model in models:
        family = family_of(results.architectures[model])
        found[FAMILIES[family].name if family else OTHERS].append(model)
    return {name: members for name, members in found.items() if members}


def draw(axes: Axes, rows: pd.DataFrame, color: str, epochs: int, few: bool, aside: float) -> None:
    """One network in one panel: a dot for each seed, filled for images and hollow for noise; lines over the epochs.

    Without training there is one dot instead of a line, with its interval, beside those of other networks.
    """
    unit = max(1, epochs)
    for kind, side, face in (("images", -1, color), ("noise", 1, "white")):
        own = rows[rows["input"] == kind]
        random, line = own[own["state"] == "random"], own[own["epoch"].notna()].sort_values("epoch")
        x = np.full(len(random), unit * (-RANDOM_OFFSET + 0.06 * side + aside))
        axes.scatter(x, random["value"], s=9, c=face, edgecolors=color, linewidths=0.7, zorder=3)
        if not epochs:
            x = line["epoch"].astype(float) + 0.06 * side + aside
            axes.vlines(x, line["low"], line["high"], color=color, linewidth=0.7)
            axes.scatter(x, line["value"], s=9, c=face, edgecolors=color, linewidths=0.7, zorder=3)
        elif kind == "images":
            axes.plot(line["epoch"], line["value"], color=color, marker=".", markersize=4, linewidth=1.1)
        elif few:
            axes.plot(line["epoch"], line["value"], color=color, linestyle=":", linewidth=0.9)
        if few:
            axes.fill_between(line["epoch"], line["low"], line["high"], color=color, alpha=0.15, linewidth=0)


def label_epochs(axes: Axes, epochs: int) -> None:
    """Ticks at whole epochs, and one for the random networks before them."""
    unit, end = max(1, epochs), 1.05 * epochs or 0.6 * RANDOM_OFFSET
    ticks = [tick for tick in MaxNLocator(nbins=3, integer=True).tick_values(0, unit) if 0 <= tick <= epochs]
    labels = [f"{tick:g}" for tick in ticks] if epochs else ["as they come"]
    axes.set_xticks([-RANDOM_OFFSET * unit, *ticks], ["random", *labels])
    axes.set(xlim=(-1.6 * RANDOM_OFFSET * unit, end))
    axes.axvline(-RANDOM_OFFSET * unit / 2, color="0.85", linewidth=0.6, zorder=0)
    axes.grid(axis="y", linewidth=0.4, alpha=0.6)


def handles(few: bool, trained: bool, named: Mapping[str, str]) -> list[Line2D]:
    """The legend of dots and lines, and of the colours (by the network's name) that are no family's."""
    dot: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 3.5, "color": "black", "markeredgewidth": 0.7}
    weights = "random weights, " if trained else ""
    found = [
        *(Line2D([], [], label=name, color=color, linewidth=2.5) for name, color in named.items()),
        Line2D([], [], label=f"{weights}images; one dot a seed", **dot),
        Line2D([], [], label=f"{weights}noise", markerfacecolor="white", **dot),
    ]
    if trained:
        line = Line2D([], [], label="along training, images", color="black", marker=".", markersize=4, linewidth=1.1)
        found.append(line)
    if trained and few:
        found.append(Line2D([], [], label="noise", color="black", linestyle=":", linewidth=0.9))
    return found
