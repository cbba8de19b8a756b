"""How long each network took: wall times of whole jobs, different in every run and on every machine."""

from typing import Any

import pandas as pd

from camagain.drawing.networks import model_card
from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults
from camagain.drawing.wall_times import wall_times

NAME = "speed"
TITLE = "How long each network took"
PLACE = 70
KEYS = ("model",)
UNJUDGED = "wall times are those of a machine"

STAGES = ("finetune", "localize", "evaluate")
"""The jobs of a model whose times are given."""

HEADERS = {
    "finetune_seconds": ("fine-tuning, s", "{:,.1f}"),
    "finetune_images_per_second": ("images/s", "{:,.1f}"),
    "localize_seconds": ("localization, s", "{:,.1f}"),
    "localize_images_per_second": ("images/s", "{:,.1f}"),
    "evaluate_seconds": ("boxes, s", "{:,.1f}"),
    "peak_memory_mb": ("peak memory, MB", "{:,.0f}"),
}
"""Measured columns, how people read them, and their digits."""


def numbers(results: RunResults) -> pd.DataFrame:
    """One row per model: what it computed, and the seconds and memory of its jobs, empty where nobody measured them."""
    jobs = {entry["job"]: entry for entry in wall_times(results.paths.logs)}
    return pd.DataFrame([speed_of(results, model, jobs) for model in results.models])


def speed_of(results: RunResults, model: str, jobs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The row of one model; rates are over whole jobs."""
    card = model_card(results, model)
    localized = results.json(results.paths.summary(results.training(model)))["images"]
    entries = {stage: jobs.get(f"{stage}/{results.training(model)}", {}) for stage in STAGES}
    seconds = {stage: entry.get("seconds") for stage, entry in entries.items()}
    memory = [entry["peak_memory_mb"] for entry in entries.values() if entry.get("peak_memory_mb") is not None]
    epochs = card["training"]["epochs"]
    return {
        "model": model,
        "architecture": card["architecture"],
        "parameters": card["parameters"],
        "train_images": card["train_images"],
        "epochs": epochs,
        "finetune_seconds": seconds["finetune"],
        "finetune_images_per_second": rate(card["train_images"] * epochs, seconds["finetune"]),
        "localized_images": localized,
        "localize_seconds": seconds["localize"],
        "localize_images_per_second": rate(localized, seconds["localize"]),
        "evaluate_seconds": seconds["evaluate"],
        "peak_memory_mb": max(memory, default=None),
        "device": card["device"],
        "threads": results.experiment.compute.threads,
        "processes": results.experiment.compute.processes,
    }


def rate(images: int, seconds: float | None) -> float | None:
    """Images per second; None where the time is unknown or nothing was computed."""
    return round(images / seconds, 1) if images and seconds else None


def text(results: RunResults, table: pd.DataFrame) -> TextTable:
    """A row per model; the device is a column only where models differ in it, else in the caption."""
    several = table["device"].nunique() > 1
    rows = tuple(
        (
            row["model"],
            *([row["device"]] if several else []),
            f"{row['parameters'] / 1e6:.2f}",
            *("–" if pd.isna(row[key]) else digits.format(row[key]) for key, (_, digits) in HEADERS.items()),
        )
        for _, row in table.iterrows()
    )
    columns = ("Model", *(["Device"] if several else []), "M parameters", *(name for name, _ in HEADERS.values()))
    return TextTable(caption(results, table), columns, rows, text_columns=2 if several else 1)


def caption(results: RunResults, table: pd.DataFrame) -> str:
    """The caption: what was measured, on what machine, and what it does not show."""
    device = "" if table["device"].nunique() > 1 else f" Trained on {table['device'].iloc[0]}."
    threads = f" Threads of the processor: {table['threads'].iloc[0]} a job." if "threads" not in device else ""
    processes = f" Trained by {table['processes'].iloc[0]} processes." if table["processes"].iloc[0] > 1 else ""
    measured = [f"{stage}_seconds" for stage in STAGES]
    dash = (
        " A dash: not known, since no command made it or its record is gone; or nothing was trained."
        if table[[*measured, "finetune_images_per_second"]].isna().any(axis=None)
        else ""
    )
    return (
        f"Wall times of one run on one machine, and no comparison with others' code (docs/benchmarks.md). "
        f"{results.sample}.{device}{threads}{processes} Whole jobs as they measured themselves, reading "
        "of images included, perhaps with other jobs running; of a resumed training only the last part. Images/s: "
        "training images times epochs, and images of val and test, divided by these seconds. Boxes: all scores of all "
        "maps, with intervals and other choices. Peak memory: main memory of the job that takes most, with libraries "
        f"that jobs may share, without a GPU's.{dash}"
    )
