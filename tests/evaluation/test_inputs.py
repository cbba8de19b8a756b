"""What the evaluation refuses: maps and predictions that do not fit the index, each fault with its image and file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from camagain.artifacts import INSIDE, write_json, write_npz, write_parquet
from camagain.datasets.index import write_index
from camagain.errors import UserError
from camagain.evaluation.inputs import Truth, read_maps, read_predictions, read_regions, read_truths

IDS = {"val": ["v/0.jpg", "v/1.jpg"], "test": ["t/0.jpg", "t/1.jpg", "t/2.jpg"]}
TRUTHS = {
    split: Truth(
        classes=7,
        image_id=ids,
        label=np.arange(len(ids)),
        width=np.full(len(ids), 60),
        height=np.full(len(ids), 40),
        boxes=[np.array([[1, 1, 5, 5]])] * len(ids),
        masks=None,
    )
    for split, ids in IDS.items()
}


@pytest.fixture
def maps() -> dict[str, np.ndarray]:
    """Stored in another order than the index's; map i of the file is i everywhere."""
    order = ["t/2.jpg", "v/1.jpg", "t/0.jpg", "v/0.jpg", "t/1.jpg", "x/0.jpg"]
    splits = ["test", "val", "test", "val", "test", "train"]
    scores = np.arange(6, dtype=np.float32)[:, None, None] * np.ones((1, 2, 3), dtype=np.float32)
    return {"image_id": np.array(order), "split": np.array(splits), "cam": scores, "cam-gt": scores + 10}


@pytest.fixture
def predictions() -> pd.DataFrame:
    """Label 0 ranked first, label 1 fifth, label 2 sixth; two images of another split with ids of their own."""
    ranked = [[0, 1, 2, 3, 4, 5], [3, 4, 5, 6, 1, 0], [0, 1, 3, 4, 5, 2]]
    return pd.DataFrame(
        {
            "image_id": [*IDS["test"], *IDS["val"]],
            "split": ["test"] * 3 + ["val"] * 2,
            "label": [0, 1, 2, 0, 1],
            "top5_class": [*ranked, [6], [6]],
            "top5_score": [[0.1]] * 5,
        }
    ).iloc[[4, 2, 0, 3, 1]]


def refuses_maps(folder: Path, maps: dict[str, np.ndarray], *parts: str) -> None:
    write_npz(folder / "maps.npz", **maps)
    with pytest.raises(UserError) as error:
        read_maps(folder / "maps.npz", "cam", TRUTHS)
    for part in ("maps.npz", "camagain localize", *parts):
        assert part in str(error.value)


def refuses_predictions(folder: Path, predictions: pd.DataFrame, *parts: str) -> None:
    write_parquet(folder / "predictions.parquet", predictions)
    with pytest.raises(UserError) as error:
        read_predictions(folder / "predictions.parquet", TRUTHS["test"], "test")
    for part in ("predictions.parquet", *parts):
        assert part in str(error.value)


def test_maps_come_in_the_order_of_the_index(tmp_path: Path, maps: dict[str, np.ndarray]):
    write_npz(tmp_path / "maps.npz", **maps)
    found = read_maps(tmp_path / "maps.npz", "cam", TRUTHS)
    assert {split: array[:, 1, 2].tolist() for split, array in found.items()} == {"val": [3, 1], "test": [2, 4, 0]}
    assert found["test"].dtype == np.float32 and found["test"].shape == (3, 2, 3)
    assert read_maps(tmp_path / "maps.npz", "cam-gt", TRUTHS)["val"][0, 0, 0] == 13


def test_predictions_come_in_the_order_of_the_index(tmp_path: Path, predictions: pd.DataFrame):
    write_parquet(tmp_path / "predictions.parquet", predictions)
    found = read_predictions(tmp_path / "predictions.parquet", TRUTHS["test"], "test")
    assert found.predicted.tolist() == [0, 3, 0]
    assert found.top1.tolist() == [True, False, False]
    assert found.top5.tolist() == [True, True, False]


@pytest.mark.parametrize(("position", "image_id", "split"), [(3, "v/0.jpg", "val"), (4, "t/1.jpg", "test")])
def test_an_image_without_a_map_is_named(
    tmp_path: Path, maps: dict[str, np.ndarray], position: int, image_id: str, split: str
):
    maps = {name: np.delete(array, position, axis=0) for name, array in maps.items()}
    refuses_maps(tmp_path, maps, f"nothing for image '{image_id}' of the {split} split")


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_map_without_an_image_is_named(tmp_path: Path, maps: dict[str, np.ndarray], split: str):
    maps["split"] = np.array([*maps["split"][:5], split])
    refuses_maps(tmp_path, maps, f"'x/0.jpg' in the {split} split")


def test_a_map_in_the_wrong_split_is_named(tmp_path: Path, maps: dict[str, np.ndarray]):
    maps["split"][1] = "test"
    refuses_maps(tmp_path, maps, "'v/1.jpg' of the val split")


def test_a_map_given_twice_is_named(tmp_path: Path, maps: dict[str, np.ndarray]):
    maps = {name: np.concatenate([array, array[4:5]]) for name, array in maps.items()}
    refuses_maps(tmp_path, maps, "'t/1.jpg' of the test split occurs more than once")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_unfinite_map_is_named(tmp_path: Path, maps: dict[str, np.ndarray], value: float):
    maps["cam"][4, 1, 2] = value
    refuses_maps(tmp_path, maps, "the 'cam' map of image 't/1.jpg' (test split)", "NaN or infinity")


