"""What a run measured, read back from its artifacts: scores, curves, per-image results, histories."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from camagain.artifacts import RunPaths, existing, read_json
from camagain.config import BASELINE, BASELINE_METHODS, Experiment
from camagain.config.methods import METHOD_NAMES, scored_under_choices
from camagain.errors import UserError
from camagain.statistics.correctness import Correct

MAP_NAMES = {**METHOD_NAMES, "whole-image": "whole image", "centre-gaussian": "centred Gaussian"}
"""How a score map is called in tables and figures."""

Found = TypeVar("Found")


@dataclass(frozen=True)
class RunResults:
    """Read access to the artifacts of one run, which must not change meanwhile: each file is read once."""

    experiment: Experiment
    paths: RunPaths
    description: dict[str, Any] | None = None
    """Of the dataset, where it is known from elsewhere than the folder of the data, such as a manifest."""
    _kept: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, compute: Callable[["RunResults"], Found]) -> Found:
        """What a function finds in these results, computed when it is first asked for: tables and figures share it."""
        return self._keep(compute, lambda: compute(self))

    def json(self, path: Path) -> Any:
        """The content of a JSON file of the run."""
        return self._keep(path, lambda: read_json(path))

    def csv(self, path: Path) -> pd.DataFrame:
        """A CSV file of the run as a table."""
        return self._keep(path, lambda: pd.read_csv(existing(path)))

    def arrays(self, path: Path) -> dict[str, np.ndarray]:
        """The arrays of an npz file of the run by name."""

        def load() -> dict[str, np.ndarray]:
            with np.load(existing(path)) as stored:
                return dict(stored)

        return self._keep(path, load)

    def _keep(self, key: Any, make: Callable[[], Found]) -> Found:
        if key not in self._kept:
            self._kept[key] = make()
        kept = self._kept[key]
        return kept.copy(deep=False) if isinstance(kept, pd.DataFrame) else kept  # pandas copies what is written to

    @cached_property
    def missing(self) -> dict[str, str]:
        """Models that were not trained or not scored to the end, and the first file that each lacks."""
        found = {model.name: self._first_missing(model.name) for model in self.experiment.models}
        return {name: path.as_posix() for name, path in found.items() if path is not None}

    def _first_missing(self, model: str) -> Path | None:
        wanted = [self.paths.card(model), self.paths.summary(model)]
        wanted += [self.paths.metrics(model, method) for method in self.experiment.localization.methods]
        return next((path for path in wanted if not path.is_file()), None)

    @cached_property
    def models(self) -> list[str]:
        """Names of the models that have results, in the experiment's order; UserError where none has."""
        names = [model.name for model in self.experiment.models if model.name not in self.missing]
        if not names:
            raise UserError(
                f"{self.paths.root}: no model of the experiment has results; the first file that is missing is "
                f"{next(iter(self.missing.values()))}. Run `snakemake --cores all`."
            )
        return names

    @property
    def architectures(self) -> dict[str, str]:
        """Architecture by name of the models that have results."""
        return {name: self.experiment.model(name).architecture for name in self.models}

    @property
    def keys(self) -> list[tuple[str, str]]:
        """(model, method) of everything that was scored, baselines last."""
        methods = self.experiment.localization.methods
        return [(model, method) for model in self.models for method in methods] + [
            (BASELINE, method) for method in BASELINE_METHODS
        ]

    @cached_property
    def dataset(self) -> dict[str, Any]:
        """The dataset's description: kind, name, images per split, number of classes, fingerprint."""
        return self.description or self.json(self.paths.dataset_dir / "dataset.json")

    def metrics(self, model: str, method: str) -> dict[str, Any]:
        """The content of metrics.json."""
        return self.json(self.paths.evaluation(model, method) / "metrics.json")

    def scores(self, model: str, method: str) -> dict[str, Any]:
        """The scores of metrics.json by name: value and interval in percent, None where one does not apply."""
        return self.metrics(model, method)["figures"]

    def curve(self, model: str, method: str) -> pd.DataFrame:
        """Box accuracy over thresholds: split, contours, delta, threshold, box_acc_percent."""
        return self.csv(self.paths.evaluation(model, method) / "curve.csv")

    def images(self, model: str, method: str) -> pd.DataFrame:
        """Per test image: IoU, chosen box, correct or not."""
        return pd.read_parquet(existing(self.paths.evaluation(model, method) / "images.parquet"))

    def correct(self, model: str, method: str) -> Correct:
        """Which test images are right at which threshold: IoU 0.5, largest contour, as in MaxBoxAcc."""
        arrays = self.arrays(self.paths.evaluation(model, method) / "correct.npz")
        return Correct(arrays["largest-0.5"], len(arrays["threshold"]))

    def choices(self) -> pd.DataFrame:
        """What each choice of the evaluation costs, all models and methods; without rows where none was scored."""
        methods = [method for method in self.experiment.localization.methods if scored_under_choices(method)]
        tables = [
            self.csv(self.paths.evaluation(model, method) / "choices.csv").fillna({"changed": ""})
            for model in self.models
            for method in methods
        ]
        return (
            pd.concat(tables, ignore_index=True)
            if tables
            else pd.DataFrame(columns=["model", "method", "figure", "changed"])
        )

    def analysis(self, name: str) -> pd.DataFrame:
        """The tidy tables of one analysis, all models in one, with the model's name as first column."""
        tables = []
        for model, folder in self.analysis_folders(name):
            if not (folder / "status.json").is_file():
                continue
            table = self.csv(folder / "table.csv")
            table.insert(0, "model", pd.Series(model, table.index, dtype="str"))
            tables.append(table)
        filled = [table for table in tables if len(table)] or tables[:1]
        return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=["model"])

    def not_applicable(self, name: str) -> dict[str, str]:
        """The models to which an analysis does not apply, or for which it is missing, and why, in one line each."""
        reasons: dict[str, str] = {}
        for model, folder in self.analysis_folders(name):
            path = folder / "status.json"
            status = self.json(path) if path.is_file() else None
            if status is None:
                reasons[model] = f"{path} is missing"
            elif not status["applies"]:
                reasons[model] = status["reason"]
        return reasons

    def analysis_folders(self, name: str) -> list[tuple[str, Path]]:
        """The model and the folder of every job of an analysis."""
        return [
            (model, self.paths.analysis(name, model, job))
            for model, job in self.experiment.jobs(name)
            if model in self.models
        ]

    def history(self, model: str) -> pd.DataFrame:
        """One row per epoch."""
        return self.csv(self.paths.model(model) / "history.csv")

    @property
    def sample(self) -> str:
        """Dataset, images, classes and seed that every number of this run stands on, to be gone on with."""
        test, classes, seed = self.dataset["splits"]["test"], len(self.dataset["classes"]), self.experiment.seed
        return f"{self.dataset['name']}, {test:,} test images of {classes} classes, one training seed ({seed})"

    @property
    def scope(self) -> str:
        """What every score of this run stands on, as one sentence."""
        confidence = round(100 * self.experiment.evaluation.confidence)
        half = ", backbone in bfloat16" if self.experiment.localization.precision == "bfloat16" else ""
        return f"{self.sample}{half}; in brackets {confidence} % intervals over images."


def series_name(model: str, method: str) -> str:
    """A model and a method as one legend entry."""
    return MAP_NAMES[method] if model == BASELINE else f"{model}: {MAP_NAMES[method]}"
