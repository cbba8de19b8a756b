"""The tables of figures: boxes, pixels and classes of every model and map, each with threshold and interval."""

import pandas as pd

from camagain.config import BASELINE
from camagain.drawing.render import TextTable
from camagain.drawing.results import MAP_NAMES, RunResults

LOCALIZATION = {
    "top1": "Top-1",
    "max_box_acc": "MaxBoxAcc",
    "max_box_acc_val_threshold": "at val τ",
    "max_box_acc_v2": "MaxBoxAccV2",
    "max_box_acc_v2_val_threshold": "at val τ",
    "pxap": "PxAP",
}
"""Columns of the localization table: key in metrics.json -> header, all in percent."""

TOP_LOC = {
    "top5": "Top-5",
    "top1_loc": "Top-1 Loc",
    "top1_loc_val_threshold": "at val τ",
    "top5_loc": "Top-5 Loc",
    "top5_loc_val_threshold": "at val τ",
    "gt_known_loc": "GT-known Loc",
    "gt_known_loc_val_threshold": "at val τ",
}
"""Columns of the table of classes and boxes together."""

THRESHOLDS = (
    "Threshold τ chosen on the test split, as in the literature, and beside it chosen on val, which is what a user "
    "would get."
)


def localization_table(results: RunResults) -> pd.DataFrame:
    """One row per model, method and figure: value and interval in percent, threshold, and what they stand on."""
    rows = []
    for model, method in results.keys:
        metrics = results.metrics(model, method)
        for figure, entry in metrics["figures"].items():
            if entry is None:
                continue
            rows.append(
                {
                    "model": model,
                    "architecture": results.architectures.get(model),
                    "method": method,
                    "variant": metrics["settings"]["variant"],
                    "figure": figure,
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


def top_loc_table(results: RunResults) -> pd.DataFrame:
    """The rows of `localization_table` that say something of classes and boxes together."""
    table = localization_table(results)
    return table[table["figure"].isin(TOP_LOC)]


def localization_text(results: RunResults) -> TextTable:
    """Models x methods as people read it: value and interval; baselines below, since any score is read against them."""
    caption = (
        f"Localization in percent on {results.scope} {THRESHOLDS} MaxBoxAcc: IoU at least 0.5, largest contour. "
        "MaxBoxAccV2: any contour, mean over IoU 0.3, 0.5 and 0.7. PxAP: pixels against masks, without any box or "
        f"threshold; a dash where images have no masks.{constant_maps(results)}"
    )
    return figures_text(results, LOCALIZATION, caption)


def top_loc_text(results: RunResults) -> TextTable:
    """Class and box together, models x methods."""
    caption = (
        f"Classes and boxes together, in percent on {results.scope} {THRESHOLDS} Top-1 Loc: class and box both right. "
        "Top-5 Loc: the true class is among the five best and its box is right. GT-known Loc: the box of the true "
        "class is right. The last two are defined for maps of the true class alone."
    )
    return figures_text(results, TOP_LOC, caption, baselines=False)


def figures_text(results: RunResults, columns: dict[str, str], caption: str, baselines: bool = True) -> TextTable:
    """A row for each model and method, a column for each figure."""
    rows = []
    for model, method in results.keys:
        if model == BASELINE and not baselines:
            continue
        figures = results.metrics(model, method)["figures"]
        rows.append((model, MAP_NAMES[method], *(cell(figures[key]) for key in columns)))
    return TextTable(caption, ("Model", "Map", *columns.values()), tuple(rows), text_columns=2)


def constant_maps(results: RunResults) -> str:
    """A sentence on maps that say nothing, empty where there is none."""
    counts = {key: results.metrics(*key)["constant_maps"]["test"] for key in results.keys}
    named = [f"{count} of {model}, {MAP_NAMES[method]}" for (model, method), count in counts.items() if count]
    return f" Test images whose map is constant, counted as wrong: {'; '.join(named)}." if named else ""


def cell(figure: dict | None) -> str:
    """A figure as "value [low, high]", or a dash where it does not apply."""
    return "–" if figure is None else f"{figure['value']:.1f} [{figure['low']:.1f}, {figure['high']:.1f}]"
