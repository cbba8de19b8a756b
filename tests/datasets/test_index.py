"""The index: what is written comes back, and what no experiment can use is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from camagain.datasets.index import (
    check_index,
    fingerprints,
    image_path,
    read_index,
    spread_evenly,
    write_index,
)
from camagain.datasets.parts import Part
from camagain.errors import UserError


def table(folder: Path) -> pd.DataFrame:
    """Four images of two classes, in an order that is not the index's."""
    rows = []
    for number, split in ((4, "test"), (3, "val"), (2, "train"), (1, "train")):
        Image.new("RGB", (8, 6), (number, 0, 0)).save(folder / f"{number}.png")
        rows.append(
            {
                "image_id": str(number),
                "path": f"{number}.png",
                "label": number % 2,
                "class_name": f"class {number % 2}",
                "split": split,
                "width": 8,
                "height": 6,
                "boxes": [[1.0, 1.0, 4.0, 5.5]] * number,
                "mask_path": None,
            }
        )
    return pd.DataFrame(rows)


def test_what_is_written_comes_back_ordered(tmp_path: Path):
    write_index(tmp_path / "index.parquet", table(tmp_path))
    index = read_index(tmp_path / "index.parquet")
    assert index["image_id"].tolist() == ["1", "2", "3", "4"]
    assert read_index(tmp_path / "index.parquet", "val")["image_id"].to_dict() == {0: "3"}
    nothing = read_index(tmp_path / "index.parquet", "none")
    assert nothing.empty and nothing.dtypes.equals(index.dtypes)
    assert index["boxes"][2].shape == (3, 4)
    np.testing.assert_array_equal(index["boxes"][0], [[1.0, 1.0, 4.0, 5.5]])


EYE, TAIL = Part("left eye", 2.5, 3.0), Part("tail", 4.0, 5.25, (3.0, 4.0, 6.0, 6.0))


@pytest.mark.parametrize("parts", [[None, (), (EYE, TAIL), (TAIL,)], [(EYE,)] * 4, [()] * 4], ids=str)
def test_parts_come_back_where_they_are_known(tmp_path: Path, parts: list):
    path, index = tmp_path / "index.parquet", table(tmp_path)
    write_index(path, index.assign(parts=parts))
    found = read_index(path)
    assert found["parts"].tolist() == parts[::-1]
    write_index(path, found)
    assert read_index(path)["parts"].tolist() == parts[::-1], "what was read can be written"


def test_an_index_of_an_earlier_version_knows_no_such_parts_and_has_the_same_fingerprint(tmp_path: Path):
    path, index = tmp_path / "index.parquet", table(tmp_path)
    write_index(path, index.assign(parts=[(TAIL,)] * 4))
    digest = fingerprints(path)["all"]
    pd.read_parquet(path).drop(columns=["parts", "ignore_path"]).to_parquet(path)
    earlier = read_index(path)
    assert earlier["parts"].tolist() == [None] * 4 and earlier["ignore_path"].isna().all()
    assert fingerprints(path)["all"] == digest


@pytest.mark.parametrize(
    ("column", "values", "says"),
    [
        ("image_id", ["1", "2", "2", "3"], "image id '2' occurs more than once"),
        ("label", [0, 2, 2, 0], r"labels are .*; expected contiguous numbers from 0"),
        ("split", ["train", "train", "val", "val"], "no image in the test split"),
    ],
)
def test_an_unusable_index_is_refused_and_not_written(tmp_path: Path, column: str, values: list, says: str):
    broken = table(tmp_path).assign(**{column: values})
    with pytest.raises(UserError, match=says):
        check_index(broken, "here")
    with pytest.raises(UserError):
        write_index(tmp_path / "index.parquet", broken)
    assert not (tmp_path / "index.parquet").exists()


def test_a_damaged_or_foreign_file_is_named(tmp_path: Path):
    path = tmp_path / "index.parquet"
    with pytest.raises(UserError, match=r"index\.parquet: no such file"):
        read_index(path)
    path.write_bytes(b"PAR1 but not really")
    with pytest.raises(UserError, match="not a readable Parquet table"):
        read_index(path)
    pd.DataFrame({"image_id": ["1"]}).to_parquet(path)
    with pytest.raises(UserError, match=r"the columns .* are missing"):
        read_index(path)


def test_paths_are_relative_to_the_index_or_absolute(tmp_path: Path):
    assert image_path(tmp_path / "data" / "index.parquet", "images/a.png") == tmp_path / "data" / "images" / "a.png"
    assert image_path(tmp_path / "data" / "index.parquet", "/elsewhere/a.png") == Path("/elsewhere/a.png")


def test_rows_are_spread_evenly():
    table = pd.DataFrame({"image_id": range(20)})
    assert spread_evenly(table, 4)["image_id"].tolist() == [2, 7, 12, 17]
    assert spread_evenly(table, 1)["image_id"].tolist() == [10]
    assert spread_evenly(table, 20).equals(table) and spread_evenly(table, 50).equals(table)
    assert [len(spread_evenly(table, count).drop_duplicates()) for count in range(1, 21)] == list(range(1, 21))
    assert spread_evenly(table[:0], 3).empty


def test_each_split_has_a_fingerprint_of_its_own(tmp_path: Path):
    index = table(tmp_path)
    write_index(tmp_path / "index.parquet", index)
    before = fingerprints(tmp_path / "index.parquet")
    name = index.loc[index["split"] == "train", "path"].iloc[0]
    Image.new("RGB", (8, 6), (9, 9, 9)).save(tmp_path / name)
    after = fingerprints(tmp_path / "index.parquet")
    assert {split for split in before if before[split] != after[split]} == {"all", "train"}


def test_the_fingerprint_follows_content_and_not_place(tmp_path: Path):
    digests = []
    for name in ("a", "b", "c", "d"):
        folder = tmp_path / name
        folder.mkdir()
        index = table(folder)
        if name == "b":
            index["path"] = [str(folder / path) for path in index["path"]]  # the same images by absolute path
        if name == "c":
            Image.new("RGB", (8, 6), (9, 9, 9)).save(folder / "1.png")
        if name == "d":
            index["boxes"] = [[[1.0, 1.0, 4.0, 5.0]]] * 4
        write_index(folder / "index.parquet", index)
        digests.append(fingerprints(folder / "index.parquet")["all"])
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_labels_of_a_sample_lie_among_all_classes(tmp_path: Path):
    sample = table(tmp_path).assign(label=[0, 2, 2, 9])
    check_index(sample, "here", classes=10)
    with pytest.raises(UserError, match="labels are 0 to 9; expected 0 to 8"):
        check_index(sample, "here", classes=9)
