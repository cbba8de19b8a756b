"""Shared by the tests of tables, figures and claims: results of runs that were never made, given by hand."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from camagain.config.file import load_experiment
from camagain.drawing.results import RunResults

CUB = {
    "kind": "cub",
    "name": "cub",
    "splits": {"train": 4994, "val": 1000, "test": 5794},
    "classes": [f"{label:03d}.Bird" for label in range(1, 201)],
}
"""What dataset.json says of the paper's images."""

SYNTHBIRDS = {
    "kind": "synthbirds",
    "name": "synthbirds",
    "splits": {"train": 1040, "val": 160, "test": 400},
    "classes": ["a", "b", "c", "d", "e", "f", "g", "h"],
}


@dataclass(frozen=True)
class StubResults(RunResults):
    """A run whose figures are `values`: (model, method) -> MaxBoxAcc, MaxBoxAccV2; 50.0 each where none is given."""

    values: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    images: dict[str, Any] = field(default_factory=lambda: CUB)
    analyses: dict[str, pd.DataFrame] = field(default_factory=dict)
    choices_table: pd.DataFrame | None = None

    @property
    def missing(self) -> dict[str, str]:  # type: ignore[override]
        return {}

    @property
    def dataset(self) -> dict[str, Any]:  # type: ignore[override]
        return self.images

    def metrics(self, model: str, method: str) -> dict[str, Any]:
        first, second = self.values.get((model, method), (50.0, 50.0))
        figures = {
            name: {"value": value, "low": value - 1, "high": value + 1}
            for name, value in (("max_box_acc", first), ("max_box_acc_v2", second))
        }
        return {"figures": figures, "images": self.images["splits"], "classes": len(self.images["classes"])}

    def analysis(self, name: str) -> pd.DataFrame:  # type: ignore[override]
        return self.analyses.get(name, pd.DataFrame(columns=["model"]))

    def choices(self) -> pd.DataFrame:
        return self.choices_table if self.choices_table is not None else pd.DataFrame(columns=["model", "changed"])


@pytest.fixture
def stub_run(root: Path) -> Callable[..., StubResults]:
    """Makes the results of a shipped experiment: stub_run("zoo", values=..., images=...)."""

    def make(experiment: str, **given: Any) -> StubResults:
        file = root / "config" / ("config.yaml" if experiment == "demo" else f"experiments/{experiment}.yaml")
        loaded = load_experiment(file)
        return StubResults(loaded, loaded.paths(), **given)

    return make


@pytest.fixture
def synthbirds() -> dict[str, Any]:
    """What dataset.json says of the demo's images."""
    return SYNTHBIRDS
