"""Shared by the tests of networks: checkpoints as their authors wrote them."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def stand_ins() -> ModuleType:
    """The module `stand_ins.py` beside this file: `stand_ins.replknet(...)`, `stand_ins.replknet_forward(...)` ..."""
    spec = importlib.util.spec_from_file_location("stand_ins", Path(__file__).with_name("stand_ins.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
