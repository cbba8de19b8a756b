"""Table and figure of the analysis `texture`, for made-up numbers of the demo's networks."""

import dataclasses
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from camagain.analysis.texture import show
from camagain.analysis.texture.corruptions import corruptions_of
from camagain.analysis.texture.examples import examples
from camagain.artifacts import write_csv, write_json, write_npz
from camagain.config.file import load_experiment
from camagain.datasets.index import write_index
from camagain.drawing.render import TextTable
from camagain.drawing.results import RunResults

SIDE, IMAGES = 96, 5
LABELS = ["clean", "2 × 2", "4 × 4", "8 × 8", "3 px", "7 px", "13 px", "random phases", "grey"]
NOTE = "left out: 7 x 7 patches: 96 pixels cannot be divided by 7"


def text_of(results: RunResults) -> TextTable:
    """The table as people read it, made of the run's files as they are now."""
    fresh = dataclasses.replace(results)
    return show.text(fresh, show.numbers(fresh))


def made_up_table(top1: float) -> pd.DataFrame:
    """Every corruption costs one point more than the one before; means are 10 (shape) and 30 points (texture)."""
    rows = []
    for k, kind in enumerate(corruptions_of(SIDE, (2, 4, 8), (0.03, 0.08, 0.13))[0]):
        row = {"corruption": kind.name, "loses": kind.loses}
        row |= {"patches_per_side": kind.strength if kind.name == "patches" else np.nan}
        row |= {"window_px": kind.strength if kind.name == "median" else np.nan}
        for name in ("top1", "max_box_acc", "mass_in_box") if kind.keeps_places else ("top1",):
            value = top1 - k
            row |= {f"{name}_percent": value, f"{name}_low_percent": value - 2, f"{name}_high_percent": value + 1}
            row |= {f"{name}_control_percent": value + 5}
        rows.append(row)
    for name, loses, value in (
        ("mean", "shape", -10),
        ("mean", "texture", -30),
        ("contrast", "texture minus shape", -20),
    ):
        bounds = {"": value, "_low": value - 3, "_high": value + 4}
        change = {f"top1_change{bound}_points": number for bound, number in bounds.items()}
        rows.append({"corruption": name, "loses": loses, **change})
    made = pd.DataFrame(rows)
    for name in ("max_box_acc_change_points", "max_box_acc_change_low_points", "max_box_acc_change_high_points"):
        made[name] = np.nan
    return made


@pytest.fixture
def results(root: Path, tmp_path: Path) -> RunResults:
    """The demo's first two networks were measured; to the others the analysis does not apply."""
    experiment = load_experiment(root / "config" / "config.yaml")
    experiment = experiment.model_copy(update={"input": experiment.input.model_copy(update={"size": SIDE})})
    paths = experiment.paths(tmp_path / "results", tmp_path / "data")
    write_dataset(paths.dataset_dir, "synthbirds")
    for k, model in enumerate(experiment.models):
        write_json(paths.model(model.name) / "model.json", {})
        write_json(paths.localization(model.name) / "summary.json", {})
        for method in experiment.localization.methods:
            write_json(paths.evaluation(model.name, method) / "metrics.json", {})
        folder, applies = paths.analysis("texture", model.name), k < 2
        write_csv(folder / "table.csv", made_up_table(100 - 10 * k) if applies else made_up_table(0)[:0])
        about = {"images": IMAGES, "chance_percent": 20.0, "box_area_percent": 30.0, "notes": [NOTE] if k == 1 else []}
        reason = None if applies else "it has no linear head"
        write_json(folder / "status.json", {"applies": applies, "reason": reason, **(about if applies else {})})
    right = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [0, 1]], dtype=bool)
    bits = {"largest-0.5": np.packbits(right, axis=1), "threshold": np.array([0.0, 0.5])}
    write_npz(paths.evaluation("baseline", "centre-gaussian") / "correct.npz", **bits)
    return RunResults(experiment, paths)


def write_dataset(folder: Path, kind: str) -> None:
    """Images whose pixels grow from left to right; the box of the third is the largest."""
    folder.mkdir(parents=True, exist_ok=True)
    splits = {"train": 1, "val": 1, "test": IMAGES}
    rows = []
    for split, count in splits.items():
        for number in range(count):
            name, side = f"{split}{number}", 30 if number == 2 else 20
            pixels = np.full((SIDE, SIDE, 3), 40 * number, np.uint8)
            pixels[..., 1] = np.arange(SIDE)
            Image.fromarray(pixels).save(folder / f"{name}.png")
            box = [[5.0, 5.0, 5.0 + side, 5.0 + side]]
            rows.append((name, f"{name}.png", 0, "Bird", split, SIDE, SIDE, box, None))
    columns = ["image_id", "path", "label", "class_name", "split", "width", "height", "boxes", "mask_path"]
    write_index(folder / "index.parquet", pd.DataFrame(rows, columns=columns))
    write_json(folder / "dataset.json", {"kind": kind, "name": "birds", "splits": splits, "classes": ["Bird"]})


