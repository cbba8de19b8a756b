"""One analysis of one training: measured by `camagain.analysis.<name>.measure`, written in the same form by all.

| file in `analysis/<name>/<model>/` | content |
|---|---|
| `table.csv` | tidy, units in the header; only the header where the analysis does not apply |
| `status.json` | whether it applies (if not, why, in one line), and the data behind the numbers |
| `arrays.npz` | pictures or maps behind the table; only of analyses that declare some |

An analysis of several jobs has a folder for each of them below that of the model.
"""

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from camagain.artifacts import RunPaths, write_csv, write_json, write_npz
from camagain.config import Experiment
from camagain.config.analysis import declared, require_known
from camagain.errors import NotApplicable


@dataclass(frozen=True)
class Findings:
    """What an analysis found: a tidy table with the columns of its module, the data behind it, arrays if any."""

    table: pd.DataFrame
    about: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


def analyze(experiment: Experiment, name: str, training: str, paths: RunPaths, job: str = "") -> None:
    """Makes one analysis of one training and writes its files, status.json last.

    Its module offers COLUMNS and `analyze(experiment, training, paths)`; an analysis of several jobs gets the job, too.
    Where it raises NotApplicable, the table stays empty and the status says why. UserError for an unknown name.
    """
    require_known(name)
    module: Any = import_module(f"camagain.analysis.{name}.measure")
    several, reason = declared()[name].jobs is not None, None
    try:
        findings = module.analyze(experiment, training, paths, *([job] if several else []))
    except NotApplicable as error:
        reason = " ".join(str(error).split())
        print(f"{name} of {training} does not apply: {reason}")
        findings = Findings(pd.DataFrame(columns=list(module.COLUMNS)))
    found = tuple(findings.table.columns)
    if found != module.COLUMNS:
        raise ValueError(f"analysis '{name}': found the columns {found}, expected {module.COLUMNS}")
    write_csv(paths.findings(name, training, job), findings.table)
    if declared()[name].arrays:
        write_npz(paths.arrays(name, training, job), **findings.arrays)
    write_json(paths.status(name, training, job), {"applies": reason is None, "reason": reason, **findings.about})
