"""Shared by the tests of networks: checkpoints as their authors wrote them, and one thread."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

import camagain.models  # noqa: F401  # registers our networks


@pytest.fixture(scope="session")
def stand_ins() -> ModuleType:
    """The module `stand_ins.py` beside this file: `stand_ins.replknet(...)`, `stand_ins.replknet_forward(...)` ..."""
    spec = importlib.util.spec_from_file_location("stand_ins", Path(__file__).with_name("stand_ins.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def one_thread(request: pytest.FixtureRequest) -> Iterator[None]:
    """Small tensors on one thread: four times as fast on a busy machine, where threads wait for each other."""
    before = torch.get_num_threads()
    if request.node.get_closest_marker("slow") is None:
        torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
