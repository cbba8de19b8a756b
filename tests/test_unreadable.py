"""What a stage reads may not be opened, or is a folder: one sentence, nothing half-written, and the rerun goes on."""

import ctypes
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from camagain.artifacts import RunPaths, sha256
from camagain.config.file import dump_experiment
from camagain.datasets.cub import read_cub
from camagain.datasets.images import read_rgb
from camagain.datasets.index import image_path, read_index
from camagain.datasets.text_tables import Incomplete, every_fault
from camagain.downloads import fetch
from camagain.errors import UserError, in_words
from camagain.evaluation.own_files import read_own_boxes, read_own_maps
from camagain.lineage import Lineage, Work
from camagain.models.pickled import read_checkpoint
from camagain.paper.parts import PARTS
from camagain.training.state import StateFile
from tests.steps import MODEL, STEPS, step


class Header(ctypes.Structure):
    """Of capget and capset: version 3, and the calling thread."""

    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class Sets(ctypes.Structure):
    """Capabilities as bits: in force, that may be put in force, and that are inherited."""

    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


OVERRIDES = 0b110
"""The bits of CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, by which root opens what nobody may open."""


@contextmanager
def closed(*paths: Path) -> Iterator[None]:
    """Files and folders that this user may not open, root included."""
    modes = {path: path.stat().st_mode for path in paths}
    for path in paths:
        path.chmod(0)
    try:
        with without_overrides():
            if any(may_open(path) for path in paths):
                pytest.skip("this system lets this user open every file")
            yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


def may_open(path: Path) -> bool:
    try:
        list(path.iterdir()) if path.is_dir() else path.open("rb").close()
    except PermissionError:
        return False
    return True


@contextmanager
def without_overrides() -> Iterator[None]:
    """On Linux this thread, and those that it starts, go by permissions like any other user's."""
    if sys.platform != "linux":
        yield
        return
    libc, header, sets = ctypes.CDLL(None), Header(0x20080522, 0), (Sets * 2)()
    libc.capget(ctypes.byref(header), sets)
    before = sets[0].effective
    sets[0].effective &= ~OVERRIDES
    libc.capset(ctypes.byref(header), sets)
    try:
        yield
    finally:
        sets[0].effective = before
        libc.capset(ctypes.byref(header), sets)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, few_figures) -> tuple[Lineage, Path]:
    """A finished run, and its experiment file."""
    experiment, made = few_figures
    folder = tmp_path_factory.mktemp("unreadable")
    shutil.copytree(made.results, folder / "results")
    shutil.copytree(made.data, folder / "data")
    paths = experiment.paths(folder / "results", folder / "data")
    file = folder / "tiny.yaml"
    file.write_text(dump_experiment(experiment))
    return Lineage(experiment, paths), file


def inputs(stage: str, paths: RunPaths) -> list[Path]:
    """One file of each kind that a stage reads."""
    index = read_index(paths.index)
    train, test = (
        image_path(paths.index, index["path"][index["split"] == split].iloc[0]) for split in ("train", "test")
    )
    return {
        "data": [],
        "finetune": [paths.index, paths.description, train],
        "localize": [paths.index, paths.weights(MODEL), paths.card(MODEL), test],
        "evaluate": [paths.index, paths.maps(MODEL), paths.predictions(MODEL)],
        "evaluate_baseline": [paths.index, paths.description],
        "gap": [paths.index, paths.channels(MODEL)],
        "tables": [paths.metrics(MODEL, "cam"), paths.card(MODEL), paths.curve(MODEL, "cam")],
        "figures": [paths.history(MODEL), paths.images(MODEL, "cam"), paths.maps(MODEL), test],
        "report": [paths.claims, paths.tables / "localization.md", paths.figures / "heatmaps.png"],
        "manifest": [paths.report, paths.description],
    }[stage]


