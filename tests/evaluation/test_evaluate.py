"""The evaluation stage on a tiny made-up run: what it writes, and what it refuses."""

import subprocess
import sys

import numpy as np
import pytest

from camagain.errors import UserError
from camagain.evaluation.evaluate import evaluate_baselines, evaluate_model
from camagain.evaluation.metrics import max_box_acc, max_box_acc_v2
from camagain.evaluation.score_maps import scale_boxes
from camagain.evaluation.scored import threshold_grid
from camagain.stages import stage_view

SIZE, WIDTH, HEIGHT = 32, 64, 48
"""Of the run in conftest.py."""


def test_metrics_say_what_they_are(evaluated):
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
        "tap": "before-norm",
        "precision": "float32",
    }
    assert metrics["constant_maps"] == {"val": 0, "test": 0}
    for figure in filter(None, metrics["figures"].values()):
        assert figure["unit"] == "percent"
        assert 0 <= figure["low"] <= figure["value"] <= figure["high"] <= 100


@pytest.mark.parametrize("method", ["cam", "cam-gt"])
def test_box_figures(evaluated, method: str):
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
    chosen_v2 = [max_box_acc(evaluated.expected_ious(method, "val", "all"), delta)[1] for delta in (0.3, 0.5, 0.7)]
    shares = [100 * np.mean(every[:, i] >= delta) for i, delta in zip(chosen_v2, (0.3, 0.5, 0.7), strict=True)]
    assert figures["max_box_acc_v2_val_threshold"]["value"] == pytest.approx(np.mean(shares))
    at_val = figures["max_box_acc_val_threshold"]
    assert at_val["threshold"] == pytest.approx(0.05 * chosen)
    assert at_val["value"] == 100 * np.mean(test[:, chosen] >= 0.5) <= value


def test_the_made_up_run_tells_the_figures_apart(evaluated):
    """Otherwise the tests above could not fail: val and test choose different thresholds, and some boxes are right."""
    figures = evaluated.metrics("net", "cam")["figures"]
    assert figures["max_box_acc"]["threshold"] != figures["max_box_acc_val_threshold"]["threshold"]
    assert 0 < figures["top1_loc"]["value"] < figures["max_box_acc"]["value"] < 100
    largest, every = (evaluated.expected_ious("cam-gt", "test", contours) for contours in ("largest", "all"))
    assert max_box_acc_v2(largest) < max_box_acc_v2(every)


def test_class_figures(evaluated):
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
    chosen = max_box_acc(evaluated.expected_ious("cam", "val"))[1]
    assert figures["top1_loc_val_threshold"]["value"] == pytest.approx(100 * ((ious[:, chosen] >= 0.5) & right).mean())
    assert [figures[name] for name in ("top5_loc", "gt_known_loc", "top5_loc_val_threshold")] == [None, None, None]


def test_figures_of_the_true_class(evaluated):
    """With three classes the true one is always among the five best, so Top-5 Loc is GT-known Loc is MaxBoxAcc."""
    figures = evaluated.metrics("net", "cam-gt")["figures"]
    for suffix in ("", "_val_threshold"):
        values = [figures[f"{name}{suffix}"] for name in ("max_box_acc", "gt_known_loc", "top5_loc")]
        assert len({(figure["value"], figure["threshold"]) for figure in values}) == 1


def test_correct_npz_holds_every_decision_as_bits(evaluated):
    with np.load(evaluated.paths.evaluation("net", "cam") / "correct.npz") as arrays:
        assert arrays["image_id"].tolist() == evaluated.rows("test")["image_id"].tolist()
        assert arrays["threshold"].tolist() == threshold_grid(0.05).tolist()
        for contours in ("largest", "all"):
            ious = evaluated.expected_ious("cam", "test", contours)
            for delta in (0.3, 0.5, 0.7):
                found = np.unpackbits(arrays[f"{contours}-{delta}"], axis=1, count=20).astype(bool)
                np.testing.assert_array_equal(found, ious >= delta)