def test_maps_of_other_splits_and_methods_may_be_anything(tmp_path: Path, maps: dict[str, np.ndarray]):
    maps["cam"][5] = np.nan
    maps["cam-gt"][0] = np.nan
    write_npz(tmp_path / "maps.npz", **maps)
    read_maps(tmp_path / "maps.npz", "cam", TRUTHS)


def test_a_missing_method_is_named(tmp_path: Path, maps: dict[str, np.ndarray]):
    del maps["cam"]
    refuses_maps(tmp_path, maps, "'cam'", "['cam-gt']", "Did you mean 'cam-gt'?")


def test_maps_of_the_wrong_shape_are_refused(tmp_path: Path, maps: dict[str, np.ndarray]):
    refuses_maps(tmp_path, {**maps, "cam": maps["cam"][:, 0]}, "(6, 3)", "expected (6, h, w)")
    refuses_maps(tmp_path, {**maps, "cam": maps["cam"][:5]}, "(5, 2, 3)", "expected (6, h, w)")


def test_a_file_of_maps_without_ids_is_refused(tmp_path: Path, maps: dict[str, np.ndarray]):
    del maps["split"]
    refuses_maps(tmp_path, maps, "not a readable file of score maps")


def test_an_image_without_a_prediction_is_named(tmp_path: Path, predictions: pd.DataFrame):
    fewer = predictions[predictions["image_id"] != "t/2.jpg"]
    refuses_predictions(tmp_path, fewer, "nothing for image 't/2.jpg' of the test split (1 of 3 images are missing)")


def test_a_label_unlike_the_index_is_named(tmp_path: Path, predictions: pd.DataFrame):
    predictions.loc[predictions["image_id"] == "t/1.jpg", "label"] = 6
    refuses_predictions(tmp_path, predictions, "'t/1.jpg' has label 6, but 1 in the index")


def test_predictions_without_a_column_are_refused(tmp_path: Path, predictions: pd.DataFrame):
    refuses_predictions(tmp_path, predictions.drop(columns="top5_class"), "not a readable table", "top5_class")


@pytest.mark.parametrize("content", [None, b"", b"not what it should be"])
def test_missing_and_damaged_files_are_named(tmp_path: Path, content: bytes | None):
    maps, predictions = tmp_path / "maps.npz", tmp_path / "predictions.parquet"
    if content is not None:
        maps.write_bytes(content)
        predictions.write_bytes(content)
    with pytest.raises(UserError, match=r"maps\.npz"):
        read_maps(maps, "cam", TRUTHS)
    with pytest.raises(UserError, match=r"predictions\.parquet"):
        read_predictions(predictions, TRUTHS["test"], "test")


def test_the_truth_has_boxes_in_pixels_of_the_map_and_masks_only_where_all_are_there(tmp_path: Path):
    """An image of 200 x 100 pixels, on maps of 50 x 50: x is divided by 4, y by 2."""
    row = {"path": "p", "label": 0, "class_name": "a", "width": 200, "height": 100, "boxes": [[20, 30, 100, 90]]}
    splits = {"t0": "test", "t1": "test", "v0": "val", "r0": "train"}
    rows = [row | {"image_id": name, "split": split} for name, split in splits.items()]
    rows[1] |= {"label": 1, "class_name": "b", "boxes": [[0, 0, 7, 3], [196, 98, 199, 99]]}
    masks, ignored = ["t0.png", None, "v0.png", None], [None, None, "v0_ignore.png", None]
    index = pd.DataFrame(rows).assign(mask_path=masks, ignore_path=ignored)
    write_index(tmp_path / "index.parquet", index)
    write_json(tmp_path / INSIDE.description.name, {"classes": ["a", "b", "one that no image shows"]})
    truths = read_truths(tmp_path / "index.parquet", 50)
    assert [boxes.tolist() for boxes in truths["test"].boxes] == [[[5, 15, 25, 45]], [[0, 0, 1, 1], [49, 49, 49, 49]]]
    assert truths["test"].label.tolist() == [0, 1] and truths["test"].classes == truths["val"].classes == 3
    assert truths["test"].masks is None and read_regions(truths["test"], 50) is None
    assert truths["val"].masks == [(tmp_path / "v0.png", tmp_path / "v0_ignore.png")]


def test_a_mask_has_the_width_and_height_of_its_image_unless_it_comes_with_one_to_ignore(tmp_path: Path):
    Image.fromarray(np.full((4, 6), 255, np.uint8)).save(tmp_path / "mask.png")
    one = TRUTHS["val"].take(np.array([0]))
    alike = replace(one, width=np.array([6]), height=np.array([4]), masks=[(tmp_path / "mask.png", None)])
    assert next(read_regions(alike, 2)).tolist() == [[1, 1], [1, 1]]
    turned = replace(alike, width=np.array([4]), height=np.array([6]))
    with pytest.raises(UserError, match="has 6 x 4 pixels, but its image 4 x 6"):
        next(read_regions(turned, 2))
    both = replace(turned, masks=[(tmp_path / "mask.png", tmp_path / "mask.png")])
    assert next(read_regions(both, 2)).tolist() == [[1, 1], [1, 1]]
