"""The evaluation stage on a tiny made-up run: what it writes, and what it refuses."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from camagain.artifacts import RunPaths, write_npz, write_parquet
from camagain.config import Experiment
from camagain.config.file import parse_experiment
from camagain.datasets.index import write_index
from camagain.errors import UserError
from camagain.evaluation.boxes import best_ious
from camagain.evaluation.contours import Contours
from camagain.evaluation.evaluate import evaluate_baselines, evaluate_model, threshold_grid
from camagain.evaluation.metrics import max_box_acc, max_box_acc_v2
from camagain.evaluation.score_maps import scale_boxes, score_maps

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

    def expected_ious(self, method: str, split: str, contours: Contours = "largest") -> np.ndarray:
        position = {image_id: i for i, image_id in enumerate(self.maps["image_id"])}
        rows = self.rows(split)
        maps = [self.maps[method][position[image_id]] for image_id in rows["image_id"]]
        truths = [scale_boxes(np.array(boxes), WIDTH, HEIGHT, SIZE) for boxes in rows["boxes"]]
        return best_ious(score_maps(maps, SIZE), truths, threshold_grid(0.05), contours)


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
        }
    )
    chosen = generator.permutation(np.flatnonzero(splits != "train"))
    maps = {
        "image_id": ids[chosen],
        "split": splits[chosen],
        "cam": np.stack([object_map(generator, corners[i]) for i in chosen]),
        "cam-gt": generator.random((len(chosen), 8, 8), dtype=np.float32),
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
    return (bump + 0.1 * generator.standard_normal((6, 6))).astype(np.float32)


@pytest.fixture
def evaluated(run: Run) -> Run:
    evaluate_model(run.experiment, "net", run.paths)
    return run


def test_metrics_say_what_they_are(evaluated: Run):
    metrics = evaluated.metrics("net", "cam")
    head = {key: metrics[key] for key in ("run", "dataset", "model", "method", "images", "classes", "seed")}
    assert head == {
        "run": "tiny",
        "dataset": "made-up",
        "model": "net",
        "method": "cam",
        "images": {"val": 4, "test": 12},
        "classes": 3,
        "seed": 5,
    }
    assert metrics["settings"] == {
        "size": SIZE,
        "interpolation": "linear",
        "threshold_step": 0.05,
        "bootstrap": 100,
        "confidence": 0.95,
        "thresholds": 20,
        "variant": "published",
    }
    for figure in metrics["figures"].values():
        assert figure["unit"] == "percent"
        assert 0 <= figure["low"] <= figure["value"] <= figure["high"] <= 100


@pytest.mark.parametrize("method", ["cam", "cam-gt"])
def test_box_figures(evaluated: Run, method: str):
    figures = evaluated.metrics("net", method)["figures"]
    test, val = (evaluated.expected_ious(method, split) for split in ("test", "val"))
    value, best = max_box_acc(test)
    assert figures["max_box_acc"]["value"] == value
    assert figures["max_box_acc"]["threshold"] == pytest.approx(0.05 * best)
    assert figures["max_box_acc"]["delta"] == 0.5

    every = evaluated.expected_ious(method, "test", "all")
    assert figures["max_box_acc_v2"]["value"] == max_box_acc_v2(every)
    by_delta = figures["max_box_acc_v2"]["by_delta"]
    assert [part["delta"] for part in by_delta] == [0.3, 0.5, 0.7]
    for part in by_delta:
        assert (part["value"], round(part["threshold"] / 0.05)) == max_box_acc(every, part["delta"])

    chosen = max_box_acc(val)[1]
    at_val = figures["box_acc_val_threshold"]
    assert at_val["threshold"] == pytest.approx(0.05 * chosen)
    assert at_val["value"] == 100 * np.mean(test[:, chosen] >= 0.5) <= value


def test_the_made_up_run_tells_the_figures_apart(evaluated: Run):
    """Otherwise the tests above could not fail: val and test choose different thresholds, and some boxes are right."""
    figures = evaluated.metrics("net", "cam")["figures"]
    assert figures["max_box_acc"]["threshold"] != figures["box_acc_val_threshold"]["threshold"]
    assert 0 < figures["top1_loc"]["value"] < figures["max_box_acc"]["value"] < 100
    largest, every = (evaluated.expected_ious("cam-gt", "test", contours) for contours in ("largest", "all"))
    assert max_box_acc_v2(largest) < max_box_acc_v2(every)


def test_class_figures(evaluated: Run):
    figures = evaluated.metrics("net", "cam")["figures"]
    ranked = evaluated.predictions.set_index("image_id")["top5_class"]
    rows = evaluated.rows("test")
    right = np.array([ranked[i][0] == label for i, label in zip(rows["image_id"], rows["label"], strict=True)])
    assert figures["top1"]["value"] == pytest.approx(100 * right.mean())
    assert figures["top5"]["value"] == 100.0  # three classes in all
    ious = evaluated.expected_ious("cam", "test")
    box_right = ious[:, max_box_acc(ious)[1]] >= 0.5
    assert figures["top1_loc"]["value"] == pytest.approx(100 * (box_right & right).mean())
    assert figures["top1_loc"]["threshold"] == figures["max_box_acc"]["threshold"]


def test_curve_holds_every_accuracy(evaluated: Run):
    curve = evaluated.curve("net", "cam")
    assert list(curve.columns) == ["split", "contours", "delta", "threshold", "box_acc_percent"]
    assert len(curve) == 2 * 2 * 3 * 20
    assert sorted(curve["threshold"].unique()) == pytest.approx(np.arange(20) * 0.05)
    assert curve["threshold"].astype(str).str.len().max() == 4  # 0.15, not 0.15000000000000002
    part = curve[(curve["split"] == "val") & (curve["contours"] == "all") & (curve["delta"] == 0.3)]
    expected = 100 * (evaluated.expected_ious("cam", "val", "all") >= 0.3).mean(axis=0)
    assert part["box_acc_percent"].tolist() == pytest.approx(expected.tolist())


def test_images_hold_the_chosen_box_in_original_pixels(evaluated: Run):
    images, rows = evaluated.images("net", "cam"), evaluated.rows("test")
    columns = ["image_id", "label", "predicted", "iou", "x0", "y0", "x1", "y1", "correct", "class_correct"]
    assert list(images.columns) == columns
    assert images["image_id"].tolist() == rows["image_id"].tolist()
    assert images["label"].tolist() == rows["label"].tolist()
    ranked = evaluated.predictions.set_index("image_id")["top5_class"]
    assert images["predicted"].tolist() == [ranked[i][0] for i in images["image_id"]]
    assert (images["class_correct"] == (images["predicted"] == images["label"])).all()
    ious = evaluated.expected_ious("cam", "test")
    np.testing.assert_array_equal(images["iou"], ious[:, max_box_acc(ious)[1]])
    assert images["correct"].tolist() == (images["iou"] >= 0.5).tolist()
    # The box in original pixels, back in map pixels, has the IoU that was scored.
    for row, boxes in zip(images.itertuples(), rows["boxes"], strict=True):
        scale = np.array([WIDTH, HEIGHT, WIDTH, HEIGHT]) / SIZE
        box = np.array([row.x0, row.y0, row.x1, row.y1]) / scale
        np.testing.assert_array_equal(box, box.round())
        x0, y0, x1, y1 = scale_boxes(np.array(boxes), WIDTH, HEIGHT, SIZE)[0]
        shared = max(0, min(box[2], x1) - max(box[0], x0) + 1) * max(0, min(box[3], y1) - max(box[1], y0) + 1)
        union = (box[2] - box[0] + 1) * (box[3] - box[1] + 1) + (x1 - x0 + 1) * (y1 - y0 + 1) - shared
        assert row.iou == shared / union


def test_the_same_run_gives_the_same_bytes(evaluated: Run):
    folder = evaluated.paths.evaluation("net", "cam")
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert sorted(first) == ["curve.csv", "images.parquet", "metrics.json"]
    evaluate_model(evaluated.experiment, "net", evaluated.paths)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


def test_baselines_have_no_class_figures(run: Run):
    evaluate_baselines(run.experiment, run.paths)
    for method in ("whole-image", "centre-gaussian"):
        metrics, images = run.metrics("baseline", method), run.images("baseline", method)
        assert (metrics["model"], metrics["method"]) == ("baseline", method)
        assert [metrics["figures"][name] for name in ("top1", "top5", "top1_loc")] == [None, None, None]
        assert metrics["figures"]["max_box_acc"]["unit"] == "percent"
        assert images["predicted"].isna().all() and images["class_correct"].isna().all()
        assert len(run.curve("baseline", method)) == 2 * 2 * 3 * 20
    whole = run.images("baseline", "whole-image")
    pixel = np.array([WIDTH, HEIGHT]) / SIZE
    np.testing.assert_array_equal(whole[["x1", "y1"]], np.tile([WIDTH, HEIGHT] - pixel, (12, 1)))
    boxes = np.concatenate([np.array(boxes) for boxes in run.rows("test")["boxes"]])
    x0, y0, x1, y1 = scale_boxes(boxes, WIDTH, HEIGHT, SIZE).T
    np.testing.assert_array_equal(whole["iou"], (x1 - x0 + 1) * (y1 - y0 + 1) / SIZE**2)


def test_maps_without_evidence_give_no_box(run: Run):
    run.maps["cam"][:] = 0
    run.write()
    evaluate_model(run.experiment, "net", run.paths)
    images = run.images("net", "cam")
    assert (images[["x0", "y0", "x1", "y1"]] == 0).all(axis=None) and not images["correct"].any()
    assert run.metrics("net", "cam")["figures"]["max_box_acc"]["value"] == 0


def test_an_unfinite_map_stops_the_stage_before_it_writes(run: Run):
    position = int(np.flatnonzero(run.maps["split"] == "val")[0])
    run.maps["cam"][position, 2, 3] = np.nan
    run.write()
    with pytest.raises(UserError, match=rf"maps.npz: the 'cam' map of image '{run.maps['image_id'][position]}'"):
        evaluate_model(run.experiment, "net", run.paths)
    assert not run.paths.evaluation("net", "cam").exists()


def test_an_unknown_model_is_refused(run: Run):
    with pytest.raises(UserError, match=r"no model 'nett'.*Did you mean 'net'"):
        evaluate_model(run.experiment, "nett", run.paths)


def test_the_grid_of_thresholds_is_that_of_wsolevaluation():
    assert threshold_grid(0.001).tolist() == np.arange(0, 1, 0.001).tolist()
    assert len(threshold_grid(0.001)) == 1000 and len(threshold_grid(0.01)) == 100
    for parts in range(2, 200):
        grid = threshold_grid(1 / parts)
        assert len(grid) >= parts and grid[-1] < 1


def test_the_evaluation_never_imports_torch():
    code = "import sys, camagain.evaluation.evaluate; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
