"""A run that DVC alone makes in another folder, and one that lies in a storage: values are those made elsewhere."""

import shutil
from pathlib import Path

import pytest
import yaml

from camagain.artifacts import sha256
from tests.conftest import TINY
from tests.workflow.conftest import copy_of
from tests.workflow.plans import planned

pytestmark = [pytest.mark.pipeline, pytest.mark.long]


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


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[str, ...]]:
    """A folder outside of the working copies, and the options that let Snakemake keep a run there."""
    pytest.importorskip("snakemake_storage_plugin_fs", reason="snakemake-storage-plugin-fs is not installed")
    if not shutil.which("rsync"):
        pytest.skip("no rsync, which the storage plug-in copies with")
    store = tmp_path_factory.mktemp("storage")
    return store, ("--default-storage-provider", "fs", "--default-storage-prefix", str(store))


@pytest.fixture(scope="module")
def stored(root: Path, run_in, storage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The storage after a working copy made the tables of a run into it."""
    store, options = storage
    run_in(copy_of(root, tmp_path_factory.mktemp("first") / "copy", VALUES))("snakemake", "tables", *options)
    return store


@pytest.fixture
def fresh(stored: Path, root: Path, run_in, tmp_path: Path):
    """A working copy that has nothing but the sources, and the function that runs commands in it."""
    folder = copy_of(root, tmp_path / "fresh", VALUES)
    return folder, run_in(folder)


def test_what_lies_in_snakemakes_storage_leaves_nothing_to_do(stored: Path, storage, fresh, tiny_run):
    folder, call = fresh
    assert planned(call, "tables", *storage[1]) == {}
    assert not (folder / "data").exists()
    for name in (
        "models/small-convnext/model.safetensors",
        "localization/small-convnext/maps.npz",
        "evaluation/small-convnext/cam/metrics.json",
        "analysis/gap/small-convnext/table.csv",
    ):
        assert sha256(stored / "results" / "tiny" / name) == sha256(tiny_run[1].root / name), name


def test_what_the_storage_lost_is_made_again_without_another_training(stored: Path, storage, fresh):
    """Although the images are not stored: they are made again, and the index of them that is stored stays as old."""
    folder, call = fresh
    lost = stored / "results" / "tiny" / "localization" / "small-convnext" / "maps.npz"
    before = sha256(lost)
    lost.unlink()
    assert planned(call, "localization", *storage[1]) == {"localize": 1}
    call("snakemake", "localization", *storage[1])
    assert sha256(lost) == before
    assert not (folder / "results" / "tiny" / "localization" / "small-convnext" / "maps.npz").exists(), "stored alone"
    assert planned(call, "localization", *storage[1]) == {}


def test_a_stored_run_of_other_settings_is_refused(stored: Path, storage, fresh):
    folder, call = fresh
    experiment = folder / "config" / "config.yaml"
    experiment.write_text(experiment.read_text().replace("threshold_step: 0.01", "threshold_step: 0.02"))
    refused = call("snakemake", "-n", "tables", *storage[1], succeeds=False)
    assert refused.returncode and "was made with other settings" in refused.stdout
    assert "--forcerun evaluate" in refused.stdout


def test_a_run_of_other_settings_in_this_folder_is_none_of_the_storage(fresh, storage, tmp_path: Path):
    folder, call = fresh
    here = folder / "results" / "tiny" / "experiment.yaml"
    here.parent.mkdir(parents=True)
    here.write_text(yaml.safe_dump({**VALUES, "seed": 1}))
    assert planned(call, "tables", *storage[1][:3], str(tmp_path / "empty"))["finetune"] == 1


def test_a_storage_without_a_place_is_refused(fresh, storage):
    refused = fresh[1]("snakemake", "-n", *storage[1][:2], succeeds=False)
    assert refused.returncode and "--default-storage-prefix" in refused.stdout