def test_curve_holds_every_accuracy(evaluated):
    curve = evaluated.curve("net", "cam")
    assert list(curve.columns) == ["split", "contours", "delta", "threshold", "box_acc_percent"]
    assert len(curve) == 2 * 2 * 3 * 20
    assert sorted(curve["threshold"].unique()) == pytest.approx(np.arange(20) * 0.05)
    assert curve["threshold"].astype(str).str.len().max() == 4  # 0.15, not 0.15000000000000002
    part = curve[(curve["split"] == "val") & (curve["contours"] == "all") & (curve["delta"] == 0.3)]
    expected = 100 * (evaluated.expected_ious("cam", "val", "all") >= 0.3).mean(axis=0)
    assert part["box_acc_percent"].tolist() == pytest.approx(expected.tolist())


def test_images_hold_the_chosen_box_in_original_pixels(evaluated):
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


def test_the_same_run_gives_the_same_bytes_in_two_processes(evaluated, monkeypatch):
    folder = evaluated.paths.evaluation("net", "cam")
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert sorted(first) == ["choices.csv", "correct.npz", "curve.csv", "images.parquet", "metrics.json"]
    monkeypatch.setattr("camagain.evaluation.workers.PIXELS_EACH", 1)
    evaluate_model(evaluated.experiment, "net", evaluated.paths)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


def test_baselines_have_no_class_figures(run):
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


def test_maps_without_evidence_give_no_box_and_are_counted(run, capsys):
    run.maps["cam"][:] = 0
    run.write()
    evaluate_model(run.experiment, "net", run.paths)
    images = run.images("net", "cam")
    assert (images[["x0", "y0", "x1", "y1"]] == 0).all(axis=None) and not images["correct"].any()
    metrics = run.metrics("net", "cam")
    assert metrics["figures"]["max_box_acc"]["value"] == 0
    assert metrics["constant_maps"] == {"val": 4, "test": 12}
    assert "warning: net: 12 of 12 'cam' maps of test are constant" in capsys.readouterr().out


def test_an_unfinite_map_stops_the_stage_before_it_writes(run):
    position = int(np.flatnonzero(run.maps["split"] == "val")[0])
    run.maps["cam"][position, 2, 3] = np.nan
    run.write()
    with pytest.raises(UserError, match=rf"maps.npz: the 'cam' map of image '{run.maps['image_id'][position]}'"):
        evaluate_model(run.experiment, "net", run.paths)
    assert not run.paths.evaluation("net", "cam").exists()


def test_an_unknown_model_is_refused(run):
    with pytest.raises(UserError, match=r"no model 'nett'.*Did you mean 'net'"):
        stage_view(run.experiment, "evaluate", "nett")


def test_the_grid_of_thresholds_is_that_of_wsolevaluation():
    assert threshold_grid(0.001).tolist() == np.arange(0, 1, 0.001).tolist()
    assert len(threshold_grid(0.001)) == 1000 and len(threshold_grid(0.01)) == 100
    for parts in range(2, 200):
        grid = threshold_grid(1 / parts)
        assert len(grid) >= parts and grid[-1] < 1


def test_the_evaluation_never_imports_torch():
    code = "import sys, camagain.evaluation.evaluate; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_without_val_no_threshold_is_chosen_there(run):
    evaluate_model(run.experiment, "net", run.paths)
    with_val = run.metrics("net", "cam")["figures"]
    run.index = run.index[run.index["split"] == "test"]
    run.write()
    evaluate_model(run.experiment, "net", run.paths)
    found = run.metrics("net", "cam")
    assert found["images"] == {"test": 12}
    chosen = {name for name in with_val if name.endswith("_val_threshold")}
    assert chosen and all(found["figures"][name] is None for name in chosen)
    assert {name: found["figures"][name] for name in with_val.keys() - chosen} == {
        name: with_val[name] for name in with_val.keys() - chosen
    }
    assert set(run.curve("net", "cam")["split"]) == {"test"}
