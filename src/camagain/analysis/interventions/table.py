"""Kernels enlarged and trained further, or cut: receptive field and MaxBoxAcc beside those of the control."""

import numpy as np
import pandas as pd

from camagain.analysis.interventions.effects import difference, effects, kernels, verdicts
from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults

COLUMNS = (
    "Model",
    "Kernels",
    "Seeds",
    "Layers changed",
    "Parameters, M",
    "Top-1",
    "ERF area",
    "linear",
    "MaxBoxAcc",
    "− control, points",
    "single seeds",
    "− control, true class",
)


def table(results: RunResults) -> pd.DataFrame:
    """One row per network and method, as measured."""
    return results.analysis("interventions")


def text(results: RunResults) -> TextTable:
    """A row for each change: means over seeds, with differences to the control."""
    found = effects(results)
    true_class = {
        (row["model"], row["kind"], row["change"]): difference(row)
        for _, row in found[found["method"] == "cam-gt"].iterrows()
    }
    rows = tuple(
        (*cells(row), true_class[row["model"], row["kind"], row["change"]])
        for _, row in found[found["method"] == "cam"].iterrows()
    )
    return TextTable(caption(results, found), COLUMNS, rows, text_columns=2)


def cells(row: pd.Series) -> tuple[str, ...]:
    """One change, of maps of the predicted class."""
    lowest, highest = row["difference_lowest_seed_points"], row["difference_highest_seed_points"]
    low, high = row["max_box_acc_low_percent"], row["max_box_acc_high_percent"]
    trained = row["kind"] == "enlarged"
    return (
        row["model"],
        f"{kernels(row)}, trained further" if trained else kernels(row),
        f"{row['seeds']}" if trained else "–",
        f"{row['layers_changed']}",
        f"{row['parameters'] / 1e6:.2f}",
        f"{row['top1_percent']:.1f}",
        *("–" if np.isnan(row[name]) else f"{row[name]:.1f}" for name in ("area_percent", "linear_area_percent")),
        f"{row['max_box_acc_percent']:.1f} [{low:.1f}, {high:.1f}]",
        difference(row),
        f"{lowest:+.1f} to {highest:+.1f}" if trained and row["change"] != "own" else "–",
    )


def caption(results: RunResults, found: pd.DataFrame) -> str:
    """What was found in sentences, and what the table stands on."""
    settings, said = results.experiment.analysis.interventions, " ".join(verdicts(found))
    epochs = {None: "as many epochs as before", 1: "one epoch"}.get(settings.epochs, f"{settings.epochs} epochs")
    return (
        f"{said} Depthwise kernels are the only change, on {results.scope} Enlarged: padded with zeros, which leaves "
        f"the network's outputs as they are, and trained further by its own recipe for {epochs}; the control is the "
        "same with the kernels as they are, seed by seed on the same images in the same order. Cut: outer taps set to "
        "zero, without training; the control is the network before. ERF area: of the smallest centred square that "
        "holds half of log10(A + 1), or (linear) of the contribution A itself, in percent of the image. Means over "
        "seeds of the further training; differences with paired intervals over images, and the range of single seeds."
    ).strip()