@pytest.mark.parametrize("stage", STEPS)
def test_one_sentence_nothing_half_written_and_the_rerun_goes_on(
    run, stage: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    lineage, experiment_file = run
    paths = lineage.paths
    files = lineage.files(Work(stage, MODEL if MODEL in STEPS[stage] else ""))
    before = {path: sha256(path) for path in files.values()}
    records = {path for path in before if re.search(r"report.html|manifest.json|model.json|speed|\.pdf$", str(path))}
    wanted = [experiment_file, *inputs(stage, paths)]
    assert not set(wanted) & set(before)
    for path in before:
        path.unlink()

    def refused(path: Path) -> str:
        code = step(stage, paths, experiment_file, monkeypatch)
        said = capsys.readouterr().err
        assert code == 2 and "Traceback" not in said, f"{path}: {said}"
        (line,) = [line for line in said.splitlines() if line.startswith("camagain: ")]
        assert said.endswith(f"{line}\n") and path.name in line
        done = [made for made in before if made.is_file()]
        assert all(sha256(made) == before[made] for made in done if made not in records), path
        return line

    for path in wanted:
        with closed(path):
            assert "This user may not open it. Change its permissions" in refused(path)
    for path in wanted if stage not in PARTS else ():  # which go on without a model that has no results
        kept = path.rename(path.with_name("kept"))
        path.mkdir()
        refused(path)
        path.rmdir()
        kept.rename(path)
    assert step(stage, paths, experiment_file, monkeypatch) == 0, capsys.readouterr().err
    assert {path for path in before if not path.is_file()} == set()
    assert {path for path in before.keys() - records if sha256(path) != before[path]} == set()


@pytest.mark.parametrize("file", ["images.txt", "classes.txt", "images/003.Tern/bird 1.jpg"])
def test_a_dataset_says_which_file_may_not_be_opened_and_lists_all_of_them(cub_folder: Path, file: str):
    with (
        closed(cub_folder / file),
        pytest.raises(UserError, match=r"may not open it\. Change its permissions") as caught,
    ):
        read_cub(cub_folder, val_per_class=1)
    assert file in str(caught.value)
    with closed(cub_folder / file), every_fault() as faults, suppress(Incomplete):
        read_cub(cub_folder, val_per_class=1)
    assert [fault.advice for fault in faults if file in fault.found[0]] == ["Change its permissions."]
    read_cub(cub_folder, val_per_class=1)


READERS: dict[str, Callable[[Path], object]] = {
    "bird.jpg": read_rgb,
    "maps.npz": lambda path: read_own_maps(path, {}),
    "boxes.csv": lambda path: read_own_boxes(path, 64),
    "weights.safetensors": read_checkpoint,
    "weights.pth": read_checkpoint,
    "state.pt": lambda path: StateFile(path, {}).read(),
    "birds.tgz": lambda path: fetch("http://127.0.0.1:9/birds.tgz", path),
}
"""By the name of a file of the user's own what reads it."""


@pytest.mark.parametrize("name", READERS)
def test_a_file_of_the_users_own_is_not_taken_for_damaged(tmp_path: Path, name: str):
    (tmp_path / name).write_bytes(b"something")
    with closed(tmp_path / name), pytest.raises((UserError, PermissionError)) as caught:
        READERS[name](tmp_path / name)
    said = in_words(caught.value)
    assert said and name in said and "ermission" in said
    assert not re.search(r"Delete|damaged|not a readable|anew|\n", said)


class Reader:
    """A data set of one image file."""

    def __init__(self, path: Path, read: Callable[[Path], object]) -> None:
        self.path, self.read = path, read

    def __len__(self) -> int:
        return 1

    def __getitem__(self, row: int) -> object:
        return self.read(self.path)


@pytest.mark.parametrize("read", [read_rgb, Path.read_bytes])
def test_a_process_that_reads_images_hands_on_one_sentence(tmp_path: Path, read: Callable[[Path], object]):
    from torch.utils.data import DataLoader

    path = tmp_path / "bird.jpg"
    path.touch()
    with closed(path), pytest.raises((UserError, PermissionError)) as caught:
        list(DataLoader(Reader(path, read), num_workers=1))
    said = in_words(caught.value)
    assert said and said.startswith(f"{path}: This user may not open it.") and "\n" not in said
