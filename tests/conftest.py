"""Shared by all tests: a tiny finished run, made once, and where the real photographs lie."""

import gc
import json
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import ThreadingHTTPServer
from pathlib import Path

import hypothesis
import pytest
from filelock import FileLock
from fontTools import subset

from camagain.artifacts import sha256

hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")  # no test fails because a machine is busy

# Of the fonts in PDFs: tables for the layout of text that is laid out already. To read them is half of a PDF's time.
getattr(subset.Options, "_drop_tables_default", []).extend(["GDEF", "GPOS", "GSUB", "MATH"])

ROOT = Path(__file__).resolve().parents[1]
REAL_CUB = ROOT.parent / "shared" / "data" / "cub_subset27"

TINY = {
    "run": "tiny",
    "seed": 0,
    "purpose": "A test.",
    "dataset": {
        "kind": "synthbirds",
        "name": "tiny-birds",
        "classes": 3,
        "train_per_class": 8,
        "val_per_class": 2,
        "test_per_class": 4,
        "image_size": 48,
    },
    "input": {"size": 48},
    "training": {"epochs": 2, "batch_size": 6, "learning_rate": 1.0e-3, "warmup_epochs": 1, "snapshot_every": 1},
    "models": [
        {"name": "small-resnet", "architecture": "resnet_narrow"},
        {"name": "small-convnext", "architecture": "convnext_narrow", "training": {"epochs": 1}},
    ],
    "localization": {"methods": ["cam", "cam-gt", "pc1"]},
    "evaluation": {"size": 64, "threshold_step": 0.01, "bootstrap": 100},
    "analysis": {
        "erf": {"images": 3},
        "initialization": {"seeds": 2, "images": 4},
        "texture": {"grids": [2, 4], "smoothing": [0.1]},
        "interventions": {"models": ["small-convnext"], "enlarge": [9], "shrink": [3], "seeds": 1, "epochs": 1},
        "cuts": {"models": ["small-convnext"], "images": 4},
    },
    "figures": {"heatmap_images": 3},
    "compute": {"device": "cpu", "threads": 1},
}
"""An experiment small enough for a test, as plain values."""


CHROMIUM_ARGUMENTS = (
    "headless=new",
    "no-sandbox",
    "disable-gpu",
    "no-first-run",
    "disable-sync",
    "disable-background-networking",
    "disable-component-update",
    "disable-dev-shm-usage",
)


LONG = (
    "training/test_state.py",
    "training/test_launch.py",
    "test_cli.py",
    "test_full_disk.py",
    "localization/test_gradient_methods.py",
)
"""Files that take longest, besides those that run the pipeline."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, so that no long file is left at the end for one process alone."""
    items.sort(key=lambda item: (not item.get_closest_marker("pipeline"), not item.path.as_posix().endswith(LONG)))


def pytest_collection_finish() -> None:
    """A million objects of torch, pandas and pytest are there to stay: to look through them for garbage takes time."""
    gc.set_threshold(50_000)  # as the command line has it
    gc.freeze()


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def tiny_values() -> dict:
    """The tiny experiment as plain values."""
    import copy

    return copy.deepcopy(TINY)


@pytest.fixture(scope="session")
def real_cub() -> Path:
    """The folder with 27 real CUB classes; skips where it is not there."""
    if not REAL_CUB.is_dir():
        pytest.skip("needs the 27-class subset of CUB-200-2011 in ../shared/data, which is not part of this repository")
    return REAL_CUB


@pytest.fixture
def cub_folder(tmp_path: Path) -> Path:
    """Six 40 x 30 images: 1-3 of class 3, 4-6 of class 7 (class 5 has none); in each class two train and one tests.

    The box of image i is x = i, y = 2.5, width = 10, height = 20.
    """
    from PIL import Image

    root = tmp_path / "birds"
    names = {i: ("003.Tern" if i < 4 else "007.Wren") for i in range(1, 7)}
    for image_id, name in names.items():
        path = root / "images" / name / f"bird {image_id}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((40, 30), 80).convert("RGB").save(path)
    texts = {
        "images.txt": [f"{i} {name}/bird {i}.jpg" for i, name in names.items()],
        "image_class_labels.txt": [f"{i} {3 if i < 4 else 7}" for i in names],
        "train_test_split.txt": [f"{i} {int(i % 3 != 0)}" for i in names],
        "bounding_boxes.txt": [f"{i} {i}.0 2.5 10.0 20.0" for i in names],
        "classes.txt": ["3 003.Tern", "5 005.Unused", "7 007.Wren"],
    }
    for name, lines in texts.items():
        (root / name).write_text("".join(line + "\n" for line in lines))
    return root


@pytest.fixture(scope="session")
def tools() -> Path:
    """The folder of the commands that belong to this Python."""
    return Path(sys.executable).parent


