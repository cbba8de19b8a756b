"""Every network of every shipped experiment exists, and so do the weights that it says it starts from."""

from pathlib import Path

import pytest
import timm

from camagain.config.file import load_experiment
from camagain.models.sources import choose

EXPERIMENTS = sorted((Path(__file__).parents[2] / "config").rglob("*.yaml"))


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_networks_and_weights_exist(path: Path):
    for model in load_experiment(path).models:
        assert timm.is_model(model.architecture), model.name
        if "." in model.architecture:
            timm.get_pretrained_cfg(model.architecture, allow_unregistered=False)
        if model.weights == "timm":
            assert timm.is_model_pretrained(model.architecture), f"{model.name}: timm has no weights"
        if model.weights in ("upstream", "published"):
            assert choose(model.weights, model.architecture, model.options), model.name
