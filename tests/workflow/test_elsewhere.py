"""DVC alone makes a run in another folder and on another number of cores, and its values are those made elsewhere."""

from pathlib import Path

import pytest

from camagain.artifacts import sha256
from tests.conftest import TINY
from tests.workflow.conftest import copy_of
from tests.workflow.plans import planned

pytestmark = pytest.mark.pipeline


VALUES = {**TINY, "models": TINY["models"][1:], "analysis": {"names": ["gap"]}}
"""One network and the quickest analysis."""


@pytest.fixture(scope="module")
def made(root: Path, run_in, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, in a folder with spaces, after `dvc repro`."""
    folder = copy_of(root, tmp_path_factory.mktemp("another place") / "copy of it", VALUES)
    profile = folder / "profiles" / "default" / "config.yaml"
    assert "cores: all" in profile.read_text()
    profile.write_text(profile.read_text().replace("cores: all", "cores: 1"))
    call = run_in(folder)
    call("git", "init", "-q")
    call("dvc", "init", "-q")
    call("dvc", "repro")
    return folder


def test_dvc_alone_makes_everything(made: Path, run_in):
    assert planned(run_in(made)) == {}


def test_values_are_those_of_the_library_in_another_process(made: Path, tiny_run):
    there, here = made / "results" / "tiny", tiny_run[1].root
    for name in (
        "models/small-convnext/model.safetensors",
        "localization/small-convnext/maps.npz",
        "evaluation/small-convnext/cam/metrics.json",
        "analysis/gap/small-convnext/table.csv",
    ):
        assert sha256(there / name) == sha256(here / name), name
