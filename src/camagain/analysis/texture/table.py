"""Accuracy and localization under every corruption, and what losing shape and losing texture cost on average."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from camagain.analysis.texture.names import corrupted
from camagain.artifacts import read_json
from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults
from camagain.drawing.standing import standing

FIGURES = {"top1": "Top-1", "max_box_acc": "MaxBoxAcc"}
SUMMARIES = {"shape": "shape lost", "texture": "texture lost", "texture minus shape": "difference"}


def table(results: RunResults) -> pd.DataFrame:
    """Every row of the analysis, all models, with what it stands on."""
    return standing(results, "texture")


def text(results: RunResults) -> TextTable:
    """Two rows for each model: classes and boxes."""
    found = results.analysis("texture")
    if found.empty:
        return TextTable(f"The analysis applies to no model of {results.sample}.", ("Model",), ())
    labels = list(dict.fromkeys(corrupted(found)["label"]))
    rows = []
    for model, own in found.groupby("model", sort=False):
        values = corrupted(own).set_index("label")
        means = own[own["corruption"].isin(("mean", "contrast"))].set_index("loses")
        for i, (figure, name) in enumerate(FIGURES.items()):
            cells = [percent(values[f"{figure}_percent"].get(label)) for label in labels]
            cells += [points(means, loss, f"{figure}_change") for loss in SUMMARIES]
            rows.append(("" if i else str(model), name, *cells))
    return TextTable(caption(results), ("Model", "", *labels, *SUMMARIES.values()), tuple(rows), text_columns=2)


def percent(value: float | None) -> str:
    """A percentage, or a dash where there is none."""
    return "–" if value is None or pd.isna(value) else f"{value:.1f}"


def points(means: pd.DataFrame, loss: str, name: str) -> str:
    """A change in points with its interval, or a dash where it is not defined."""
    if loss not in means.index or pd.isna(means.loc[loss, f"{name}_points"]):
        return "–"
    value, low, high = (means.loc[loss, f"{name}{bound}_points"] for bound in ("", "_low", "_high"))
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"


def caption(results: RunResults) -> str:
    """What was done to which images, and how the last columns are computed."""
    applies = measured(results)
    images = max(entry["images"] for entry in applies.values())
    notes = dict.fromkeys(note for entry in applies.values() for note in entry["notes"])
    remarks = [f"{note}{concerned(note, applies)}." for note in notes]
    return (
        f"Top-1 and MaxBoxAcc of class activation maps of the true class, in percent, on {results.sample}; {images:,} "
        "of these images, corrupted. n × n: patches of such a grid change places, and maps are put back before they "
        "are scored. px: window of a median filter. Random phases leave no object to be found. Shape lost, texture "
        "lost: mean change over all grids, and over all windows, in points, with paired intervals over images; of "
        "MaxBoxAcc against maps of clean images, for patches seen through the same feature grid. Difference: texture "
        "minus shape, above 0 where losing shape costs more; it depends on grids and windows, and is no shape bias in "
        f"the sense of cue conflicts.{''.join(f' {remark[0].upper()}{remark[1:]}' for remark in remarks)}"
    )


def measured(results: RunResults) -> dict[str, dict[str, Any]]:
    """What the numbers of each model stand on, of those to which the analysis applies."""
    without = results.not_applicable("texture")
    folders = results.analysis_folders("texture")
    return {model: read_json(folder / "status.json") for model, folder in folders if model not in without}


def concerned(note: str, status: Mapping[str, dict]) -> str:
    """The models that a note is of, in parentheses; nothing where it is of all."""
    models = [model for model, entry in status.items() if note in entry["notes"]]
    return "" if len(models) == len(status) else f" ({', '.join(models)})"
