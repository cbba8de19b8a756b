"""One analysis of one model: measured by a module of `camagain.analysis.stages`, written in the same form by all.

| file in `analysis/<name>/<model>/` | content |
|---|---|
| `table.csv` | tidy, units in the header; only the header where the analysis does not apply |
| `status.json` | whether it applies, else why not in one line, and what the numbers stand on |
| `arrays.npz` | pictures or maps behind the table; only of analyses that have some (`WITH_ARRAYS`) |

An intervention is several jobs for one model; each has a folder of its own below that of the model.
"""

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from camagain.artifacts import RunPaths, write_csv, write_json, write_npz
from camagain.config import ANALYSES, Experiment
from camagain.config.analysis import WITH_ARRAYS
from camagain.errors import NotApplicable, UserError, nearest


@dataclass(frozen=True)
class Findings:
    """What an analysis found: a tidy table with the columns of its module, what it stands on, arrays if any."""

    table: pd.DataFrame
    about: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


def analyze(experiment: Experiment, name: str, model: str, paths: RunPaths, change: str = "") -> None:
    """Makes one analysis of one model and writes its files, status.json last.

    A module offers COLUMNS and `analyze(experiment, model, paths)`, that of the interventions also with the change.
    Where it raises NotApplicable, the table stays empty and the status says why. UserError for an unknown name.
    """
    experiment.model(model)
    if name not in ANALYSES:
        raise UserError(f"unknown analysis '{name}'; expected one of {list(ANALYSES)}.{nearest(name, list(ANALYSES))}")
    module: Any = import_module(f"camagain.analysis.{name}.measure")
    folder, reason = paths.analysis(name, model) / change, None
    try:
        findings = (
            module.analyze(experiment, model, paths, change) if change else module.analyze(experiment, model, paths)
        )
    except NotApplicable as error:
        reason = " ".join(str(error).split())
        print(f"{name} of {model} does not apply: {reason}")
        findings = Findings(pd.DataFrame(columns=list(module.COLUMNS)))
    found = tuple(findings.table.columns)
    if found != module.COLUMNS:
        raise ValueError(f"analysis '{name}': found the columns {found}, expected {module.COLUMNS}")
    write_csv(folder / "table.csv", findings.table)
    if name in WITH_ARRAYS:
        write_npz(folder / "arrays.npz", **findings.arrays)
    write_json(folder / "status.json", {"applies": reason is None, "reason": reason, **findings.about})
