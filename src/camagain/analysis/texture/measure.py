"""Accuracy and localization on images whose shape, or whose texture, is destroyed (docs/analyses.md)."""

from typing import Any

import pandas as pd

from camagain.analysis.kit.run import Findings
from camagain.analysis.texture.corrupted import CorruptedTable, Responses, respond
from camagain.analysis.texture.corruptions import Corruption, corruptions_of
from camagain.analysis.texture.score import BOUNDS, CHANGING, Scored, Scorer, chance_percent, change_columns, contrasts
from camagain.artifacts import RunPaths
from camagain.compute import prepare
from camagain.config import Experiment
from camagain.datasets.index import read_index, spread_evenly
from camagain.evaluation.inputs import read_truths
from camagain.localization.forward import images_of, ready
from camagain.models.checkpoint import load_network
from camagain.models.zoo import linear_head

COLUMNS = (
    "corruption",
    "loses",
    "patches_per_side",
    "window_px",
    "images",
    *(f"top1{bound}_percent" for bound in BOUNDS),
    *(f"max_box_acc{bound}_percent" for bound in BOUNDS),
    "threshold",
    *(f"max_box_acc_control{bound}_percent" for bound in BOUNDS),
    *(f"max_box_acc_predicted{bound}_percent" for bound in BOUNDS),
    *(f"mass_in_box{bound}_percent" for bound in BOUNDS),
    "mass_in_box_control_percent",
    *(f"{name}_change{bound}_points" for name in CHANGING for bound in BOUNDS),
    "clipped_percent",
)
"""One row for each corruption, clean first; then `mean` over those that lose shape, `mean` over those that lose
texture, and `contrast`, texture minus shape: above 0 where losing shape costs more."""

SUMMARY = {
    "shape": {"corruption": "mean", "loses": "shape"},
    "texture": {"corruption": "mean", "loses": "texture"},
    "contrast": {"corruption": "contrast", "loses": "texture minus shape"},
}
"""Names of the rows below those of the corruptions."""


def analyze(experiment: Experiment, model: str, paths: RunPaths) -> Findings:
    """Runs a model over corrupted test images."""
    settings, device = experiment.analysis.texture, prepare(experiment.compute)
    network, card = load_network(paths.model(model))
    ready(network, experiment.compute, device)
    head = linear_head(network, model)
    kinds, left_out = corruptions_of(card.input.size, settings.grids, settings.smoothing)
    test = read_index(paths.index, "test")
    index = spread_evenly(test.assign(row=test.index), settings.images)
    images, image_ids = images_of(index, card.input, experiment.compute, paths), index["image_id"].astype(str).tolist()
    table = CorruptedTable(images, image_ids, card.input, kinds, experiment.seed)
    said = respond(network, head, table, experiment, model)
    truth = read_truths(paths.index, experiment.evaluation.size)["test"]
    found = findings(Scorer(experiment, truth.take(index["row"].to_numpy())), kinds, said)
    notes = [*(f"left out: {line}" for line in left_out), *found.about["notes"]]
    return Findings(found.table, found.about | {"input_size": card.input.size, "notes": notes})


def findings(scorer: Scorer, kinds: list[Corruption], said: Responses) -> Findings:
    """The table of a network's scores under each corruption, and the data behind it."""
    experiment, truth, confidence = scorer.experiment, scorer.truth, scorer.sampling.confidence
    grid, notes = said.true_maps.shape[2:], []
    if grid == (1, 1):
        notes.append("the feature grid is a single cell, which localizes nothing: accuracy alone")
    scored = score(scorer, kinds, said)
    rows = [
        named(kind) | one.columns | {"clipped_percent": 100 * float(said.clipped[k])}
        for k, (kind, one) in enumerate(zip(kinds, scored, strict=True))
    ]
    changes = [one.changes for one in scored]
    for row, change in zip(rows[1:], changes[1:], strict=True):
        row |= change_columns(change, confidence)
    chance = chance_percent(truth.label)
    if rows[0]["top1_low_percent"] <= chance:
        notes.append(
            "accuracy on clean images is not above that of the most frequent class: its mean change is left out"
        )
        changes = [{name: value for name, value in change.items() if name != "top1"} for change in changes]
    for name, means in contrasts([kind.loses for kind in kinds], changes).items():
        rows.append(SUMMARY[name] | change_columns(means, confidence))
    table = pd.DataFrame(rows, columns=list(COLUMNS)).assign(images=len(truth.label))
    return Findings(
        table.astype({"patches_per_side": "Int64", "window_px": "Int64"}),
        {
            "dataset": experiment.dataset.name,
            "images": len(truth.label),
            "classes": truth.classes,
            "seed": experiment.training_seed,
            "feature_grid": list(grid),
            "chance_percent": chance,
            "box_area_percent": 100 * scorer.mean_box_area(),
            "notes": notes,
        },
    )


def score(scorer: Scorer, kinds: list[Corruption], said: Responses) -> list[Scored]:
    """Classes under every corruption, and boxes where the objects can be found and the network has a grid.

    Boxes are compared with a control: the clean maps, for shuffled patches averaged over the same grid and put back in
    the same way, so that the network causes a change and not the grid.
    """
    made = []
    clean = scorer.boxes(said.true_maps[:, 0], kinds[0]) if said.true_maps.shape[2:] != (1, 1) else None
    for k, kind in enumerate(kinds):
        one = scorer.classes(said.predicted[:, k], said.predicted[:, 0])
        if clean is not None and kind.keeps_places:
            true, control = said.true_maps[:, k], clean
            if kind.name == "patches":
                control = scorer.boxes(scorer.carried(said.true_maps[:, 0], kind), kind)
            boxes = scorer.boxes(true, kind) if k else clean
            one = one.joined(
                scorer.compared(boxes, control, scorer.by_prediction(said.predicted_maps[:, k], true, boxes, kind))
            )
        made.append(one)
    return made


def named(kind: Corruption) -> dict[str, Any]:
    """The columns that say which corruption a row is of."""
    return {
        "corruption": kind.name,
        "loses": kind.loses,
        "patches_per_side": kind.strength if kind.name == "patches" else pd.NA,
        "window_px": kind.strength if kind.name == "median" else pd.NA,
    }
