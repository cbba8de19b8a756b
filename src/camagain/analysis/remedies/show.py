"""What each remedy gains, for each model and each of its classifiers, and all of them together."""

from itertools import product

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from camagain.analysis.remedies.gains_table import GAINS, family_gains, mean_gains, remedies_table
from camagain.drawing.cells import change_cell, over_seeds, p_cell
from camagain.drawing.dots import draw_dots, height_of, offsets_of
from camagain.drawing.empty import empty_figure
from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults
from camagain.drawing.style import PAGE_INCHES, color_labels, model_colors
from camagain.families import FAMILIES, family_of

NAME = "remedies"
TITLE = "Remedies against local maps"
KEYS = ("model", "quantity", "remedy", "head", "nwc", "pas")
CAPTION = (
    "Thresholded average pooling (TAP), negative weight clamping (NWC) and percentile thresholding (PaS) of Bae et "
    "al. (2020). Left: what each adds to MaxBoxAcc on average over all settings of the others, with paired "
    "intervals over images; at zero it does nothing. TAP needs a classifier fitted anew on frozen features, so its "
    "reference is a classifier fitted in the same way on plain averages; the top row is the effect of that fit alone. "
    "A star: mean of several models of a family. Right, for up to 8 models: MaxBoxAcc of every combination."
)

COLUMNS = ("Model", "Classifier", "top-1", "all off", "TAP", "NWC", "PaS", "all on − all off", "p (Holm)")
REMEDIES = ("tap", "nwc", "pas")


def numbers(results: RunResults) -> pd.DataFrame:
    """Every row of the analysis, all models, with the data behind it and adjusted p-values."""
    return remedies_table(results)


def text(results: RunResults, table: pd.DataFrame) -> TextTable:
    """Two rows for each model, its own and the fitted classifier; then means over families with several models."""
    if table.empty:
        return TextTable(f"The remedies apply to no model of {results.sample}.", COLUMNS, (), text_columns=2)
    gains = mean_gains(table)
    rows = []
    for model, own in table.groupby("model", sort=False):
        of_model = gains[gains["model"] == model].set_index("gain")
        rows += [(str(model), *cells(own, of_model, "own")), ("", *cells(own, of_model, "fitted"))]
    families = family_gains(gains)
    for family, own in families.groupby("family", sort=False):
        by_gain = own.set_index("gain")
        spread = [
            "{:+.1f} ({:+.1f} to {:+.1f})".format(*by_gain.loc[GAINS["fitted", remedy], ["value", "low", "high"]])
            for remedy in REMEDIES
        ]
        name = f"{FAMILIES[family].name}, mean of {own['models'].max()}"
        rows.append((name, "fitted", "–", "–", *spread, "–", "–"))
    return TextTable(caption(results, bool(len(families))), COLUMNS, tuple(rows), text_columns=2)


def cells(own: pd.DataFrame, gains: pd.DataFrame, classifier: str) -> list[str]:
    """The cells of one model's own or fitted classifier."""
    scores = own[own["quantity"] == "max_box_acc"].set_index(["head", "nwc", "pas"])
    plain, remedied = ("own", "own") if classifier == "own" else ("gap", "tap")
    off, on = scores.loc[plain, False, False], scores.loc[remedied, True, True]
    top1 = [off["top1_percent"]] if classifier == "own" else [off["top1_percent"], on["top1_percent"]]
    of_remedies = [
        gain_cell(gains.loc[GAINS[classifier, remedy]]) if (classifier, remedy) in GAINS else "–" for remedy in REMEDIES
    ]
    value, low, high = off[["max_box_acc_percent", "max_box_acc_low_percent", "max_box_acc_high_percent"]]
    deviation = over_seeds(off.get("max_box_acc_percent_deviation"))
    return [
        classifier,
        ", ".join(f"{percent:.1f}" for percent in top1),
        f"{value:.1f}{deviation} [{low:.1f}, {high:.1f}]",
        *of_remedies,
        change_cell(
            on["difference_points"],
            on["difference_low_points"],
            on["difference_high_points"],
            on.get("difference_points_deviation"),
        ),
        p_cell(on["p_holm"]),
    ]


def gain_cell(gain: pd.Series) -> str:
    """What a remedy gains, with its interval."""
    return change_cell(gain["value"], gain["low"], gain["high"], gain.get("value_deviation"))


