"""The networks behind a run's numbers: architecture, size, kernels, starting weights, recipe, machine, digest."""

from typing import Any

import pandas as pd

from camagain.drawing.networks import kernel_of, model_card
from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults
from camagain.families import family_of

NAME = "models"
TITLE = "Networks"
PLACE = 60
KEYS = ("model",)

DIGEST_DIGITS = 12

AUGMENTATIONS = {
    "flip": "flip",
    "color_jitter": "colour jitter",
    "auto_augment": "auto-augment",
    "random_erasing": "random erasing",
    "mixup": "mixup",
    "cutmix": "CutMix",
}
"""Augmentations that one key turns on, and their names."""


def numbers(results: RunResults) -> pd.DataFrame:
    """One row per model, from its card and its weights."""
    rows = []
    for model in results.models:
        card = model_card(results, model)
        recipe = card["training"]
        rows.append(
            {
                "model": model,
                "family": family_of(card["architecture"]),
                "architecture": card["architecture"],
                "parameters": card["parameters"],
                "largest_kernel_cells": kernel_of(results, model),
                "input_pixels": card["input"]["size"],
                "starting_weights": card["starting_weights"],
                "epochs": recipe["epochs"],
                "optimizer": recipe["optimizer"],
                "batch_size": recipe["batch_size"],
                "learning_rate": recipe["learning_rate"],
                "head_learning_rate": recipe["head_learning_rate"],
                "weight_decay": recipe["weight_decay"],
                "recipe": recipe_in_words(recipe),
                "dataset": card["dataset"],
                "train_images": card["train_images"],
                "classes": len(card["classes"]),
                "seed": card["seed"],
                "device": card["device"],
                "sha256": card["sha256"],
            }
        )
    return pd.DataFrame(rows)


def recipe_in_words(recipe: dict[str, Any]) -> str:
    """A recipe in one line; models.csv and model.json have every key."""
    if recipe["epochs"] == 0:
        return "not trained"
    rate = f"learning rate {recipe['learning_rate']:g}"
    if recipe["head_learning_rate"] is not None:
        rate += f" (classifier {recipe['head_learning_rate']:g})"
    parts = [
        f"{recipe['epochs']} epochs, {recipe['optimizer']}, batch {recipe['batch_size']}",
        rate,
        "classifier alone" if recipe.get("head_only") else "",  # not in cards of earlier versions
        f"weight decay {recipe['weight_decay']:g}",
        f"label smoothing {recipe['label_smoothing']:g}" if recipe["label_smoothing"] else "",
        f"drop path {recipe['drop_path']:g}" if recipe["drop_path"] else "",
        augmentation_in_words(recipe["augmentation"]),
        "bf16" if recipe["precision"] == "bf16" else "",
    ]
    return ", ".join(part for part in parts if part)


def augmentation_in_words(augmentation: dict[str, Any]) -> str:
    """The augmentations that are on, with their strengths."""
    found = [f"{name} {augmentation[key]}" for key, name in AUGMENTATIONS.items() if augmentation[key]]
    if augmentation["crop_scale"] is not None:
        low, high = augmentation["crop_scale"]
        found.insert(0, f"crop {low:g}-{high:g}")
    return " + ".join(found) or "no augmentation"


def text(results: RunResults, table: pd.DataFrame) -> TextTable:
    """A row per model; recipe and machine are columns only where models differ in them, else in the caption."""
    shared, columns = "", {"Recipe": "recipe", "Trained on": "device"}
    for header, column in list(columns.items()):
        if table[column].nunique() == 1:
            shared += f"{header} (all): {table[column].iloc[0]}. "
            del columns[header]
    rows = tuple(
        (
            row["model"],
            row["architecture"],
            row["starting_weights"].partition(" (")[0].partition(": ")[0],
            *(row[column] for column in columns.values()),
            f"{row['parameters'] / 1e6:.2f}",
            str(row["largest_kernel_cells"]),
            str(row["input_pixels"]),
            row["sha256"][:DIGEST_DIGITS],
        )
        for _, row in table.iterrows()
    )
    caption = (
        f"The networks behind the numbers of this run: {results.sample}. {shared}Kernel: longest side in cells, of "
        "depthwise kernels where a network has some, else of those behind the stem. sha256: head of the digest of "
        "model.safetensors."
    )
    headers = ("Model", "Architecture", "Starting weights", *columns, "M parameters", "kernel", "input, px", "sha256")
    return TextTable(caption, headers, rows, text_columns=3 + len(columns))
