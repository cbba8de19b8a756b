"""Two copies of the tiny run, and the means to plant a difference in one of them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import copy_run


@pytest.fixture
def runs(tiny_run, tmp_path: Path) -> tuple[Path, Path]:
    """Two copies of the tiny run."""
    for name in ("a", "b"):
        copy_run(tiny_run[1].root, tmp_path / name)
    return tmp_path / "a", tmp_path / "b"


@pytest.fixture(scope="session")
def edit() -> Callable[..., None]:
    """Sets one nested value of a JSON file: edit(path, "a", "b", value=1)."""

    def edit(path: Path, *keys: str, value: object) -> None:
        content = json.loads(path.read_text())
        inner = content
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value
        path.write_text(json.dumps(content))

    return edit


@pytest.fixture(scope="session")
def retrain() -> Callable[..., None]:
    """Gives a training of a run other weights: retrain(run, "small-resnet"). The run has to be sealed afterwards."""

    def retrain(run: Path, training: str) -> None:
        path = run / "models" / training / "model.safetensors"
        weights = path.read_bytes()
        path.unlink()
        path.write_bytes(weights + b"x")

    return retrain