def common(factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder that all processes of these tests share."""
    base = factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory, tiny_values: dict, worker_id: str):
    """(experiment, paths) of the tiny experiment, run once through the library, each stage behind its own view.

    Processes that share the tests share the run: the first one makes it. No test may change it, and the last test of
    each process fails where one did; `tiny_copy` is for those that write.
    """
    from camagain.config.file import parse_experiment

    experiment = parse_experiment(tiny_values, "tiny")
    folder = common(tmp_path_factory, worker_id) / "tiny"
    paths = experiment.paths(folder / "results", folder / "data")
    with FileLock(f"{folder}.lock"):
        if not paths.manifest.is_file():
            run_all(experiment, paths)
    made = paths.manifest.stat().st_mtime_ns
    yield experiment, paths
    later = [str(path) for path in paths.root.rglob("*") if path.lstat().st_mtime_ns > made]
    assert not later, (
        f"tests have written into the run that all of them share (use tiny_copy, and see copy_run): {later}"
    )


@pytest.fixture(scope="session")
def few_figures(tiny_run, tmp_path_factory: pytest.TempPathFactory, worker_id: str):
    """(experiment, paths) of one network and one analysis of the tiny run, whose figures are soon drawn; to be
    copied, as above."""
    from camagain.config.file import parse_experiment
    from camagain.paper.parts import PARTS, write_part

    experiment, whole = tiny_run
    values = experiment.model_dump(mode="json")
    values |= {"models": values["models"][1:], "analysis": {"names": ["gap"]}}
    few = parse_experiment(values, "few figures")
    folder = common(tmp_path_factory, worker_id) / "few-figures"
    paths = few.paths(folder / "results", folder / "data")
    with FileLock(f"{folder}.lock"):
        if not (folder / "done").is_file():
            copy_run(whole.results, paths.results)
            shutil.copytree(whole.data, paths.data)
            for part in PARTS:
                write_part(part, few, paths)
            (folder / "done").touch()
    return few, paths


LINKED = {".safetensors", ".png", ".pdf", ".html"}
"""Files that are most of a run's bytes."""


def copy_run(run: Path, target: Path) -> None:
    """Copies a run. What is large is linked: a test takes it away before it writes it anew, and leaves its rights."""
    shutil.copytree(run, target, copy_function=link_or_copy)


def link_or_copy(source: str, target: str) -> None:
    (os.link if Path(source).suffix in LINKED else shutil.copyfile)(source, target)


@pytest.fixture
def tiny_copy(tiny_run, tmp_path: Path):
    """(experiment, paths) of a copy of the tiny run, for a test that writes into it; its images are the shared ones."""
    experiment, paths = tiny_run
    copied = experiment.paths(tmp_path / "results", paths.data)
    copy_run(paths.root, copied.root)
    return experiment, copied


def run_all(experiment, paths) -> None:
    """Runs every stage of an experiment in the order of the registry, as the command line does."""
    from camagain.analysis.kit.run import analyze
    from camagain.config import ANALYSES
    from camagain.datasets.prepare import prepare_dataset
    from camagain.evaluation.evaluate import evaluate_baselines, evaluate_model
    from camagain.explorer.page import write_explorer
    from camagain.localization.extract import localize
    from camagain.paper.parts import PARTS, write_part
    from camagain.stages import jobs, stage_view, stages
    from camagain.training.finetune import finetune

    for stage in stages():
        for training, job in jobs(experiment, stage):
            view = stage_view(experiment, stage, training)
            if stage == "data":
                prepare_dataset(view.dataset, paths.dataset_dir)
            elif stage == "evaluate_baseline":
                evaluate_baselines(view, paths)
            elif stage == "explorer":
                write_explorer(view, paths)
            elif stage in PARTS:
                write_part(stage, view, paths)
            elif stage in ANALYSES:
                analyze(view, stage, training, paths, job)
            else:
                {"finetune": finetune, "localize": localize, "evaluate": evaluate_model}[stage](view, training, paths)


@pytest.fixture(scope="session")
def seal() -> Callable[[Path], None]:
    """Writes the manifest of a run anew after a planted change, so that its files are those that it lists."""

    def seal(run: Path) -> None:
        manifest = json.loads((run / "manifest.json").read_text())
        files = {name: run / name for name in manifest["files"] if (run / name).is_file()}
        manifest["files"] = {
            name: {"sha256": sha256(path), "bytes": path.stat().st_size} for name, path in files.items()
        }
        (run / "manifest.json").write_text(json.dumps(manifest))

    return seal


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """Headless Chromium, which records every request and every message of a page; skips where it is not installed."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs the package selenium")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("needs Debian's packages chromium and chromium-driver (debian-packages.txt)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in CHROMIUM_ARGUMENTS:
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    window = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=driver))
    window.set_page_load_timeout(60)
    yield window
    window.quit()


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch):
    """Starts a web server on this machine with a given request handler and gives its address; ended after the test."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ExitStack() as running:

        def start(handler: Callable) -> str:
            http = running.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), handler))
            thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            running.callback(thread.join)
            running.callback(http.shutdown)
            return f"http://127.0.0.1:{http.server_port}"

        yield start