def caption(results: RunResults, families: bool) -> str:
    """The caption: what was compared, on what data."""
    settings = results.experiment.analysis.remedies
    spread = " Families: mean over models, and in parentheses the least and the most." if families else ""
    return (
        f"Remedies of Bae et al. (2020) on {results.scope} TAP, NWC, PaS: what each adds to MaxBoxAcc, in points, on "
        "average over all settings of the others. Own: the network's classifier, whose pooling is not changed. Fitted: "
        "classifiers fitted to the same frozen features, on plain or (TAP) on thresholded averages over cells above "
        f"{settings.theta:g} of a channel's maximum; top-1 of both. NWC: negative class weights count as 0 in the map. "
        f"PaS: thresholds are shares of the map's {settings.percentile:g}th percentile. Predicted class, described "
        f"maps, each set at its own best threshold.{spread} p: of all on against all off, Holm-"
        "adjusted over all combinations and models, which remedies.csv holds."
    )


MOST_WITH_VALUES = 8
"""With more models only the gains are drawn."""

MOST_INCHES = 9.0
"""Height of a page; the rows of many models move closer to fit it."""

HEADS = {"own": ("own",), "gap": ("fitted",), "tap": ("fitted", "TAP")}
"""The beginning of a combination's name."""


def figure(results: RunResults) -> tuple[Figure, pd.DataFrame]:
    """One dot for each model: left in a row for each gain, right in a row for each combination."""
    table = results.once(numbers)
    if table.empty:
        return empty_figure(results, NAME)
    models = [model for model in results.models if (table["model"] == model).any()]
    colors = {model: model_colors(results.architectures)[model] for model in models}
    with_values = len(models) <= MOST_WITH_VALUES
    values, names = combinations(table)
    height = height_of(len(names) if with_values else len(GAINS), len(models))
    page, grid = plt.subplots(
        1,
        2 if with_values else 1,
        figsize=(PAGE_INCHES, min(MOST_INCHES, 0.8 + height)),
        squeeze=False,
        layout="constrained",
    )
    gains = mean_gains(table)
    draw_dots(grid[0, 0], gains, "gain", {name: name for name in GAINS.values()}, colors)
    draw_families(grid[0, 0], gains, colors)
    grid[0, 0].axvline(0, color="black", linewidth=0.8)
    grid[0, 0].set(title="mean gain", xlabel="change of MaxBoxAcc, points")
    if with_values:
        draw_dots(grid[0, 1], values, "combination", names, colors)
        grid[0, 1].set(title="every combination", xlabel="MaxBoxAcc, %")
    labels = color_labels(results.architectures, models)
    handles = [Line2D([], [], color=color, marker="o", markersize=3, label=name) for name, color in labels.items()]
    page.legend(handles=handles, loc="outside lower center", ncols=4)
    return page, table


def combinations(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """The MaxBoxAcc of every combination with a column that names it, and these names in order of the rows."""
    rows = table[table["quantity"] == "max_box_acc"]
    bounds = {f"max_box_acc{bound}_percent": bound.strip("_") or "value" for bound in ("", "_low", "_high")}
    called = [name(*key) for key in rows[["head", "nwc", "pas"]].itertuples(index=False)]
    order = [name(head, nwc, pas) for head in HEADS for nwc, pas in product((False, True), repeat=2)]
    return rows[["model", *bounds]].rename(columns=bounds).assign(combination=called), {key: key for key in order}


def name(head: str, nwc: bool, pas: bool) -> str:
    """A combination as it is written, such as "fitted + TAP + PaS"."""
    return " + ".join((*HEADS[head], *(["NWC"] if nwc else []), *(["PaS"] if pas else [])))


def draw_families(axes: Axes, gains: pd.DataFrame, colors: dict[str, str]) -> None:
    """A star at the mean of each family that has several models, in the middle of their dots."""
    offsets = dict(zip(colors, offsets_of(len(colors)), strict=True))
    families = dict(zip(gains["model"], map(family_of, gains["architecture"]), strict=True))
    for row in family_gains(gains).itertuples():
        members = [model for model in colors if families[model] == row.family]
        y = list(GAINS.values()).index(row.gain) + sum(offsets[model] for model in members) / len(members)
        axes.plot(row.value, y, "*", color=colors[members[0]], markeredgecolor="black", markersize=8, zorder=5)
