"""Variants of the tiny experiment: one network, other settings, the same images."""

from collections.abc import Callable

import pytest


@pytest.fixture
def variant(tiny_run, tmp_path) -> Callable:
    """Makes (experiment, paths) with one model "net" and changed settings; each `name` has its own results."""
    from camagain.config.file import parse_experiment

    def make(name: str, architecture: str = "test_convnext", compute: dict | None = None, seed: int = 0, **training):
        values = tiny_run[0].model_dump(mode="json")
        recipe = {"epochs": 2, "batch_size": 6, "learning_rate": 1.0e-3, **training}
        values.update(seed=seed, seeds=[seed], training=recipe, models=[{"name": "net", "architecture": architecture}])
        values["analysis"] = {"names": []}
        values["compute"] = {"device": "cpu", "threads": 1, **(compute or {})}
        experiment = parse_experiment(values, name)
        return experiment, experiment.paths(tmp_path / name, tiny_run[1].data)

    return make


@pytest.fixture
def trained(variant) -> Callable:
    """Fine-tunes a variant and returns its weights, and its history as a table."""
    import pandas as pd
    from safetensors.torch import load_file

    from camagain.training.finetune import finetune

    def train(name: str, **settings):
        experiment, paths = variant(name, **settings)
        finetune(experiment, "net", paths)
        folder = paths.model("net")
        return load_file(folder / "model.safetensors"), pd.read_csv(folder / "history.csv")

    return train
