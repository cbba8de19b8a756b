"""All tables of a run, each as CSV (full precision, tidy), Markdown and LaTeX (rounded, with intervals)."""

import pandas as pd

from camagain.artifacts import RunPaths, write_csv, write_json, write_text
from camagain.config import BASELINE, Experiment
from camagain.paper.render import TextTable
from camagain.paper.results import METHOD_NAMES, RunResults

FIGURES = {
    "top1": "Top-1",
    "max_box_acc": "MaxBoxAcc",
    "box_acc_val_threshold": "at val τ",
    "max_box_acc_v2": "MaxBoxAccV2",
    "top1_loc": "Top-1 Loc",
}
"""Columns of the localization table: key in metrics.json -> header, all in percent."""


def write_tables(experiment: Experiment, paths: RunPaths) -> None:
    """Writes `tables/` of a run, and all its figures once more as `metrics.json`."""
    results = RunResults(experiment, paths)
    table, text = localization_table(results), localization_text(results)
    write_json(paths.root / "metrics.json", summary(results))
    write_csv(paths.tables / "localization.csv", table)
    write_text(paths.tables / "localization.md", text.markdown())
    write_text(paths.tables / "localization.tex", text.latex("localization"))


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
                    "figure": figure,
                    "value_percent": entry["value"],
                    "low_percent": entry["low"],
                    "high_percent": entry["high"],
                    "threshold": entry.get("threshold"),
                    "dataset": metrics["dataset"],
                    "test_images": metrics["images"]["test"],
                    "classes": metrics["classes"],
                    "seed": metrics["seed"],
                }
            )
    return pd.DataFrame(rows)


def summary(results: RunResults) -> dict[str, dict[str, dict[str, float]]]:
    """Every figure in percent, model -> method -> figure, for `dvc metrics`."""
    return {
        model: {
            method: {
                figure: entry["value"]
                for figure, entry in results.metrics(model, method)["figures"].items()
                if entry is not None
            }
            for owner, method in results.keys
            if owner == model
        }
        for model in (*results.models, BASELINE)
    }


def localization_text(results: RunResults) -> TextTable:
    """Models x methods as people read it: value and interval; baselines below, since any score is read against them."""
    rows = []
    for model, method in results.keys:
        figures = results.metrics(model, method)["figures"]
        name = "baseline" if model == BASELINE else model
        rows.append((name, METHOD_NAMES[method], *(cell(figures[key]) for key in FIGURES)))
    caption = (
        f"Localization in percent on {results.scope} MaxBoxAcc: IoU at least 0.5, largest contour, threshold τ chosen "
        "on the test split as in the literature; at val τ: the same with τ chosen on val, which is what a user would "
        "get; MaxBoxAccV2: any contour, mean over IoU 0.3, 0.5 and 0.7; Top-1 Loc: class and box both right."
    )
    return TextTable(caption, ("Model", "Map", *FIGURES.values()), tuple(rows), text_columns=2)


def cell(figure: dict | None) -> str:
    """A figure as "value [low, high]", or a dash where it does not apply."""
    return "–" if figure is None else f"{figure['value']:.1f} [{figure['low']:.1f}, {figure['high']:.1f}]"
