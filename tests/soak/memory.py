"""The peak memory of evaluation and of localization, at a thousand test images and at CUB's 5,794."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from camagain.artifacts import RunPaths, write_json, write_npz, write_parquet
from camagain.config import Experiment
from camagain.config.file import dump_experiment, parse_experiment
from tests.conftest import TINY

IMAGES = (1000, 5794)
BOUND_MB = {"evaluate": 1000, "localize": 2000}
"""What a job may take at most on one thread: with torch's own half a gigabyte, and 2,048 channels for `localize`."""

CLASSES = 60
MODEL = "resnet50"
EXPERIMENT = {
    **TINY,
    "dataset": {"kind": "synthbirds", "name": "birds", "classes": CLASSES, "train_per_class": 2, "image_size": 64},
    "input": {"size": 64},
    "models": [{"name": MODEL, "architecture": "resnet50"}],
    "localization": {"methods": ["cam", "pc1"]},
    "evaluation": {"size": 224, "threshold_step": 0.01, "bootstrap": 1000},
    "analysis": {"names": []},
}


def rows() -> Iterator[dict]:
    """A row for each stage and number of images; it survived where its peak is below the bound."""
    for images in IMAGES:
        with tempfile.TemporaryDirectory() as place:
            experiment = parse_experiment(EXPERIMENT, "memory")
            paths = experiment.paths(Path(place) / "results", Path(place) / "data")
            file = Path(place) / "experiment.yaml"
            file.write_text(dump_experiment(experiment))
            write_images(paths, images)
            write_network(experiment, paths)
            for stage in ("localize", "evaluate"):
                if stage == "evaluate":
                    write_maps(paths, images)  # of the size that the paper's networks have, and less regular
                peak = round(peak_mb(stage, file, paths))
                survived = int(peak < BOUND_MB[stage])
                yield {
                    "stage": stage,
                    "images": images,
                    "peak_mb": peak,
                    "bound_mb": BOUND_MB[stage],
                    "tried": 1,
                    "survived": survived,
                    "n": 1,
                }


LAUNCHER = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=sys.stderr)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""A process without libraries between this one and the job: what a process has at its start counts for its child."""


def peak_mb(stage: str, file: Path, paths: RunPaths) -> float:
    """The largest resident memory of a stage's process, in megabytes."""
    places = ["--results", str(paths.results), "--data", str(paths.data)]
    job = [sys.executable, "-m", "camagain", stage, str(file), MODEL, *places]
    done = subprocess.run([sys.executable, "-c", LAUNCHER, *job], check=True, stdout=subprocess.PIPE, text=True)
    return int(done.stdout) / (1e6 if sys.platform == "darwin" else 1e3)  # bytes on macOS, kilobytes elsewhere


def write_images(paths: RunPaths, images: int) -> None:
    """An index of so many test images and two of each other split, which are few files under many names."""
    from camagain.datasets.index import write_index

    rng = np.random.default_rng(0)
    folder = paths.dataset_dir / "images"
    folder.mkdir(parents=True)
    from PIL import Image

    for number in range(50):
        pixels = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    labels = np.arange(images + 4) % CLASSES
    index = pd.DataFrame(
        {
            "image_id": [f"{number:06d}" for number in range(images + 4)],
            "path": [f"images/{number % 50}.png" for number in range(images + 4)],
            "label": labels,
            "class_name": [f"class {label}" for label in labels],
            "split": ["train"] * 2 + ["val"] * 2 + ["test"] * images,
            "width": 64,
            "height": 64,
            "boxes": [[[8.0, 8.0, 48.0, 56.0]]] * (images + 4),
            "mask_path": pd.Series(None, range(images + 4), "str"),
        }
    )
    write_index(paths.index, index, CLASSES)
    write_json(paths.description, {"classes": [f"class {label}" for label in range(CLASSES)], "fingerprint": "0"})


def write_network(experiment: Experiment, paths: RunPaths) -> None:
    """A model artifact with random weights."""
    from camagain.models.checkpoint import ModelCard, save_network
    from camagain.models.zoo import create

    network = create(MODEL, CLASSES)
    card = ModelCard(
        name=MODEL,
        architecture=MODEL,
        classes=tuple(f"class {label}" for label in range(CLASSES)),
        input=experiment.input,
        parameters=0,
        starting_weights="random",
        training=experiment.models[0].training,
        seed=0,
        dataset=experiment.dataset.name,
        train_images=2,
        device="cpu",
        sha256="",
    )
    save_network(paths.model(MODEL), network, card)


def write_maps(paths: RunPaths, images: int) -> None:
    """Maps of 12 x 12 cells, smooth and each another, and predictions, in place of the network's."""
    rng = np.random.default_rng(0)
    index = pd.read_parquet(paths.index)
    index = index[index["split"] != "train"]
    maps = rng.random((len(index), 12, 12), dtype=np.float32)
    ids, splits = index["image_id"].to_numpy(dtype=str), index["split"].to_numpy(dtype=str)
    write_npz(paths.maps(MODEL), image_id=ids, split=splits, **{"cam": maps, "pc1": maps, "cam.described": maps})
    paths.maps(MODEL).with_name(".localize.json").unlink(missing_ok=True)
    table = pd.DataFrame({"image_id": index["image_id"], "split": index["split"], "label": index["label"]})
    table["top5_class"] = [[int(label), 0, 1, 2, 3] for label in index["label"]]
    table["top5_score"] = [[0.5, 0.2, 0.1, 0.1, 0.1]] * len(table)
    write_parquet(paths.predictions(MODEL), table)
