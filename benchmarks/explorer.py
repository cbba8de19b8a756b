"""How large the explorer of CUB is and how soon it shows something: 5,794 images, four networks, two methods.

The maps are random float32 numbers on 12 x 12 cells, which no compression would shrink, and the photographs are of the
usual size. Chromium opens the page from a file; the first view is there when the first images are in the page and
something was painted. Nothing else makes such a page: the "peer" is the bound that it has to keep. Without Chromium
nothing is measured.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from benchmarks.harness import bound_row
from camagain.artifacts import RunPaths, write_json, write_npz, write_parquet
from camagain.config import Experiment
from camagain.config.file import parse_experiment
from camagain.datasets.index import write_index
from camagain.explorer.page import write_explorer

IMAGES, CLASSES, MODELS, CELLS, ROUNDS = 5794, 200, 4, 12, 5
METHODS = ("cam", "pc1")
WIDTH, HEIGHT = 500, 375
BOUND_S, BOUND_MB = 3.0, 40.0
ARGUMENTS = ("headless=new", "no-sandbox", "disable-gpu", "no-first-run", "disable-dev-shm-usage")

FIRST_VIEW = """
    const entries = ["first view", "first-contentful-paint"].map((name) => performance.getEntriesByName(name)[0]);
    return entries.every(Boolean) ? Math.max(...entries.map((entry) => entry.startTime)) : null;
"""


def rows(peer: Path | None) -> Iterator[dict]:
    """One row: the median time to the first view over the rounds, and the size of the page."""
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        print("explorer: needs Debian's packages chromium and chromium-driver; not measured")
        return
    with tempfile.TemporaryDirectory() as folder:
        experiment, paths = make_run(Path(folder))
        write_explorer(experiment, paths)
        seconds = [first_view(paths.explorer) / 1e3 for _ in range(ROUNDS + 1)][1:]
        case = f"{IMAGES:,} images, {MODELS} networks, {len(METHODS)} methods"
        row = bound_row("explorer", case, BOUND_S, BOUND_MB, "camagain explorer", seconds)
        yield {**row, "page_mb": round(paths.explorer.stat().st_size / 1e6, 1)}


def first_view(page: Path) -> float:
    """Milliseconds from the start of loading to the first view, in a browser of its own."""
    from selenium import webdriver
    from selenium.webdriver.support.wait import WebDriverWait

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ARGUMENTS:
        options.add_argument(f"--{argument}")
    window = webdriver.Chrome(options, webdriver.ChromeService(executable_path=shutil.which("chromedriver")))
    try:
        window.get(page.absolute().as_uri())
        return WebDriverWait(window, 60).until(lambda window: window.execute_script(FIRST_VIEW))
    finally:
        window.quit()


def make_run(folder: Path) -> tuple[Experiment, RunPaths]:
    """A run as large as CUB's, as far as the explorer reads it."""
    random = np.random.default_rng(0)
    experiment = parse_experiment(
        {
            "run": "made-up",
            "seed": 0,
            "dataset": {"kind": "cub"},
            "input": {"size": 384},
            "training": {"epochs": 0, "learning_rate": 1.0e-3},
            "models": [{"name": f"network-{k}", "architecture": "resnet50"} for k in range(MODELS)],
            "localization": {"methods": METHODS},
        },
        "benchmark",
    )
    paths = experiment.paths(folder / "results", folder / "data")
    labels = np.arange(IMAGES) * CLASSES // IMAGES
    classes = [f"{label + 1:03}.Black_footed_Albatross" for label in range(CLASSES)]
    ids = [f"{classes[label]}/Black_Footed_Albatross_{i:04}_{random.integers(10**6)}" for i, label in enumerate(labels)]
    lower = random.uniform(0, 0.5, (IMAGES, 2)) * [WIDTH, HEIGHT]
    boxes = np.concatenate([lower, lower + random.uniform(0.1, 0.5, (IMAGES, 2)) * [WIDTH, HEIGHT]], axis=1)
    index = {
        "image_id": ids, "path": [f"images/{name}.jpg" for name in ids], "label": labels,
        "class_name": [classes[label] for label in labels], "split": "test", "width": WIDTH, "height": HEIGHT,
        "boxes": [[box] for box in boxes.tolist()], "mask_path": None,
    }  # fmt: skip
    write_index(paths.index, pd.DataFrame(index))
    write_json(paths.description, {"classes": classes})
    photograph = paths.dataset_dir / "photograph.jpg"
    Image.fromarray(random.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)).save(photograph, quality=80)
    for path in index["path"]:
        (paths.dataset_dir / path).parent.mkdir(parents=True, exist_ok=True)
        (paths.dataset_dir / path).hardlink_to(photograph)
    settings = {"variant": "published", "interpolation": "linear"}
    for model in experiment.trainings:
        maps = {method: random.random((IMAGES, CELLS, CELLS), dtype=np.float32) for method in METHODS}
        write_npz(paths.maps(model), image_id=np.array(ids), split=np.full(IMAGES, "test"), **maps)
        for method in METHODS:
            iou, corners = random.random(IMAGES), dict(zip(("x0", "y0", "x1", "y1"), boxes.T, strict=True))
            table = {"image_id": ids, "predicted": labels, "iou": iou, **corners, "correct": iou >= 0.5}
            write_parquet(paths.images(model, method), pd.DataFrame(table))
            scores = {"max_box_acc": {"threshold": 0.2}}
            write_json(paths.metrics(model, method), {"settings": settings, "figures": scores})
    return experiment, paths
