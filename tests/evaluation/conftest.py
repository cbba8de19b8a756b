"""A tiny made-up run that has been localized: the input of the evaluation stage."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from camagain.artifacts import RunPaths, write_json, write_npz, write_parquet
from camagain.config import Experiment
from camagain.config.file import parse_experiment
from camagain.datasets.index import write_index
from camagain.evaluation.box_sweep.contours import Contours
from camagain.evaluation.boxes import best_ious
from camagain.evaluation.evaluate import evaluate_model
from camagain.evaluation.score_maps import Interpolation, Variant, scale_boxes, score_maps
from camagain.evaluation.scored import threshold_grid

COUNTS = {"train": 3, "val": 4, "test": 12}
SIZE, CLASSES = 32, 3
WIDTH, HEIGHT = 64, 48


@dataclass
class Run:
    """A run that has been localized, and what was put into it."""

    experiment: Experiment
    paths: RunPaths
    index: pd.DataFrame
    maps: dict[str, np.ndarray]
    predictions: pd.DataFrame

    def write(self) -> None:
        """Writes the stage's inputs, maps and predictions in an order of their own."""
        write_index(self.paths.index, self.index)
        write_json(self.paths.description, {"classes": [f"class-{label}" for label in range(CLASSES)]})
        folder = self.paths.localization("net")
        write_npz(folder / "maps.npz", **self.maps)
        write_parquet(folder / "predictions.parquet", self.predictions)

    def metrics(self, model: str, method: str) -> dict:
        return json.loads((self.paths.evaluation(model, method) / "metrics.json").read_text())

    def curve(self, model: str, method: str) -> pd.DataFrame:
        return pd.read_csv(self.paths.evaluation(model, method) / "curve.csv")

    def images(self, model: str, method: str) -> pd.DataFrame:
        return pd.read_parquet(self.paths.evaluation(model, method) / "images.parquet")

    def rows(self, split: str) -> pd.DataFrame:
        """The images of a split in the order of the index."""
        return self.index[self.index["split"] == split].sort_values("image_id").reset_index(drop=True)

    def expected_ious(
        self,
        method: str,
        split: str,
        contours: Contours = "largest",
        size: int = SIZE,
        interpolation: Interpolation = "linear",
        variant: Variant = "published",
        step: float = 0.05,
    ) -> np.ndarray:
        """IoUs of the stored maps by the public function, (N, T), in the order of the index."""
        position = {image_id: i for i, image_id in enumerate(self.maps["image_id"])}
        rows = self.rows(split)
        maps = [self.maps[method][position[image_id]] for image_id in rows["image_id"]]
        truths = [scale_boxes(np.array(boxes), WIDTH, HEIGHT, size) for boxes in rows["boxes"]]
        return best_ious(score_maps(maps, size, interpolation, variant), truths, threshold_grid(step), contours)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    experiment = parse_experiment(
        {
            "run": "tiny",
            "seed": 5,
            "dataset": {"kind": "synthbirds", "name": "made-up"},
            "input": {"size": SIZE},
            "training": {"epochs": 0, "learning_rate": 1.0e-3},
            "models": [{"name": "net", "architecture": "resnet10t"}],
            "localization": {"methods": ["cam", "cam-gt"]},
            "evaluation": {"size": SIZE, "threshold_step": 0.05, "bootstrap": 100},
            "compute": {"threads": 2},
        },
        "test",
    )
    generator = np.random.default_rng(0)
    splits = np.repeat(list(COUNTS), list(COUNTS.values()))
    ids = np.array([f"bird/{i:02d}.jpg" for i in range(len(splits))])
    corners = np.sort(generator.uniform(0, [[[WIDTH], [HEIGHT]]], (len(ids), 2, 2)), axis=2)  # (N, x or y, low or high)
    index = pd.DataFrame(
        {
            "image_id": ids,
            "path": ids,
            "label": np.arange(len(ids)) % CLASSES,
            "class_name": [f"class {i % CLASSES}" for i in range(len(ids))],
            "split": splits,
            "width": WIDTH,
            "height": HEIGHT,
            "boxes": [[[x0, y0, x1, y1]] for (x0, x1), (y0, y1) in corners],
            "mask_path": None,
            "ignore_path": None,
        }
    )
    chosen = generator.permutation(np.flatnonzero(splits != "train"))
    maps = {
        "image_id": ids[chosen],
        "split": splits[chosen],
        "cam": np.stack([object_map(generator, corners[i]) for i in chosen]),
        "cam-gt": generator.random((len(chosen), 8, 8), dtype=np.float32),
        "cam.described": np.stack([object_map(generator, corners[i]) for i in chosen]),
    }
    table = index.iloc[generator.permutation(chosen)]
    ranked = [generator.permutation(CLASSES).tolist() for _ in range(len(table))]
    predictions = pd.DataFrame(
        {
            "image_id": table["image_id"].to_numpy(),
            "split": table["split"].to_numpy(),
            "label": table["label"].to_numpy(),
            "top5_class": ranked,
            "top5_score": [[0.5, 0.3, 0.2]] * len(table),
        }
    )
    made = Run(
        experiment, RunPaths("tiny", "made-up", tmp_path / "results", tmp_path / "data"), index, maps, predictions
    )
    made.write()
    return made


def object_map(generator: np.random.Generator, corners: np.ndarray) -> np.ndarray:
    """A 6 x 6 map with a noisy bump in the middle of a box, so that boxes are sometimes right."""
    x, y = corners.mean(axis=1) / (WIDTH, HEIGHT) * 6 - 0.5
    rows, columns = np.mgrid[:6, :6]
    bump = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 3)
    scores = bump + 0.1 * generator.standard_normal((6, 6))
    return (scores.clip(0) / scores.max()).astype(np.float32)


@pytest.fixture
def evaluated(run: Run) -> Run:
    evaluate_model(run.experiment, "net", run.paths)
    return run
