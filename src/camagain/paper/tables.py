"""All tables of a run, each as CSV (full precision, tidy), Markdown and LaTeX (rounded, with intervals)."""

from collections.abc import Callable

import pandas as pd

from camagain.artifacts import write_csv, write_json, write_text
from camagain.config import BASELINE
from camagain.drawing.results import RunResults
from camagain.drawing.seeds import TRAINING_SEED, mean_over_seeds
from camagain.paper.claims.verdicts import write_claims
from camagain.paper.registry import shown

Numbers = Callable[[RunResults], pd.DataFrame]


def write_tables(results: RunResults) -> None:
    """Writes `tables/` of a run, all its scores once more as `metrics.json`, and `claims.json`."""
    paths = results.paths
    write_json(paths.all_metrics, summary(results))
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


def summary(results: RunResults) -> dict[str, dict[str, dict[str, float]]]:
    """Every score in percent, model -> method -> score, for `dvc metrics`."""
    return {
        model: {
            method: {name: entry["value"] for name, entry in results.scores(model, method).items() if entry is not None}
            for owner, method in results.keys
            if owner == model
        }
        for model in (*results.models, BASELINE)
    }
