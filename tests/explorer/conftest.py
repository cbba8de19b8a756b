"""Made-up runs that were evaluated: maps of every kind, odd names, images that are not square, several true boxes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from camagain.artifacts import RunPaths, write_json, write_npz, write_parquet
from camagain.config import Experiment
from camagain.config.file import parse_experiment
from camagain.datasets.index import write_index
from camagain.evaluation.evaluate import evaluate_model
from camagain.explorer.page import write_explorer

IMAGES, WIDTH, HEIGHT = 50, 80, 60
CLASSES = ["</script><script>alert(1)</script>", "<img src=x onerror=alert(2)>", "\u2028 & 'quoted' \"bird\""]
GRIDS = {"first": (12, 12), "second": (7, 9)}


@dataclass(frozen=True)
class Run:
    """A run with its explorer."""

    experiment: Experiment
    paths: RunPaths

    @property
    def sets(self) -> list[tuple[str, str]]:
        """Models and methods in the order of the page."""
        return [(model, method) for model in GRIDS for method in ("cam", "cam-gt")]

    def images(self, model: str, method: str) -> pd.DataFrame:
        return pd.read_parquet(self.paths.images(model, method))


@pytest.fixture(scope="session")
def explored(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    """Makes a run with its explorer: explored(variant="described", size=64, interpolation="cubic")."""

    def make(variant: str = "published", size: int = 224, interpolation: str = "linear") -> Run:
        folder = tmp_path_factory.mktemp("explored")
        experiment = parse_experiment(
            {
                "run": "made-up",
                "seed": 5,
                "dataset": {"kind": "synthbirds", "name": "made-up"},
                "input": {"size": size},
                "training": {"epochs": 0, "learning_rate": 1.0e-3},
                "models": [{"name": name, "architecture": "resnet10t"} for name in GRIDS],
                "localization": {"methods": ["cam", "cam-gt"], "variant": variant},
                "evaluation": {
                    "size": size, "interpolation": interpolation, "threshold_step": 0.01, "bootstrap": 100,
                },
                "compute": {"threads": 1},
            },
            "test",
        )  # fmt: skip
        run = Run(experiment, experiment.paths(folder / "results", folder / "data"))
        write_inputs(run)
        for model in GRIDS:
            evaluate_model(experiment, model, run.paths)
        write_explorer(experiment, run.paths)
        return run

    return make


def write_inputs(run: Run) -> None:
    """Images, index, maps and predictions."""
    generator = np.random.default_rng(0)
    ids = np.array([f"a b/{i:02} #&ü.png" for i in range(IMAGES)])
    lower = generator.uniform(0, 0.6, (IMAGES, 2, 2))  # (N, k, x or y)
    upper = lower + generator.uniform(0.1, 0.4, lower.shape)
    boxes = (np.concatenate([lower, upper], axis=2) * [WIDTH, HEIGHT, WIDTH, HEIGHT]).round()  # (N, k, 4)
    labels = np.arange(IMAGES) % len(CLASSES)
    index = pd.DataFrame(
        {
            "image_id": ids,
            "path": ids,
            "label": labels,
            "class_name": [CLASSES[label] for label in labels],
            "split": "test",
            "width": WIDTH,
            "height": HEIGHT,
            "boxes": [own[: 1 + i % 2].tolist() for i, own in enumerate(boxes)],
            "mask_path": None,
            "ignore_path": None,
        }
    )
    write_index(run.paths.index, index)
    write_json(run.paths.description, {"classes": CLASSES})
    (run.paths.dataset_dir / "a b").mkdir()
    for name in ids:
        colour = tuple(generator.integers(0, 256, 3).tolist())
        Image.new("RGB", (WIDTH, HEIGHT), colour).save(run.paths.dataset_dir / name)
    for model, (height, width) in GRIDS.items():
        maps = {
            method: np.stack([score_map(generator, height, width, i) for i in range(IMAGES)]).astype(np.float32)
            for method in ("cam", "cam-gt", "cam.described", "cam.published")
        }
        shuffled = generator.permutation(IMAGES)
        write_npz(
            run.paths.maps(model),
            image_id=ids[shuffled],
            split=np.full(IMAGES, "test"),
            **{name: values[shuffled] for name, values in maps.items()},
        )
        ranked = [generator.permutation(len(CLASSES)).tolist() for _ in ids]
        scores = [[0.5, 0.3, 0.2]] * IMAGES
        columns = {"image_id": ids, "split": "test", "label": labels, "top5_class": ranked, "top5_score": scores}
        write_parquet(run.paths.predictions(model), pd.DataFrame(columns))


def score_map(generator: np.random.Generator, height: int, width: int, number: int) -> np.ndarray:
    """Noise, a bump, flat islands of equal size, values beyond [0, 1] as PC1 has them, a ring, or a constant."""
    y, x = np.mgrid[:height, :width]
    kind = number % 6
    if kind == 0:
        return generator.random((height, width))
    if kind == 1:
        bump = np.exp(-((x - generator.uniform(0, width)) ** 2 + (y - generator.uniform(0, height)) ** 2) / 6)
        return bump + 0.05 * generator.random((height, width))
    if kind == 2:
        return ((x % 3 == 1) & (y % 3 == 1)).astype(float)
    if kind == 3:
        return generator.uniform(-0.7, 1.6, (height, width))
    if kind == 4:
        return ((abs(x - width // 2) == 2) | (abs(y - height // 2) == 3)) * generator.choice([0.3, 0.7, 1.0])
    return np.full((height, width), 0.5 if number % 4 else 0.0)
