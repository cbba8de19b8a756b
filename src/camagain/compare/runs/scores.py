"""The scores of a run as one table, and the measured spread over trainings with other seeds."""

import math
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pandas as pd

from camagain.artifacts import INSIDE, SEED_SPREAD
from camagain.compare.runs.folder import RunFolder
from camagain.errors import UserError

Spread = Mapping[str, Mapping[str, Mapping[str, tuple[float, int]]]]
"""By file (or "scores"), column and row as text (`row_texts`): standard deviation over trainings, and their number."""

COLUMNS = ("model", "method", "figure", "value", "low", "high", "threshold")


def read_scores(run: RunFolder) -> pd.DataFrame:
    """Every score of a run in percent: columns model, method, figure, value, low, high, threshold.

    With several seeds of training `model` is the name of a training, such as "resnet/seed1". Scores that do not apply
    (null) are left out. UserError where a value is no number, or where there is none at all.
    """
    rows = []
    for file in sorted(run.manifest["files"]):
        if not fnmatchcase(file, str(INSIDE.metrics("*", "*"))) or not run.has(file):
            continue
        metrics, (_, *training, _, _) = run.json(file), file.split("/")
        if not is_metrics(metrics):
            raise UserError(f"{run}/{file}: expected the method and its figures; make the run again.")
        for figure, entry in metrics["figures"].items():
            if entry is None:
                continue
            for name in ("value", "low", "high"):
                value = entry.get(name)
                if not isinstance(value, int | float) or not math.isfinite(value):
                    raise UserError(f"{run}/{file}: {name} of '{figure}' is {value!r}; expected a number in percent.")
            rows.append(("/".join(training), metrics["method"], figure, *(entry.get(name) for name in COLUMNS[3:])))
    if not rows:
        raise UserError(f"{run}: no evaluation/<model>/<method>/metrics.json in it; expected a finished run.")
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype({"value": "float64", "low": "float64", "high": "float64", "threshold": "float64"})


def is_metrics(value: Any) -> bool:
    """Whether a JSON value has the shape of metrics.json: a method, and figures that are mappings or null."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("method"), str)
        and isinstance(value.get("figures"), dict)
        and all(entry is None or isinstance(entry, dict) for entry in value["figures"].values())
    )


def read_spread(*folders: Path) -> Spread:
    """Standard deviations over seeds of all the folders that have them; empty where they were not measured."""
    paths = [path for folder in folders if (path := folder / SEED_SPREAD).is_file()]
    found: dict[str, dict[str, dict[str, tuple[float, int]]]] = {}
    for path in paths:
        try:
            table = pd.read_csv(path, dtype={"file": str, "row": str, "column": str}, keep_default_na=False)
            for file, row, column, deviation, runs in table.itertuples(index=False, name=None):
                found.setdefault(file, {}).setdefault(column, {})[row] = float(deviation), int(runs)
        except (ValueError, OverflowError) as error:
            raise UserError(
                f"{path}: not a readable table of the columns file, row, column, deviation and runs ({error}). Restore "
                "it, or delete it to compare without."
            ) from None
    return found
