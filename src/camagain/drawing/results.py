"""What a run measured, read back from its artifacts: scores, curves, per-image results, histories."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from camagain.artifacts import RunPaths, existing, read_json
from camagain.config import BASELINE, BASELINE_METHODS, Experiment
from camagain.config.methods import METHOD_NAMES, scored_under_choices
from camagain.drawing.seeds import mean_over_seeds
from camagain.errors import UserError
from camagain.statistics.correctness import Correct

MAP_NAMES = {**METHOD_NAMES, "whole-image": "whole image", "centre-gaussian": "centred Gaussian"}
"""Names of score maps in tables and figures."""

Found = TypeVar("Found")


@dataclass(frozen=True)
class RunResults:
    """Read access to a run, one training of each model. Its files must not change meanwhile: each is read once."""

    experiment: Experiment
    paths: RunPaths
    description: dict[str, Any] | None = None
    """The dataset's description, where it comes from elsewhere than the folder of the data, such as a manifest."""
    seed: int | None = None
    """Seed of the trainings that are read, where the experiment has several; see `read_results`."""
    _kept: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, compute: Callable[["RunResults"], Found]) -> Found:
        """The result of a function of these results, computed once: tables and figures share it."""
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

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the trainings behind every number."""
        return (self.experiment.seeds[0] if self.seed is None else self.seed,)

    @property
    def parts(self) -> "Mapping[int, RunResults]":
        """The results of each seed by itself."""
        return {self.seeds[0]: self}

    def training(self, model: str) -> str:
        """The training of a model that is read, as its folders are called; the baselines have none."""
        return model if model == BASELINE else self.experiment.training_of(model, self.seeds[0])

    @cached_property
    def missing(self) -> dict[str, str]:
        """Models that were not trained or not scored to the end, and the first file that each lacks."""
        found = {model.name: self._first_missing(model.name) for model in self.experiment.models}
        return {name: path.as_posix() for name, path in found.items() if path is not None}

    def _first_missing(self, model: str) -> Path | None:
        training = self.training(model)
        wanted = [self.paths.card(training), self.paths.summary(training)]
        wanted += [self.paths.metrics(training, method) for method in self.experiment.localization.methods]
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
        return self.description or self.json(self.paths.description)

    def metrics(self, model: str, method: str) -> dict[str, Any]:
        """The content of metrics.json."""
        return self.json(self.paths.metrics(self.training(model), method))

    def scores(self, model: str, method: str) -> dict[str, Any]:
        """The scores of metrics.json by name: value and interval in percent, None where one does not apply."""
        return self.metrics(model, method)["figures"]

    def curve(self, model: str, method: str) -> pd.DataFrame:
        """Box accuracy over thresholds: split, contours, delta, threshold, box_acc_percent."""
        return self.csv(self.paths.curve(self.training(model), method))

    def images(self, model: str, method: str) -> pd.DataFrame:
        """Per test image: IoU, chosen box, correct or not."""
        return pd.read_parquet(existing(self.paths.images(self.training(model), method)))

    def correct(self, model: str, method: str) -> Correct:
        """Which test images are right at which threshold: IoU 0.5, largest contour, as in MaxBoxAcc."""
        arrays = self.arrays(self.paths.correct(self.training(model), method))
        return Correct(arrays["largest-0.5"], len(arrays["threshold"]))

    def choices(self) -> pd.DataFrame:
        """What each choice of the evaluation costs, all models and methods; without rows where none was scored."""
        methods = [method for method in self.experiment.localization.methods if scored_under_choices(method)]
        tables = [
            self.csv(self.paths.choices(self.training(model), method)).fillna({"changed": ""}).assign(model=model)
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
        for model, job in self.analysis_jobs(name):
            if not self.paths.status(name, self.training(model), job).is_file():
                continue
            table = self.findings(name, model, job)
            table.insert(0, "model", pd.Series(model, table.index, dtype="str"))
            tables.append(table)
        filled = [table for table in tables if len(table)] or tables[:1]
        return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=["model"])

    def findings(self, name: str, model: str, job: str = "") -> pd.DataFrame:
        """What one job of an analysis wrote."""
        return self.csv(self.paths.findings(name, self.training(model), job))

    def status(self, name: str, model: str, job: str = "") -> dict[str, Any]:
        """What it says of itself."""
        return self.json(self.paths.status(name, self.training(model), job))

    def analysis_arrays(self, name: str, model: str, job: str = "") -> dict[str, np.ndarray]:
        """The arrays that it stored."""
        return self.arrays(self.paths.arrays(name, self.training(model), job))

    def not_applicable(self, name: str) -> dict[str, str]:
        """The models to which an analysis does not apply, or for which it is missing, and why, in one line each."""
        reasons: dict[str, str] = {}
        for model, job in self.analysis_jobs(name):
            path = self.paths.status(name, self.training(model), job)
            if not path.is_file():
                reasons[model] = f"{path} is missing"
            elif not self.json(path)["applies"]:
                reasons[model] = self.json(path)["reason"]
        return reasons

    def analysis_jobs(self, name: str) -> list[tuple[str, str]]:
        """The model and the name of every job of an analysis; the name is empty where a model has one job."""
        models = {self.training(model): model for model in self.models}
        return [(models[training], job) for training, job in self.experiment.jobs(name) if training in models]

    def history(self, model: str) -> pd.DataFrame:
        """One row per epoch."""
        return self.csv(self.paths.history(self.training(model)))

    @property
    def sample(self) -> str:
        """Dataset, test images, classes and seed behind every number of this run: the beginning of a sentence."""
        test, classes = self.dataset["splits"]["test"], len(self.dataset["classes"])
        return f"{self.dataset['name']}, {test:,} test images of {classes} classes, {self.trained}"

    @property
    def trained(self) -> str:
        """How many trainings, with which seed."""
        return f"one training seed ({self.seeds[0]})"

    @property
    def scope(self) -> str:
        """The data behind every score of this run, as one sentence."""
        half = ", backbone in bfloat16" if self.experiment.localization.precision == "bfloat16" else ""
        return f"{self.sample}{half}; {self.brackets}."

    @property
    def brackets(self) -> str:
        """What the marks beside a score mean."""
        confidence = round(100 * self.experiment.evaluation.confidence)
        return f"in brackets {confidence} % intervals over images"


class MeanResults(RunResults):
    """Read access to a run with several seeds: every number is the mean over the trainings of a model.

    Pictures, weights and results of single images are those of the first seed.
    """

    @property
    def seeds(self) -> tuple[int, ...]:
        return self.experiment.seeds

    @cached_property
    def parts(self) -> Mapping[int, RunResults]:
        return {seed: RunResults(self.experiment, self.paths, self.description, seed) for seed in self.seeds}

    def _first_missing(self, model: str) -> Path | None:
        found = (part._first_missing(model) for part in self.parts.values())
        return next((path for path in found if path is not None), None)

    def metrics(self, model: str, method: str) -> dict[str, Any]:
        """The content of metrics.json, averaged; a score also has its `deviation` over the seeds, and their values."""
        if model == BASELINE:
            return super().metrics(model, method)
        return self._keep(("metrics", model, method), lambda: self._mean_metrics(model, method))

    def _mean_metrics(self, model: str, method: str) -> dict[str, Any]:
        each = [part.metrics(model, method) for part in self.parts.values()]
        scores = {name: mean_score([one["figures"][name] for one in each]) for name in each[0]["figures"]}
        constant = {
            split: float(np.mean([one["constant_maps"][split] for one in each])) for split in each[0]["constant_maps"]
        }
        return {**each[0], "figures": scores, "constant_maps": constant}

    def curve(self, model: str, method: str) -> pd.DataFrame:
        if model == BASELINE:
            return super().curve(model, method)
        keys = ("split", "contours", "delta", "threshold")
        return self._mean(lambda part: part.curve(model, method), keys, ("curve", model, method))

    def choices(self) -> pd.DataFrame:
        return self._mean(lambda part: part.choices(), ("model", "method", "figure", "changed"), "choices")

    def analysis(self, name: str) -> pd.DataFrame:
        """The tidy tables of one analysis, averaged row by row: by the keys that its module for showing names."""
        keys = import_module(f"camagain.analysis.{name}.show").KEYS
        return self._mean(lambda part: part.analysis(name), keys, ("analysis", name))

    def not_applicable(self, name: str) -> dict[str, str]:
        reasons: dict[str, str] = {}
        for seed, part in self.parts.items():
            for model, reason in part.not_applicable(name).items():
                reasons.setdefault(model, f"{reason} (seed {seed})")
        return reasons

    def history(self, model: str) -> pd.DataFrame:
        return self._mean(lambda part: part.history(model), ("epoch",), ("history", model))

    def _mean(self, read: Callable[[RunResults], pd.DataFrame], keys: tuple[str, ...], name: Hashable) -> pd.DataFrame:
        """The mean over the seeds of the table that `read` gives, kept under a name."""
        return self._keep(name, lambda: mean_over_seeds({s: read(part) for s, part in self.parts.items()}, keys))

    @property
    def trained(self) -> str:
        return f"means over {len(self.seeds)} training seeds ({', '.join(map(str, self.seeds))})"

    @property
    def brackets(self) -> str:
        return f"behind ± the standard deviation over seeds, {super().brackets}"


def read_results(experiment: Experiment, paths: RunPaths, description: dict[str, Any] | None = None) -> RunResults:
    """The results of a run, of which tables and figures are made: means where it has several seeds."""
    kind = RunResults if len(experiment.seeds) == 1 else MeanResults
    return kind(experiment, paths, description)


def mean_score(scores: Sequence[dict[str, Any] | None]) -> dict[str, Any] | None:
    """The mean of a score over seeds, with mean bounds and threshold; None unless all have it."""
    found = [score for score in scores if score is not None]
    if len(found) < len(scores):
        return None
    means = {
        key: float(np.mean([score[key] for score in found]))
        for key in ("value", "low", "high", "threshold")
        if isinstance(found[0].get(key), int | float)
    }
    values = [score["value"] for score in found]
    return {**found[0], **means, "deviation": float(np.std(values, ddof=1)), "seeds": values}


def series_name(model: str, method: str) -> str:
    """A model and a method as one legend entry."""
    return MAP_NAMES[method] if model == BASELINE else f"{model}: {MAP_NAMES[method]}"
