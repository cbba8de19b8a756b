"""Areas of effective receptive fields, model x state, and below them how they go together with MaxBoxAcc."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from camagain.analysis.erf.area import THRESHOLDS
from camagain.analysis.erf.points import STATE_NAMES, erf_correlations, erf_points, method_of
from camagain.artifacts import read_json
from camagain.drawing.families import FAMILIES
from camagain.drawing.render import TextTable
from camagain.drawing.results import MAP_NAMES, RunResults
from camagain.statistics.correlation import ALL, FEWEST

SHOWN = (*(("area_ratio", t) for t in THRESHOLDS), ("linear_area_ratio", 0.5))
"""Measure and t of each column."""


def table(results: RunResults) -> pd.DataFrame:
    """Areas at the literature's t, one row for each model, state and t, and what they stand on."""
    rows = results.analysis("erf")
    if rows.empty:
        return rows
    rows = rows[rows["t"].isin(THRESHOLDS)]
    rows.insert(1, "architecture", rows["model"].map(results.architectures))
    data = results.dataset
    return rows.assign(dataset=data["name"], classes=len(data["classes"]), seed=results.experiment.seed)


def text(results: RunResults) -> TextTable:
    """A row for each model and state; then Pearson and Spearman over all models and within families."""
    points = erf_points(results)
    columns = ("Model", "Weights", *(f"t = {t:.0%}".replace("%", " %") for t in THRESHOLDS), "50 %, linear")
    if points.empty:
        return TextTable(f"The effective receptive field applies to no model of {results.sample}.", columns, ())
    rows = []
    for (model, state), own in points.groupby(["model", "state"], sort=False):
        areas = own.set_index(["measure", "t"])["area"]
        rows.append((model, STATE_NAMES[state], *(percent(areas[key]) for key in SHOWN)))
    found = erf_correlations(results, points)
    return TextTable(caption(results, found), columns, (*rows, *correlation_rows(found)), text_columns=2)


def correlation_rows(found: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """A row for each group with enough models, state and kind; that of all models always."""
    for (group, state, kind), own in found.groupby(["group", "state", "kind"], sort=False):
        cells = {(row["measure"], row["t"]): row for _, row in own.iterrows()}
        models = own["models"].max()
        if group == ALL or not (own["reason"] != "").all():
            name = f"{'all' if group == ALL else FAMILIES[group]}, {models} models: {kind.capitalize()}"
            yield name, STATE_NAMES[state], *(correlation_cell(cells[key], models) for key in SHOWN)


def correlation_cell(row: pd.Series, models: int) -> str:
    """A correlation with its interval, and the number of models where it differs from the row's."""
    if row["reason"]:
        return "–"
    fewer = f" ({row['models']})" if row["models"] < models else ""
    return f"{row['value']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}]{fewer}"


def percent(ratio: float) -> str:
    return "–" if np.isnan(ratio) else f"{100 * ratio:.1f}"


def caption(results: RunResults, found: pd.DataFrame) -> str:
    """What was measured, on what, and what was left out."""
    measured = results.analysis("erf")
    images, pixels = (
        " to ".join(str(n) for n in sorted({measured[column].min(), measured[column].max()}))
        for column in ("images", "input_pixels")
    )
    sizes = found[found["group"] != ALL].groupby("group", sort=False)["models"].max()
    few = [f"{FAMILIES[group]} ({n})" for group, n in sizes.items() if n < FEWEST]
    pooled = found.loc[found["group"] == ALL, "models"].max()
    few += [f"all ({pooled})"] if pooled < FEWEST else []
    confidence = round(100 * results.experiment.evaluation.confidence)
    return (
        "Effective receptive field by RepLKNet's procedure: area, in percent of the input, of the smallest centred "
        "square that holds more than a share t of log10(A + 1), where A is what each pixel contributes to the centre "
        f"of the last feature maps, on average over {images} test images at {pixels} px. Linear: of A itself, whatever "
        f"the scale of the gradients. {results.sample}. A dash: no square holds so much. Last rows: "
        f"correlation over models with MaxBoxAcc of {MAP_NAMES[method_of(results)]}, in brackets {confidence} % "
        f"bootstrap intervals over models.{' Too few models for one: ' + ', '.join(few) + '.' if few else ''}"
        f"{left_out(results)}"
    )


def left_out(results: RunResults) -> str:
    """Sentences on images that were skipped and on states without an effective receptive field."""
    skipped, without = [], []
    for model, folder in results.analysis_folders("erf"):
        status = read_json(folder / "status.json")
        skipped += [f"{n} of {model}, {STATE_NAMES[s]}" for s, n in status.get("skipped_images", {}).items() if n]
        without += [f"{model}, {STATE_NAMES[s]} ({why})" for s, why in status.get("without", {}).items()]
    sentence = f" Images skipped, since gradients are not finite: {'; '.join(skipped)}." if skipped else ""
    return sentence + (f" Not measurable: {'; '.join(without)}." if without else "")