def test_the_text_has_a_column_for_each_corruption_and_two_rows_for_each_model(results):
    text = text_of(results)
    assert text.columns == ("Model", "", *LABELS, "shape lost", "texture lost", "difference")
    assert len(text.rows) == 4
    first, boxes = text.rows[:2]
    assert first[:5] == ("resnet_narrow", "Top-1", "100.0", "99.0", "98.0")
    assert first[-3:] == ("-10.0 [-13.0, -6.0]", "-30.0 [-33.0, -26.0]", "-20.0 [-23.0, -16.0]")
    assert boxes[:3] == ("", "MaxBoxAcc", "100.0") and boxes[9] == "–" and boxes[-3:] == ("–", "–", "–")
    assert "birds, 5 test images of 1 classes" in text.caption and "5 of these images, corrupted" in text.caption
    assert text.caption.endswith("Left out: 7 x 7 patches: 96 pixels cannot be divided by 7 (convnext_narrow).")


def test_a_model_whose_analysis_is_missing_is_left_out(results):
    (results.paths.analysis("texture", "resnet_narrow") / "status.json").unlink()
    text = text_of(results)
    assert [row[0] for row in text.rows] == ["convnext_narrow", ""] and text.caption.endswith("divided by 7.")
    page, data = show.figure(results)
    assert set(data["model"]) == {"convnext_narrow"}
    plt.close(page)


def test_numbers_leave_with_what_they_stand_on(results):
    numbers = show.numbers(results)
    assert (
        len(numbers) == 2 * (len(LABELS) + 3) and set(numbers["seed"]) == {0} and set(numbers["dataset"]) == {"birds"}
    )


def test_the_example_is_the_largest_object_as_the_networks_saw_it(results):
    pictures = examples(results)
    assert list(pictures) == LABELS
    assert (pictures["clean"][..., 0] == 80 / 255).all()  # the third image
    np.testing.assert_array_equal(np.sort(pictures["4 × 4"], axis=None), np.sort(pictures["clean"], axis=None))
    assert all(pixels.shape == (SIDE, SIDE, 3) for pixels in pictures.values())
    assert all(pixels.min() >= 0 and pixels.max() <= 1 for pixels in pictures.values())


def test_photographs_are_never_drawn(results):
    write_dataset(results.paths.dataset_dir, "cub-folder")
    fresh = RunResults(results.experiment, results.paths)
    assert examples(fresh) == {}
    page, _ = show.figure(fresh)
    assert not [image for axes in page.axes for image in axes.images]
    plt.close(page)


def test_the_figure_draws_every_value_in_its_column(results):
    page, data = show.figure(results)
    assert len(data) == 2 * (len(LABELS) + 3)
    top, *panels = page.axes[:4]
    ticks = dict(
        zip([label.get_text() for label in panels[-1].get_xticklabels()], panels[-1].get_xticks(), strict=True)
    )
    assert list(ticks) == LABELS and len(top.child_axes) == len(LABELS)
    for axes, count in zip(panels, (9, 8, 8), strict=True):
        solid = [line for line in axes.get_lines() if line.get_marker() == "o" and line.get_linestyle() != ":"]
        points = [point for line in solid for point in zip(*line.get_data(), strict=True)]
        assert len(points) == 2 * count
        for x, y in points:
            column = min(ticks, key=lambda label: abs(ticks[label] - x))
            assert y in (100 - LABELS.index(column), 90 - LABELS.index(column))
    assert [line.get_linestyle() for line in panels[0].get_lines()].count(":") == 0
    assert [line.get_linestyle() for line in panels[1].get_lines()].count(":") == 2
    plt.close(page)


def test_grey_lines_are_of_the_same_images(results):
    levels = {"top1": 20.0, "max_box_acc": 60.0, "mass_in_box": 30.0}
    assert show.without_looking(results) == levels
    status = results.paths.analysis("texture", "resnet_narrow") / "status.json"
    about = {"applies": True, "images": 3, "chance_percent": 20.0, "box_area_percent": 30.0, "notes": []}
    write_json(status, about)  # images 0, 2 and 4
    assert show.without_looking(dataclasses.replace(results))["max_box_acc"] == pytest.approx(200 / 3)


def test_without_any_model_the_reasons_are_drawn(results):
    for model in results.models:
        folder = results.paths.analysis("texture", model)
        write_csv(folder / "table.csv", made_up_table(0)[:0])
        write_json(folder / "status.json", {"applies": False, "reason": "it has no linear head"})
    page, data = show.figure(results)
    assert data["reason"].tolist() == ["it has no linear head"] * 4
    assert text_of(results).rows == ()
    plt.close(page)
