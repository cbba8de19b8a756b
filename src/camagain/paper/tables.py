"""All tables of a run, each as CSV (full precision, tidy), Markdown and LaTeX (rounded, with intervals)."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from camagain.artifacts import write_csv, write_json, write_text
from camagain.config import BASELINE
from camagain.drawing.results import RunResults
from camagain.drawing.seeds import TRAINING_SEED, mean_over_seeds
from camagain.paper.claims.verdicts import write_claims
from camagain.paper.registry import shown

Numbers = Callable[[RunResults], pd.DataFrame]


def write_tables(results: RunResults) -> None:
    """Writes `tables/` of a run, `metrics/` with the few scores of each model that DVC shows, and `claims.json`."""
    paths = results.paths
    for model in (*(entry.name for entry in results.experiment.models), BASELINE):
        write_json(paths.headline(model), headline(results, model))
    for exhibit in shown(results.experiment, "tables"):
        module = exhibit.load()
        numbers = numbers_of(results, module.numbers)
        text = module.text(results, means_of(results, module.numbers, exhibit.keys))
        write_csv(paths.tables / f"{exhibit.name}.csv", numbers)
        write_text(paths.tables / f"{exhibit.name}.md", text.markdown())
        write_text(paths.tables / f"{exhibit.name}.tex", text.latex(exhibit.name))
    write_claims(results)


def numbers_of(results: RunResults, numbers: Numbers) -> pd.DataFrame:
    """The numbers behind a table; with several seeds those of each, in the first column the seed."""
    if len(results.parts) == 1:
        return results.once(numbers)
    tables = [part.once(numbers).assign(**{TRAINING_SEED: seed}) for seed, part in results.parts.items()]
    joined = pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)
    return joined[[TRAINING_SEED, *joined.columns.drop(TRAINING_SEED)]]


def means_of(results: RunResults, numbers: Numbers, keys: tuple[str, ...]) -> pd.DataFrame:
    """The numbers that people read: with several seeds their means, row by row."""
    if len(results.parts) == 1:
        return results.once(numbers)
    return mean_over_seeds({seed: part.once(numbers) for seed, part in results.parts.items()}, keys)


def headline(results: RunResults, model: str) -> dict[str, Any]:
    """Top-1 and MaxBoxAcc of each kind of map of one model in percent, for `dvc metrics`; empty without results."""
    scores = {method: results.scores(owner, method) for owner, method in results.keys if owner == model}
    top1 = next((found["top1"] for found in scores.values() if found["top1"]), None)
    accuracies = {method: found["max_box_acc"]["value"] for method, found in scores.items()}
    return {
        **({"top1": top1["value"]} if top1 else {}),
        **({"max_box_acc": accuracies} if accuracies else {}),
    }
