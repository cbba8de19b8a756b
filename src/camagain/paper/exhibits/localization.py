"""Boxes, pixels and classes of every model and map, each score with its threshold and interval."""

import pandas as pd

from camagain.config import BASELINE
from camagain.drawing.cells import score_cell, seeds_cell
from camagain.drawing.render import TextTable
from camagain.drawing.results import MAP_NAMES, RunResults

NAME = "localization"
TITLE = "Scores of every network and map"
PLACE = 0
KEYS = ("model", "method", "variant", "figure")

SCORES = {
    "top1": "Top-1",
    "max_box_acc": "MaxBoxAcc",
    "max_box_acc_val_threshold": "at val τ",
    "max_box_acc_v2": "MaxBoxAccV2",
    "max_box_acc_v2_val_threshold": "at val τ",
    "pxap": "PxAP",
}
"""Columns of the localization table: key in metrics.json -> header, all in percent."""

THRESHOLDS = (
    "Threshold τ chosen on the test split, as in the literature, and beside it chosen on val, which is what a user "
    "would get."
)


def numbers(results: RunResults) -> pd.DataFrame:
    """One row per model, method and score: value and interval in percent, threshold, and the data behind them."""
    rows = []
    for model, method in results.keys:
        metrics = results.metrics(model, method)
        for name, entry in metrics["figures"].items():
            if entry is None:
                continue
            rows.append(
                {
                    "model": model,
                    "architecture": results.architectures.get(model),
                    "method": method,
                    "variant": metrics["settings"]["variant"],
                    "figure": name,
                    "value_percent": entry["value"],
                    "low_percent": entry["low"],
                    "high_percent": entry["high"],
                    "threshold": entry.get("threshold"),
                    "threshold_chosen_on": entry.get("threshold_chosen_on"),
                    "dataset": metrics["dataset"],
                    "test_images": metrics["images"]["test"],
                    "classes": metrics["classes"],
                    "seed": metrics["seed"],
                    "precision": metrics["settings"]["precision"],
                }
            )
    return pd.DataFrame(rows)


def text(results: RunResults, table: pd.DataFrame) -> TextTable:
    """Models x methods as people read it: value and interval; baselines below, for comparison with any score."""
    caption = (
        f"Localization in percent on {results.scope} {THRESHOLDS} MaxBoxAcc: IoU at least 0.5, largest contour. "
        "MaxBoxAccV2: any contour, mean over IoU 0.3, 0.5 and 0.7. PxAP: pixels against masks, without any box or "
        f"threshold; a dash where images have no masks.{interval_over_seeds(results)}{constant_maps(results)}"
    )
    return scores_text(results, SCORES, caption)


def scores_text(results: RunResults, columns: dict[str, str], caption: str, baselines: bool = True) -> TextTable:
    """A row for each model and method, a column for each score."""
    rows = []
    confidence = results.experiment.evaluation.confidence
    for model, method in results.keys:
        if model == BASELINE and not baselines:
            continue
        scores = results.scores(model, method)
        rows.append(
            (
                model,
                MAP_NAMES[method],
                *(score_cell(scores[key]) + seeds_cell(scores[key], confidence) for key in columns),
            )
        )
    return TextTable(caption, ("Model", "Map", *columns.values()), tuple(rows), text_columns=2)


def interval_over_seeds(results: RunResults) -> str:
    """A sentence on the numbers in parentheses, empty for one training."""
    confidence = round(100 * results.experiment.evaluation.confidence)
    said = f" In parentheses Student's {confidence} % interval over training seeds."
    return said if len(results.parts) > 1 else ""


def constant_maps(results: RunResults) -> str:
    """A sentence on constant maps, empty where there are none."""
    counts = {key: results.metrics(*key)["constant_maps"]["test"] for key in results.keys}
    named = [f"{count:g} of {model}, {MAP_NAMES[method]}" for (model, method), count in counts.items() if count]
    return f" Test images whose map is constant, counted as wrong: {'; '.join(named)}." if named else ""
