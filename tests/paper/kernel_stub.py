"""Made-up results of the experiment `kernels`: known responses to kernel size, and two seeds or more."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from camagain.analysis.erf.readings import UPSTREAM
from camagain.config import BASELINE
from camagain.config.file import load_experiment
from camagain.drawing.kernel_series import kernel_series
from camagain.drawing.results import MeanResults, RunResults

Response = Callable[[str, int, int], float]
"""(series, K, seed) -> a number."""

SIDE = 48
"""Pixels of the receptive fields' pictures."""


@dataclass(frozen=True)
class KernelStub(RunResults):
    """One seed of it: every number is that of `responses`, by measure."""

    responses: dict[str, Response] = field(default_factory=dict)

    def number(self, name: str, model: str) -> float:
        """A measure of a model."""
        series, kernel = self.members[model]
        return self.responses[name](series, kernel, self.seeds[0])

    @cached_property
    def members(self) -> dict[str, tuple[str, int]]:
        """The series and K of each model."""
        found = kernel_series(self.experiment)
        return {model: (series, kernel) for series, members in found.items() for model, kernel in members.items()}

    @property
    def missing(self) -> dict[str, str]:  # type: ignore[override]
        return {}

    @property
    def dataset(self) -> dict[str, Any]:  # type: ignore[override]
        return {"name": "synthbirds", "splits": {"test": 384}, "classes": [f"{n}" for n in range(24)]}

    def json(self, path: Path) -> Any:
        assert path.name == "model.json"
        return {"parameters": 100_000}

    def scores(self, model: str, method: str) -> dict[str, Any]:
        names = ("top1", "max_box_acc", "max_box_acc_v2", "pxap")
        if model == BASELINE:
            return {name: {"value": 25.0} for name in names}
        return {name: {"value": self.number(name, model)} for name in names}

    def analysis(self, name: str) -> pd.DataFrame:  # type: ignore[override]
        rows = []
        for model in self.models:
            for state in ("random", "finetuned"):
                if name == "erf":
                    area = self.number(f"erf_{state}", model)
                    side = np.nan if np.isnan(area) else int(np.sqrt(area) * SIDE) // 2 * 2 + 1
                    ratios = (side, area, area / 2)
                    rows += [(model, state, *UPSTREAM.values(), t, *ratios) for t in (0.3, 0.5)]
                    rows.append((model, state, *{**UPSTREAM, "gradients": "absolute"}.values(), 0.5, side, 1.0, 1.0))
                else:
                    for measure, theta in (("gap_over_rms", None), ("activated_area", 0.1), ("activated_area", 0.2)):
                        value = self.number(measure, model) + (100 if theta == 0.1 else 0)
                        rows.append((model, state, "images", measure, theta, value))
                        rows.append((model, state, "noise", measure, theta, -1.0))
        columns = {
            "erf": [*UPSTREAM, "t", "side_pixels", "area_ratio", "linear_area_ratio"],
            "initialization": ["input", "measure", "theta", "value"],
        }
        return pd.DataFrame(rows, columns=["model", "state", *columns[name]])

    def analysis_arrays(self, name: str, model: str, job: str = "") -> dict[str, np.ndarray]:
        x = np.abs(np.arange(SIDE) - SIDE // 2)
        return {
            state: np.exp(-np.maximum.outer(x, x) / (SIDE * self.number(f"erf_{state}", model) ** 0.5))
            for state in ("random", "finetuned")
        }


def scatter_of(seeds: tuple[int, ...]) -> dict[tuple[str, int, int], float]:
    """Standard normal numbers for each series, K and seed, always the same."""
    rng = np.random.default_rng(0)
    series = ("ConvNeXt", "RepLKNet")
    return {key: rng.standard_normal() for key in product(series, range(99), seeds)}


def kernel_results(root: Path, seeds: tuple[int, ...] = (0, 1, 2, 3, 4), **responses: Response) -> RunResults:
    """The results of `kernels` with these seeds; measures that are not given rise gently with K."""
    experiment = load_experiment(root / "config" / "experiments" / "kernels.yaml")
    experiment = experiment.model_copy(update={"seeds": seeds})
    noise = scatter_of(seeds)

    def gentle(start: float, rise: float, scatter: float) -> Response:
        return lambda series, k, seed: start + rise * np.log(k / 3) + scatter * noise[series, k, seed]

    given = {
        "erf_random": lambda series, k, seed: 0.05 + 0.01 * k,
        "erf_finetuned": gentle(0.1, 0.06, 0.01),
        "gap_over_rms": gentle(0.3, 0.02, 0.02),
        "activated_area": gentle(20, 2, 2),
        "top1": gentle(90, 1, 1),
        "max_box_acc": gentle(70, 2, 3),
        "max_box_acc_v2": gentle(60, 2, 2),
        "pxap": gentle(50, -2, 2),
        **responses,
    }
    paths = experiment.paths()
    parts = {seed: KernelStub(experiment, paths, None, seed, responses=given) for seed in seeds}
    if len(seeds) == 1:
        return parts[seeds[0]]
    results = type(
        "Several",
        (MeanResults,),
        {"missing": {}, "dataset": parts[seeds[0]].dataset, "parts": parts, "scores": parts[seeds[0]].scores},
    )
    return results(experiment, paths)
