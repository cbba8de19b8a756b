"""The figure of an analysis that applies to no model of the run: it shows the reasons."""

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from camagain.drawing.results import RunResults

CHARACTERS = 110
"""Characters of a line at the width of a page."""


def empty_figure(
    results: "RunResults", name: str, reasons: Mapping[str, str] | None = None
) -> tuple["Figure", pd.DataFrame]:
    """One line for each model: why the analysis does not apply to it, or why there is nothing to draw of it."""
    # Here, since whoever compares runs asks `is_empty` and draws nothing.
    import matplotlib.pyplot as plt

    from camagain.drawing.style import PAGE_INCHES

    reasons = results.not_applicable(name) if reasons is None else reasons
    lines = [textwrap.fill(f"{model}: {reason}", CHARACTERS) for model, reason in reasons.items()]
    text = "\n".join(lines or ["No model of this run is part of this analysis."])
    figure, axes = plt.subplots(figsize=(PAGE_INCHES, 0.3 + 0.16 * (1 + text.count("\n"))))
    axes.text(0, 0.5, text, va="center", fontsize=7, transform=axes.transAxes)
    axes.set_axis_off()
    return figure, pd.DataFrame({"model": list(reasons), "reason": list(reasons.values())})


def is_empty(data: pd.DataFrame) -> bool:
    """Whether the table of a figure says only why there is nothing to draw."""
    return list(data.columns) == ["model", "reason"]
