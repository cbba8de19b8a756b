"""Scores of anybody's maps: equal to a run's, and every way in which two files do not fit is said in words."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from camagain.config import Evaluation
from camagain.datasets.index import read_index
from camagain.errors import UserError
from camagain.evaluation.own import in_words, score, score_file, settings_of

SMALL = Evaluation(size=32, threshold_step=0.1, bootstrap=100)


def blob(x0: int, y0: int, x1: int, y1: int, width: int = 24, height: int = 16) -> np.ndarray:
    values = np.zeros((height, width), np.float32)
    values[y0 : y1 + 1, x0 : x1 + 1] = 1
    return values


MAPS = {"a/1.jpg": blob(2, 2, 9, 9), "b": blob(12, 4, 20, 12), "003": blob(0, 0, 5, 5)}
ROWS = [
    {"image_id": "a/1.jpg", "x0": 2, "y0": 2, "x1": 9, "y1": 9},
    {"image_id": "003", "x0": 10, "y0": 8, "x1": 20, "y1": 14},
    {"image_id": "b", "x0": 0, "y0": 0, "x1": 3, "y1": 3},
    {"image_id": "b", "x0": 12, "y0": 4, "x1": 20, "y1": 12},
]
TABLE = pd.DataFrame([row | {"width": 24, "height": 16} for row in ROWS])


@pytest.fixture
def files(tmp_path: Path):
    """Writes maps and boxes and gives their paths."""

    def write(maps: dict, table: pd.DataFrame = TABLE) -> tuple[Path, Path]:
        np.savez(tmp_path / "maps.npz", **maps)
        table.to_csv(tmp_path / "boxes.csv", index=False)
        return tmp_path / "maps.npz", tmp_path / "boxes.csv"

    return write


def stacked(maps: dict[str, np.ndarray] = MAPS) -> dict[str, np.ndarray]:
    return {"image_id": np.array(list(maps)), "mine": np.stack(list(maps.values()))}


@pytest.mark.parametrize("maps", [MAPS, stacked()], ids=["an array for each image", "one array"])
def test_both_layouts_of_a_file_are_scored_alike(files, maps: dict):
    (name, found), = score_file(*files(maps), SMALL).items()  # fmt: skip
    assert name == ("mine" if "mine" in maps else "maps")
    assert found.scores["max_box_acc"]["value"] == pytest.approx(200 / 3)  # the third map is elsewhere
    assert found.scores.keys() == {"max_box_acc", "max_box_acc_v2"}
    assert found.images["image_id"].tolist() == ["a/1.jpg", "003", "b"], "the order of the table"
    images = found.images.set_index("image_id")
    assert images.loc["003", "iou"] < 0.1 < 0.5 < images.loc["a/1.jpg", "iou"]
    box = images.loc["b", ["x0", "y0", "x1", "y1"]].to_numpy(float)
    assert box == pytest.approx([12, 4, 20, 12], abs=2)


def test_arrays_are_scored_as_files_are(files):
    boxes = [own[["x0", "y0", "x1", "y1"]].to_numpy() for _, own in TABLE.groupby("image_id", sort=False)]
    ids = TABLE["image_id"].drop_duplicates()
    from_arrays = score([MAPS[i] for i in ids], boxes, settings=SMALL)
    from_file = score_file(*files(MAPS), SMALL)["maps"]
    assert from_arrays.scores == from_file.scores
    assert score([MAPS[i] for i in ids], boxes, [(24, 16)] * 3, settings=SMALL).scores == from_file.scores
    for faulty, says in (({"boxes": boxes[:2]}, "boxes: found 2, expected 3"), ({"sizes": [(1, 1)]}, "sizes: found 1")):
        with pytest.raises(ValueError, match=says):
            score(**{"maps": [MAPS[i] for i in ids], "boxes": boxes, "settings": SMALL} | faulty)


def test_a_run_is_scored_as_its_own_stage_scores_it(tiny_run, tmp_path: Path):
    experiment, paths = tiny_run
    arrays = dict(np.load(paths.maps("small-resnet")))
    described = {"cam": arrays["cam.described"], **{key: arrays[key] for key in ("image_id", "split")}}
    np.savez(tmp_path / "cam.npz", **described)
    settings = experiment.evaluation
    from_index = score_file(tmp_path / "cam.npz", paths.index, settings)["cam"].scores
    index = read_index(paths.index)
    rows = [
        {"image_id": r.image_id, "split": r.split, "width": r.width, "height": r.height, "mask": r.mask_path,
         **dict(zip(("x0", "y0", "x1", "y1"), box, strict=True))}
        for r in index[index["split"] != "train"].itertuples() for box in r.boxes
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(paths.index.with_name("own.csv"), index=False)
    try:
        from_csv = score_file(tmp_path / "cam.npz", paths.index.with_name("own.csv"), settings)["cam"].scores
    finally:
        paths.index.with_name("own.csv").unlink()
    assert from_csv == from_index
    stage = json.loads(paths.metrics("small-resnet", "cam").read_text())["figures"]
    choices = pd.read_csv(paths.choices("small-resnet", "cam"))
    row = choices[(choices["changed"] == "variant: published → described") & (choices["figure"] == "max_box_acc")]
    assert from_index["max_box_acc"]["value"] == pytest.approx(row["value_percent"].item())
    assert {key for key, value in stage.items() if value} >= from_index.keys() >= {"pxap", "max_box_acc_val_threshold"}


def test_masks_give_pxap(files, tmp_path: Path):
    for name, values in MAPS.items():
        Image.fromarray((values * 255).astype(np.uint8)).save(tmp_path / f"{name.replace('/', '-')}.png")
    table = TABLE.assign(mask=[f"{name.replace('/', '-')}.png" for name in TABLE["image_id"]])
    found = score_file(*files(MAPS, table), Evaluation(size=24, bootstrap=100))["maps"]
    assert found.scores["pxap"]["value"] > 95
    some = table.assign(mask=table["mask"].where(table["image_id"] != "b", ""))
    assert "not measured" in in_words(score_file(*files(MAPS, some), SMALL), SMALL)
    assert "not measured" in in_words(score_file(*files(MAPS), SMALL), SMALL)
    with pytest.raises(UserError, match=r"gone\.png: no such mask"):
        score_file(*files(MAPS, table.assign(mask="gone.png")), SMALL)


@pytest.mark.parametrize(
    ("maps", "says"),
    [
        (stacked() | {"mine": np.zeros((2, 4, 4))}, r"'mine' has shape \(2, 4, 4\) beside 3 image ids"),
        (stacked() | {"mine": np.zeros((3, 4))}, r"'mine' has shape \(3, 4\)"),
        ({"image_id": np.array(["a"])}, "holds `image_id` and no maps"),
        (MAPS | {"b": np.zeros((1, 4, 4))}, r"image 'b' in 'maps': found float64 of shape \(1, 4, 4\), expected num"),
        (MAPS | {"b": np.array([["x"]])}, r"expected numbers \(h, w\)"),
        (MAPS | {"b": np.full((4, 4), np.nan)}, "16 of its values are NaN"),
        ({"b": MAPS["b"]}, "nothing for image 'a/1.jpg' .*2 of 3 images are missing.*Give both files the same images"),
        (MAPS | {"c": MAPS["b"]}, "holds image 'c' in the test split, which the index has not"),
        (MAPS | {"b": np.array([None])}, "not a readable npz"),
    ],
)
def test_maps_that_do_not_fit_are_refused(files, maps: dict, says: str):
    with pytest.raises(UserError, match=says):
        score_file(*files(maps), SMALL)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (TABLE.rename(columns={"width": "Width"}), r"columns \['width'\] are missing.*Did you mean 'Width'"),
        (TABLE.assign(x0=["1", "2", "left", "4"]), "boxes.csv, line 4: x0 is 'left'; expected a number"),
        (TABLE.assign(x1=1), "line 2: corners are x0 <= x1"),
        (TABLE.assign(x0=30, x1=40), "line 2: the box begins outside its image"),
        (TABLE.assign(width=0), "at least one pixel"),
        (TABLE.assign(x0=0.1, x1=0.4, y0=0.1, y1=0.3), "pixels of the image, not shares"),
        (TABLE.assign(width=[24, 24, 24, 25]), "more than one width"),
        (TABLE.assign(split="train"), "neither `val` nor `test`"),
        (TABLE.assign(split="val"), "no image in the split `test`"),
        (TABLE.iloc[:0], "no row"),
    ],
)
def test_boxes_that_cannot_be_are_refused(files, table: pd.DataFrame, says: str):
    with pytest.raises(UserError, match=says):
        score_file(*files(MAPS, table), SMALL)


def test_the_command_says_and_writes_the_scores(files, tools: Path, tmp_path: Path):
    maps, boxes = files(MAPS)
    out = ("--json", str(tmp_path / "s.json"), "--images", str(tmp_path / "i.csv"))
    command = [
        str(tools / "camagain"),
        "score",
        str(maps),
        "--boxes",
        str(boxes),
        "--size",
        "32",
        "--step",
        "0.1",
        *out,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "MaxBoxAcc" in done.stdout and "66.7 [" in done.stdout
    written = json.loads((tmp_path / "s.json").read_text())["maps"]["max_box_acc"]
    assert written["value"] == pytest.approx(200 / 3)
    assert pd.read_csv(tmp_path / "i.csv", dtype={"image_id": str})["image_id"].tolist() == ["a/1.jpg", "003", "b"]
    refused = subprocess.run([*command, "--interpolation", "area"], capture_output=True, text=True, timeout=300)
    assert refused.returncode == 2 and "interpolation: found 'area'" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_settings_of_a_command_are_those_of_an_experiment():
    assert settings_of(224, "linear", 0.001) == Evaluation()
