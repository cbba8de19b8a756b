"""Before and along training: what each model's channels are like with random, starting and fine-tuned weights."""

from collections.abc import Mapping

import pandas as pd

from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults
from camagain.drawing.standing import cell, standing

STATES: Mapping[str, str] = {"random": "random", "start": "start", "finetuned": "fine-tuned"}
"""States of weights that the printed table shows, and what it calls them; the CSV has all epochs."""

QUANTITIES: Mapping[tuple[str, float | None], tuple[str, int]] = {
    ("gap_value", None): ("GAP value", 3),
    ("gap_over_rms", None): ("scale-free", 3),
    ("activated_area", 0.1): ("area 0.1, %", 1),
    ("activated_area", 0.2): ("area 0.2, %", 1),
    ("positive_peak", None): ("positive, %", 1),
}
"""Measure and theta of each column: its header, and digits behind the point."""


def table(results: RunResults) -> pd.DataFrame:
    """Every row of the analysis, all models, with what it stands on."""
    return standing(results, "initialization")


def text(results: RunResults) -> TextTable:
    """A row for each model, state and, of random networks, input."""
    found = results.analysis("initialization")
    rows = [
        (str(model), STATES[state], kind, *cells(group))
        for (model, state, kind), group in found.groupby(["model", "state", "input"], sort=False)
        if state in STATES and (kind == "images" or state == "random")
    ]
    rows.sort(key=lambda row: (results.models.index(row[0]), list(STATES.values()).index(row[1])))
    images, seeds = experiment_counts(results, found)
    confidence = round(100 * results.experiment.evaluation.confidence)
    caption = (
        "Feature maps before and after training, means over channels and images. GAP value: in units of the network's "
        "own maps, not comparable between architectures. Scale-free: absolute mean of a channel through its root mean "
        "square, 1 for a flat map. Area: cells above a share of the channel's maximum. Positive: channels with a "
        f"positive maximum. {images} images spread evenly over the test split of {results.sample}, and noise of their "
        f"mean and deviation. In brackets the lowest and the highest of {seeds} random networks, whose BatchNorm takes "
        f"its statistics from what they are measured on, else {confidence} % intervals over images. "
        "initialization.csv has all epochs."
    )
    headers = tuple(header for header, _ in QUANTITIES.values())
    return TextTable(caption, ("Model", "Weights", "Input", *headers), tuple(rows), text_columns=3)


def experiment_counts(results: RunResults, found: pd.DataFrame) -> tuple[int, int]:
    """Images and seeds that were measured; those of the settings where nothing was."""
    settings = results.experiment.analysis.initialization
    return (int(found["images"].max()) if len(found) else settings.images), settings.seeds


def cells(group: pd.DataFrame) -> list[str]:
    """The cells of one model, state and input; several seeds as their mean with the lowest and the highest."""
    made = []
    for (measure, theta), (_, digits) in QUANTITIES.items():
        rows = group[group["measure"] == measure]
        rows = rows if theta is None else rows[rows["theta"] == theta]
        if (group["state"] == "random").any():
            values = rows["value"]
            rows = pd.DataFrame({"value": [values.mean()], "low": [values.min()], "high": [values.max()]})
        made.append(cell(rows, digits))
    return made
