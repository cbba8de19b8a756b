"""wsolevaluation's layout: tiny folders computed by hand, every kind of bad input, real images and official boxes."""

import hashlib
import io
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from camagain.artifacts import read_json
from camagain.datasets.cub import corners
from camagain.datasets.index import check_index, fingerprints, image_path, read_index, write_index
from camagain.datasets.kinds.wsol_metadata import WsolMetadata
from camagain.datasets.needed import needed_files
from camagain.datasets.prepare import prepare_dataset
from camagain.datasets.text_tables import finite, read_table
from camagain.datasets.united_masks import tight_box, unite
from camagain.datasets.wsol_metadata import read_wsol_metadata
from camagain.errors import UserError
from camagain.evaluation.score_maps import scale_boxes

ROOT = Path(__file__).parents[2]
CUBV2 = ROOT.parent / "shared" / "data" / "cubv2_sample20"

IDS, LABELS, SIZES, PLACES = "image_ids.txt", "class_labels.txt", "image_sizes.txt", "localization.txt"


def write(folder: Path, name: str, lines: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(line + "\n" for line in lines))


def draw(path: Path, size: tuple[int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise(size, 80).convert("RGB").save(path)


def draw_mask(path: Path, size: tuple[int, int], *boxes: tuple[int, int, int, int], mode: str = "1") -> None:
    """A mask that is white inside boxes of inclusive corners."""
    pixels = np.zeros((size[1], size[0]), np.uint8)
    for x0, y0, x1, y1 in boxes:
        pixels[y0 : y1 + 1, x0 : x1 + 1] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).convert(mode).save(path)


def read(root: Path) -> pd.DataFrame:
    index, classes = read_wsol_metadata(root / "metadata", root / "images", root / "masks", root / "out")
    check_index(index, "test")
    assert dict(zip(index["label"], index["class_name"], strict=True)) == dict(enumerate(classes))
    return index


@pytest.fixture
def birds(tmp_path: Path) -> Path:
    """As CUB: in each split the 40 x 30 images <split>0.jpg of label 0 and <split>1.jpg of label 1, a box in each."""
    for split in ("train", "val", "test"):
        ids = [f"{folder}/{split}{label}.jpg" for label, folder in enumerate(("003.Tern", "007.Wren"))]
        for image_id in ids:
            draw(tmp_path / "images" / image_id, (40, 30))
        part = tmp_path / "metadata" / split
        write(part, IDS, ids)
        write(part, LABELS, [f"{image_id},{label}" for label, image_id in enumerate(ids)])
        write(part, SIZES, [f"{image_id},40,30" for image_id in ids])
        write(part, PLACES, [f"{image_id},{label},2,{label + 10},22" for label, image_id in enumerate(ids)])
    return tmp_path


@pytest.fixture
def things(tmp_path: Path) -> Path:
    """As OpenImages30k: masks of 20 x 16 pixels for images of 40 x 32, none for training, and no sizes.

    Image 0 of val and test has the instances x 2..5, y 3..6 and x 10..11, y 8..9, and a region to ignore that reaches
    over the first; image 1 is one instance with a region to ignore that is empty.
    """
    for split in ("train", "val", "test"):
        ids = [f"{split}/m{label}/a.jpg" for label in range(2)]
        part = tmp_path / "metadata" / split
        for image_id in ids:
            draw(tmp_path / "images" / image_id, (40, 32))
        write(part, IDS, ids)
        write(part, LABELS, [f"{image_id},{label}" for label, image_id in enumerate(ids)])
        write(part, SIZES, [])
        write(part, PLACES, [])
        if split != "train":
            masks = tmp_path / "masks" / split
            draw_mask(masks / "m0/a_1.png", (20, 16), (2, 3, 5, 6))
            draw_mask(masks / "m0/a_2.png", (20, 16), (10, 8, 11, 9))
            draw_mask(masks / "m0/a_ignore.png", (20, 16), (4, 3, 7, 6), mode="RGB")
            draw_mask(masks / "m1/a_1.png", (20, 16), (0, 0, 19, 15))
            draw_mask(masks / "m1/a_ignore.png", (20, 16), mode="RGBA")
            lines = [
                f"{ids[0]},{split}/m0/a_1.png,{split}/m0/a_ignore.png",
                f"{ids[0]},{split}/m0/a_2.png,",
                f"{ids[1]},{split}/m1/a_1.png,{split}/m1/a_ignore.png",
            ]
            write(part, PLACES, lines)
    return tmp_path


def test_boxes_sizes_and_names_of_a_tiny_folder_by_hand(birds: Path) -> None:
    index = read(birds)
    assert index["image_id"].tolist()[2:4] == ["003.Tern/val0.jpg", "007.Wren/val1.jpg"]
    assert index["path"].equals(index["image_id"])
    assert index["label"].tolist() == [0, 1] * 3
    assert index["class_name"].tolist() == ["003.Tern", "007.Wren"] * 3
    assert index["split"].tolist() == ["train"] * 2 + ["val"] * 2 + ["test"] * 2
    assert set(index["width"]) == {40} and set(index["height"]) == {30}
    assert index["boxes"].tolist() == [[[0, 2, 10, 22]], [[1, 2, 11, 22]]] * 3
    assert index[["mask_path", "ignore_path"]].isna().all(axis=None)


@pytest.fixture
def renamed(birds: Path) -> Path:
    """As ImageNetV2 is today: val lists val2/<label>/<number>.jpeg, files have digests for numbers, all other sizes."""
    ids = [f"val2/{label}/{number}.jpeg" for label in range(2) for number in range(2)]
    files = {image_id: f"{image_id[:7]}{hashlib.sha1(image_id.encode()).hexdigest()}.jpeg" for image_id in ids}
    for at, file in enumerate(files.values()):
        draw(birds / "images" / file, (40 + at, 30))
    part = birds / "metadata" / "val"
    write(part, IDS, ids)
    write(part, LABELS, [f"{image_id},{image_id[5]}" for image_id in ids])
    write(part, SIZES, [f"{image_id},{40 + at},30" for at, image_id in enumerate(ids)])
    write(part, PLACES, [f"{image_id},0,2,{10 + at},22" for at, image_id in enumerate(ids)])
    write(part, "mapping.txt", [f"{old[5:]}, {new[5:]}" for old, new in files.items()])
    return birds


def test_files_that_an_archive_calls_otherwise_are_found(renamed: Path) -> None:
    val = read(renamed).query("split == 'val'")
    assert val["image_id"].tolist() == [f"val2/{label}/{number}.jpeg" for label in range(2) for number in range(2)]
    assert [Path(path).stem for path in val["path"]] == [hashlib.sha1(i.encode()).hexdigest() for i in val["image_id"]]
    assert val["width"].tolist() == [40, 41, 42, 43]
    assert [boxes[0][2] for boxes in val["boxes"]] == [10, 11, 12, 13]
    kind = WsolMetadata(kind="wsol-metadata", name="x", path=renamed / "images", metadata=renamed / "metadata")
    assert all(file.is_there() for file in needed_files(kind, renamed))


def test_a_file_of_the_name_in_the_text_files_needs_no_mapping(renamed: Path) -> None:
    paths = {row.image_id: row.path for row in read(renamed).itertuples()}
    for image_id, path in paths.items():
        (renamed / "images" / path).rename(renamed / "images" / image_id)
    assert read(renamed)["path"].tolist() == [*paths]


def test_a_wrong_mapping_is_refused(renamed: Path) -> None:
    file = renamed / "metadata" / "val" / "mapping.txt"
    lines = file.read_text().splitlines()
    old, new = zip(*(line.split(", ") for line in lines), strict=True)
    wrong = {
        r"image val2/0/0\.jpeg has 40 x 30 pixels, but the file .*/val2/1/\w+\.jpeg 43 x 30": list(
            zip(old, new[::-1], strict=True)
        ),
        r"no line is of an image of image_ids\.txt, such as val2/0/0\.jpeg": [("7/9.jpeg", "7/a.jpeg")],
        r"the path '\.\./a\.jpeg' leads out": [(old[0], "../a.jpeg")],
        r"image 0/0\.jpeg occurs again": [(old[0], new[0]), (old[0], new[1])],
        r"1 fields instead of 2": [(old[0],)],
        r"no such image.*image val2/1/1\.jpeg.*mapping\.txt says how": list(zip(old, new, strict=True))[:3],
    }
    for says, pairs in wrong.items():
        write(file.parent, file.name, [", ".join(pair) for pair in pairs])
        with pytest.raises(UserError, match=says):
            read(renamed)


def test_windows_line_ends_bom_and_blank_lines_are_taken(birds: Path) -> None:
    expected = read(birds)
    for file in birds.rglob("*.txt"):
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    assert read(birds).equals(expected)


@pytest.mark.parametrize("absent", [Path.unlink, lambda file: file.write_text("")], ids=["missing", "empty"])
def test_training_needs_no_boxes_and_images_may_have_several(tmp_path: Path, absent: Callable[[Path], object]) -> None:
    """As ILSVRC: 11 classes, whose folders differ from split to split, and no sizes or boxes for training."""
    for split in ("train", "val", "test"):
        ids = [f"{split}/n{label}/{label}.jpg" if split == "train" else f"{split}/{label}.jpg" for label in range(11)]
        part = tmp_path / "metadata" / split
        for image_id in ids:
            draw(tmp_path / "images" / image_id, (9, 8))
        write(part, IDS, ids)
        write(part, LABELS, [f"{image_id},{label}" for label, image_id in enumerate(ids)])
        write(part, SIZES, [f"{image_id},9,8" for image_id in ids])
        write(part, PLACES, [*(f"{image_id},0,0,8,6" for image_id in ids), f"{ids[3]},1,2,3,4"])
    for name in (SIZES, PLACES):
        absent(tmp_path / "metadata" / "train" / name)

    out = tmp_path / "data"
    settings = WsolMetadata(kind="wsol-metadata", name="mine", path=tmp_path / "images", metadata=tmp_path / "metadata")
    prepare_dataset(settings, out)
    index = read_index(out / "index.parquet").set_index("image_id")
    assert index.loc["train/n3/3.jpg", "boxes"].shape == (0, 4)
    assert (index.loc["train/n3/3.jpg", "width"], index.loc["train/n3/3.jpg", "height"]) == (9, 8)
    assert index.loc["val/3.jpg", "boxes"].tolist() == [[0, 0, 8, 6], [1, 2, 3, 4]]
    assert index.loc["test/10.jpg", "class_name"] == "class-10" and index.loc["val/3.jpg", "class_name"] == "class-03"

    summary = read_json(out / "dataset.json")
    assert summary["splits"] == {"train": 11, "val": 11, "test": 11}
    assert summary["boxes"] == "given" and summary["source"] == "images"
    assert summary["val_per_class"] is None and summary["split_seed"] is None
    assert str(tmp_path) not in (out / "dataset.json").read_text()


def prepare_things(root: Path) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """The index of `things` by image id, and the pixels of its masks by their path in the index."""
    settings = WsolMetadata(
        kind="wsol-metadata", name="t", path=root / "images", metadata=root / "metadata", masks=root / "masks"
    )
    prepare_dataset(settings, root / "out")
    index = read_index(root / "out" / "index.parquet").set_index("image_id")
    paths = [*index["mask_path"].dropna(), *index["ignore_path"].dropna()]
    return index, {path: np.asarray(Image.open(image_path(root / "out" / "index.parquet", path))) for path in paths}


def test_instances_are_united_and_the_ignored_region_spares_them(things: Path) -> None:
    index, pixels = prepare_things(things)
    assert index.loc["train/m0/a.jpg", ["mask_path", "ignore_path"]].isna().all()
    row = index.loc["test/m0/a.jpg"]
    assert row.mask_path == "masks/object/test/m0/a.jpg.png" and row.ignore_path == "masks/ignore/test/m0/a.jpg.png"

    expected = np.zeros((16, 20), np.uint8)
    expected[3:7, 2:6] = expected[8:10, 10:12] = 255
    np.testing.assert_array_equal(pixels[row.mask_path], expected)
    expected[:] = 0
    expected[3:7, 6:8] = 255  # the region without its columns 4 and 5, which are the object's
    np.testing.assert_array_equal(pixels[row.ignore_path], expected)
    assert not pixels["masks/ignore/val/m1/a.jpg.png"].any()

    assert row.boxes.tolist() == [[4, 6, 22, 18]]  # x 2..11 and y 3..9 of the mask, which has half the image's size
    assert index.loc["val/m1/a.jpg", "boxes"].tolist() == [[0, 0, 38, 30]]
    assert read_json(things / "out" / "dataset.json")["boxes"] == "tight boxes of the masks"
    assert index["class_name"].tolist() == ["m0", "m1"] * 3


def test_an_index_without_a_box_to_score_is_refused(birds: Path) -> None:
    index = read(birds)
    for row, split in ((2, "val"), (5, "test")):
        with pytest.raises(UserError, match=rf"image '{index['image_id'][row]}' of the {split} split has no box \(1 "):
            check_index(index.assign(boxes=[[] if i == row else boxes for i, boxes in index["boxes"].items()]), "here")


def test_an_index_of_an_earlier_version_has_nothing_to_ignore(birds: Path) -> None:
    path = birds / "images" / "index.parquet"
    earlier = read(birds).drop(columns="ignore_path")
    earlier.to_parquet(path)
    before = fingerprints(path)["all"]
    assert read_index(path)["ignore_path"].isna().all()
    write_index(path, earlier)
    assert "ignore_path" in pd.read_parquet(path)
    assert fingerprints(path)["all"] == before


def test_masks_lie_beside_the_images_unless_told_otherwise(things: Path) -> None:
    settings = WsolMetadata(kind="wsol-metadata", name="t", path=things / "images", metadata=things / "metadata")
    with pytest.raises(UserError, match=r"images/val/m0/a_1\.png: no such mask"):
        prepare_dataset(settings, things / "out")
    shutil.copytree(things / "masks", things / "images", dirs_exist_ok=True)
    prepare_dataset(settings, things / "out")
    assert read_index(things / "out" / "index.parquet", "val")["ignore_path"].notna().all()


def test_the_fingerprint_follows_the_pixels_of_masks_and_not_their_compression(things: Path) -> None:
    index, _ = prepare_things(things)
    path = things / "out" / "index.parquet"
    before = fingerprints(path)["all"]
    for column in ("mask_path", "ignore_path"):
        mask = image_path(path, index.loc["val/m0/a.jpg", column])
        written = mask.read_bytes()
        image = Image.open(io.BytesIO(written))
        image.save(mask, compress_level=0)
        assert mask.read_bytes() != written
        assert fingerprints(path)["all"] == before
        image.point(lambda value: 255 - value).save(mask)
        assert fingerprints(path)["all"] != before
        mask.write_bytes(written)


def test_without_any_ignored_region_nothing_is_ignored(things: Path) -> None:
    for split in ("val", "test"):
        file = things / "metadata" / split / PLACES
        file.write_text("".join(line.rpartition(",")[0] + ",\n" for line in file.read_text().splitlines()))
    _, pixels = prepare_things(things)
    assert [path for path, values in pixels.items() if path.startswith("masks/ignore") and values.any()] == []
    assert pixels["masks/object/val/m0/a.jpg.png"].any()


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 300), st.integers(1, 300), st.integers(1, 4), st.integers(0, 2**32 - 1), st.sampled_from([7, 224])
)
def test_uniting_and_then_shrinking_is_shrinking_and_then_uniting(
    tmp_path_factory: pytest.TempPathFactory, width: int, height: int, count: int, seed: int, size: int
) -> None:
    """wsolevaluation shrinks every mask by cv2 and unites then; a mask is what lies above 0.5 of 255."""
    folder, rng = tmp_path_factory.mktemp("masks"), np.random.default_rng(seed)
    files = [folder / f"{i}.png" for i in range(count + 1)]
    for file in files:
        Image.fromarray((rng.random((height, width)) < 0.2).astype(np.uint8) * 255).save(file)

    def shrunk(values: np.ndarray) -> np.ndarray:
        return cv2.resize(np.float32(values), (size, size), interpolation=cv2.INTER_NEAREST) > 0.5

    *masks, ignore = [shrunk(cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)) for file in files]
    is_object, is_ignored = unite([("", file) for file in files[:-1]], ("", files[-1]))
    np.testing.assert_array_equal(shrunk(is_object * 255), np.any(masks, axis=0))
    np.testing.assert_array_equal(shrunk(is_ignored * 255), ignore & ~np.any(masks, axis=0))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_a_mask_of_any_mode_is_read_as_cv2_reads_it(tmp_path: Path, mode: str) -> None:
    file = tmp_path / "mask.png"
    grey = Image.fromarray(np.tile(np.array([0, 0, 1, 127, 255], np.uint8), (3, 1)))
    (grey.point(lambda value: 255 * (value > 0)) if mode in ("1", "P") else grey).convert(mode).save(file)
    is_object, _ = unite([("", file)], None)
    np.testing.assert_array_equal(is_object, cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) > 0.5)
    assert is_object.tolist() == [[False, False, True, True, True]] * 3


@pytest.mark.parametrize(
    ("mask_size", "image_size", "pixels", "expected"),
    [
        ((20, 16), (20, 16), (3, 4, 9, 11), (3, 4, 9, 11)),
        ((20, 16), (20, 16), (7, 8, 7, 8), (7, 8, 7, 8)),
        ((20, 16), (50, 32), (3, 4, 9, 11), (7.5, 8, 22.5, 22)),
        ((20, 16), (10, 8), (3, 4, 19, 15), (1.5, 2, 9, 7)),  # 9.5 and 7.5 lie beyond the last pixel
    ],
)
def test_the_tight_box_of_a_mask(tmp_path: Path, mask_size: tuple, image_size: tuple, pixels: tuple, expected: tuple):
    draw_mask(tmp_path / "mask.png", mask_size, pixels)
    is_object, _ = unite([("", tmp_path / "mask.png")], None)
    assert tight_box(is_object, image_size) == expected
    # Scaled to a map no larger than both, the box is the mask's own.
    own, scaled = np.array([pixels]), np.array([expected])
    assert (scale_boxes(own, *mask_size, 8) == scale_boxes(scaled, *image_size, 8)).all()


def line(name: str, number: int, *lines: str, split: str = "val") -> Callable[[Path], None]:
    """Replaces line `number` (from 1) of a text file by `lines`; none of them removes it."""

    def change(root: Path) -> None:
        old = (root / "metadata" / split / name).read_text().splitlines()
        write(root / "metadata" / split, name, [*old[: number - 1], *lines, *old[number:]])

    return change


def box(fields: str) -> Callable[[Path], None]:
    return line(PLACES, 2, f"007.Wren/val1.jpg,{fields}")


def cut(name: str) -> Callable[[Path], object]:
    def change(root: Path) -> None:
        file = root / name
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])

    return change


def everywhere(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        for file in root.glob(f"metadata/*/{name}"):
            file.write_text(file.read_text().replace(old, new))

    return change


def also_in_test(root: Path) -> None:
    for name in (IDS, LABELS, SIZES, PLACES):
        first = (root / "metadata" / "val" / name).read_text().splitlines()[0]
        line(name, 3, first, split="test")(root)


BAD_BOXES = {
    "no split": (lambda r: shutil.rmtree(r / "metadata/test"), ["metadata/test", "no such folder", "train/, val/"]),
    "no ids": (lambda r: (r / "metadata/val" / IDS).unlink(), ["val/image_ids.txt", "no such file", "'<path>'"]),
    "no labels": (lambda r: (r / "metadata/train" / LABELS).unlink(), ["train/class_labels.txt", "no such file"]),
    "no boxes in val": (lambda r: (r / "metadata/val" / PLACES).unlink(), ["val/localization.txt", "no such file"]),
    "empty boxes in test": (lambda r: write(r / "metadata/test", PLACES, []), ["test/localization.txt", "is empty"]),
    "not text": (lambda r: (r / "metadata/val" / IDS).write_bytes(b"\xff\xfe1"), ["val/image_ids.txt", "UTF-8"]),
    "box with 3 numbers": (box("1,2,3"), ["val/localization.txt, line 2", "4 fields instead of 5", "<path>,<x0>,<y0>"]),
    "box with 5 numbers": (box("1,2,3,4,5"), ["val/localization.txt, line 2", "6 fields instead of 5"]),
    "mask among boxes": (box("a.png,"), ["val/localization.txt, line 2", "3 fields instead of 5"]),
    "box not numeric": (box("1,2,wide,4"), ["val/localization.txt, line 2", "x1 is 'wide'", "a finite number"]),
    "box not finite": (box("nan,2,3,4"), ["val/localization.txt, line 2", "x0 is 'nan'"]),
    "label not a number": (
        line(LABELS, 1, "003.Tern/val0.jpg,tern"),
        ["val/class_labels.txt, line 1", "label is 'tern'", "a whole number"],
    ),
    "label without number": (line(LABELS, 1, "003.Tern/val0.jpg"), ["val/class_labels.txt, line 1", "1 fields"]),
    "comma in a path": (line(IDS, 1, "003.Tern/val,0.jpg"), ["val/image_ids.txt, line 1", "2 fields instead of 1"]),
    "labels from 1": (
        lambda r: (everywhere(LABELS, ",1", ",2")(r), everywhere(LABELS, ",0", ",1")(r)),
        ["train/class_labels.txt, line 2", "has label 2", "expected 0 to 1", "and 2 more"],
    ),
    "label below 0": (everywhere(LABELS, ",0", ",-1"), ["train/class_labels.txt, line 1", "label -1"]),
    "label missing": (everywhere(LABELS, ",1", ",5"), ["train/class_labels.txt, line 2", "label 5", "without gaps"]),
    "id twice": (
        line(IDS, 2, "003.Tern/val0.jpg"),
        ["val/image_ids.txt, line 2", "003.Tern/val0.jpg occurs again", "line 1"],
    ),
    "label twice": (line(LABELS, 3, "003.Tern/val0.jpg,1"), ["val/class_labels.txt, line 3", "first in line 1"]),
    "size twice": (line(SIZES, 3, "003.Tern/val0.jpg,40,30"), ["val/image_sizes.txt, line 3", "first in line 1"]),
    "id without label": (line(LABELS, 1), ["val/class_labels.txt: no line for image 003.Tern/val0.jpg", "line 1"]),
    "id without size": (line(SIZES, 2), ["val/image_sizes.txt: no line for image 007.Wren/val1.jpg", "line 2"]),
    "id without box": (line(PLACES, 2), ["val/localization.txt: no line for image 007.Wren/val1.jpg", "line 2"]),
    "id without box in train": (line(PLACES, 1, split="train"), ["train/localization.txt: no line for image 003."]),
    "label without id": (line(LABELS, 3, "x.jpg,1"), ["val/class_labels.txt, line 3", "x.jpg is not in", IDS]),
    "size without id": (line(SIZES, 3, "x.jpg,4,3"), ["val/image_sizes.txt, line 3", "x.jpg is not in"]),
    "box without id": (line(PLACES, 3, "x.jpg,1,2,3,4"), ["val/localization.txt, line 3", "x.jpg is not in"]),
    "image in two splits": (
        also_in_test,
        ["test/image_ids.txt, line 3", "003.Tern/val0.jpg is also in", "val/image_ids.txt, line 1"],
    ),
    "path leads out": (line(IDS, 1, "../secret.jpg"), ["val/image_ids.txt, line 1", "leads out of its folder"]),
    "path absolute": (line(IDS, 1, "/secret.jpg"), ["val/image_ids.txt, line 1", "leads out of its folder"]),
    "size unlike the image's": (
        line(SIZES, 2, "007.Wren/val1.jpg,500,375"),
        ["val/image_sizes.txt, line 2", "007.Wren/val1.jpg has 500 x 375 pixels", "40 x 30", "resized"],
    ),
    "corners in wrong order": (box("12,2,3,4"), ["val/localization.txt, line 2", "12,2,3,4", "x0 below x1"]),
    "corners upside down": (box("1,9,3,4"), ["val/localization.txt, line 2", "y0 below y1"]),
    "box without area": (box("3,2,3,9"), ["val/localization.txt, line 2", "no area"]),
    "box right of the image": (box("1,2,41,9"), ["val/localization.txt, line 2", "40 x 30 pixels", "x from 0 to 39"]),
    "box below the image": (box("1,2,3,31"), ["val/localization.txt, line 2", "y from 0 to 29"]),
    "box left of the image": (box("-2,2,3,9"), ["val/localization.txt, line 2", "-2,2,3,9"]),
    "box beside the image": (box("39.5,2,40,9"), ["val/localization.txt, line 2", "reaches out"]),
    "image missing": (
        lambda r: (r / "images/007.Wren/val1.jpg").unlink(),
        ["007.Wren/val1.jpg: no such image", "val/image_ids.txt, line 2", "relative to"],
    ),
    "wrong folder of images": (
        lambda r: (r / "images").rename(r / "elsewhere"),
        ["003.Tern/train0.jpg: no such image", "and 1 more", "give the folder"],
    ),
    "image truncated": (cut("images/007.Wren/val1.jpg"), ["007.Wren/val1.jpg", "val/image_ids.txt, line 2", "truncat"]),
    "masks in one split": (
        lambda r: write(r / "metadata/test", PLACES, ["003.Tern/test0.jpg,a.png,", "007.Wren/test1.jpg,b.png,"]),
        ["test/localization.txt: lists masks", "val/localization.txt boxes"],
    ),
}

BAD_MASKS = {
    "no mask path": (line(PLACES, 2, "val/m0/a.jpg,,"), ["val/localization.txt, line 2", "mask path is ''", "a text"]),
    "no ignore column": (
        line(PLACES, 1, "val/m0/a.jpg,val/m0/a_1.png"),
        ["line 1", "2 fields instead of 3", "<ignore"],
    ),
    "mask leads out": (line(PLACES, 2, "val/m0/a.jpg,../a.png,"), ["val/localization.txt, line 2", "'../a.png' leads"]),
    "ignore leads out": (line(PLACES, 1, "val/m0/a.jpg,val/m0/a_1.png,/a.png"), ["line 1", "'/a.png' leads out"]),
    "two to ignore": (
        line(PLACES, 2, "val/m0/a.jpg,val/m0/a_2.png,val/m0/a_ignore.png"),
        ["val/localization.txt, line 2", "val/m0/a.jpg has a second region", "line 1"],
    ),
    "mask missing": (
        lambda r: (r / "masks/val/m0/a_2.png").unlink(),
        ["masks/val/m0/a_2.png: no such mask", "val/localization.txt, line 2", "image val/m0/a.jpg"],
    ),
    "ignore missing": (
        lambda r: (r / "masks/test/m0/a_ignore.png").unlink(),
        ["masks/test/m0/a_ignore.png: no such mask", "test/localization.txt, line 1"],
    ),
    "mask truncated": (
        cut("masks/val/m0/a_2.png"),
        ["val/m0/a_2.png", "val/localization.txt, line 2", "readable mask"],
    ),
    "masks of two sizes": (
        lambda r: draw_mask(r / "masks/val/m0/a_2.png", (40, 32), (1, 1, 5, 5)),
        ["a_2.png", "localization.txt, line 2", "40 x 32", "a_1.png", "20 x 16", "one size"],
    ),
    "ignore of another size": (
        lambda r: draw_mask(r / "masks/val/m0/a_ignore.png", (16, 20), (1, 1, 5, 5)),
        ["a_ignore.png", "localization.txt, line 1", "16 x 20", "one size"],
    ),
    "mask without object": (
        lambda r: draw_mask(r / "masks/val/m1/a_1.png", (20, 16)),
        ["m1/a_1.png", "val/localization.txt, line 3", "no pixel of image val/m1/a.jpg"],
    ),
}


def check_refused(root: Path, spoil: Callable[[Path], object], parts: list[str]) -> None:
    spoil(root)
    with pytest.raises(UserError) as caught:
        read(root)
    message = str(caught.value)
    assert [part for part in parts if part not in message] == [], message
    assert "\n" not in message
    assert message.endswith((".", "?"))


@pytest.mark.parametrize(("spoil", "parts"), BAD_BOXES.values(), ids=BAD_BOXES.keys())
def test_bad_boxes_are_refused_in_one_message(birds: Path, spoil: Callable[[Path], object], parts: list[str]) -> None:
    check_refused(birds, spoil, parts)


@pytest.mark.parametrize(("spoil", "parts"), BAD_MASKS.values(), ids=BAD_MASKS.keys())
def test_bad_masks_are_refused_in_one_message(things: Path, spoil: Callable[[Path], object], parts: list[str]) -> None:
    check_refused(things, spoil, parts)


def test_a_wrong_folder_of_metadata_is_named_with_a_hint(birds: Path) -> None:
    for near in (birds, birds / "metadata" / "val"):
        with pytest.raises(UserError, match=rf"no such folder.*Did you mean {birds / 'metadata'}\?"):
            read_wsol_metadata(near, birds / "images", birds, birds)
    with pytest.raises(UserError, match=r"absent: no such folder"):
        read_wsol_metadata(birds / "absent" / "absent", birds / "images", birds, birds)


@pytest.mark.parametrize(("fields", "expected"), [
    ("0,0,39,29", [0, 0, 39, 29]),
    ("0,0,40,30", [0, 0, 39, 29]),  # corners that are not inclusive
    ("-1,2.5,7,9", [0, 2.5, 7, 9]),
])  # fmt: skip
def test_a_pixel_of_slack_is_clipped_to_the_image(birds: Path, fields: str, expected: list[float]) -> None:
    box(fields)(birds)
    assert read(birds)["boxes"][3] == [expected]


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_boxes_inside_come_back_as_they_are_given(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("birds")
    width, height = data.draw(st.integers(8, 14)), data.draw(st.integers(8, 14))
    boxes: dict[str, list[list[int]]] = {}
    for split in ("train", "val", "test"):
        draw(root / "images" / f"{split}.jpg", (width, height))
        boxes[split] = []
        for _ in range(data.draw(st.integers(1, 3))):
            x0, y0 = data.draw(st.integers(0, width - 2)), data.draw(st.integers(0, height - 2))
            boxes[split].append(
                [x0, y0, data.draw(st.integers(x0 + 1, width - 1)), data.draw(st.integers(y0 + 1, height - 1))]
            )
        write(root / "metadata" / split, IDS, [f"{split}.jpg"])
        write(root / "metadata" / split, LABELS, [f"{split}.jpg,0"])
        lines = [f"{split}.jpg,{','.join(map(str, corners))}" for corners in boxes[split]]
        write(root / "metadata" / split, PLACES, lines)
    index = read(root)
    assert dict(zip(index["split"], index["boxes"], strict=True)) == boxes
    assert index["class_name"].unique().tolist() == ["class-0"]


def test_real_images_of_cubv2_between_those_of_cub(real_cub: Path, tmp_path: Path) -> None:
    """CUBv2's sample is val; train and test are images of the subset, whose boxes are those of the smaller files."""
    if not CUBV2.is_dir():
        pytest.skip("needs the 20-image sample of CUBv2 in ../shared/data, which is not part of this repository")
    for name in (IDS, LABELS, SIZES, PLACES):
        write(tmp_path / "metadata" / "val", name, (CUBV2 / name).read_text().splitlines())
    tables = {
        name: dict(row.split(maxsplit=1) for row in (real_cub / f"{name}.txt").read_text().splitlines()[skip:])
        for name, skip in (("images", 0), ("bounding_boxes", 0), ("train_test_split", 0), ("image_sizes", 1))
    }
    for split, flag in (("train", "1"), ("test", "0")):
        chosen = [i for i in tables["images"] if tables["train_test_split"][i] == flag and int(i) < 120][:6]
        lines: dict[str, list[str]] = {name: [] for name in (IDS, LABELS, SIZES, PLACES)}
        for i in chosen:
            path = tables["images"][i]
            width, height = (int(value) for value in tables["image_sizes"][i].split()[2:])
            x, y, w, h = (float(value) for value in tables["bounding_boxes"][i].split())
            lines[IDS].append(path)
            lines[LABELS].append(f"{path},{int(path[:3]) - 1}")
            lines[SIZES].append(f"{path},{width},{height}")
            lines[PLACES].append(",".join([path, *map(str, corners(x, y, w, h, width, height))]))
        for name, rows in lines.items():
            write(tmp_path / "metadata" / split, name, rows)
    # Links, since both sets lie below one folder of images and a photograph is not copied.
    for source in (CUBV2, real_cub):
        for image in source.glob("images/0[012]*/*.jpg"):
            link = tmp_path / "images" / image.parent.name / image.name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(image)

    index = read(tmp_path)
    assert index["split"].value_counts().to_dict() == {"val": 20, "train": 6, "test": 6}
    assert sorted(index["label"].unique()) == list(range(20))
    assert index.set_index("label").loc[16, "class_name"] == "017.Cardinal"
    rows = index[index["split"] == "val"].set_index("image_id")
    # Read off the file by hand.
    first = rows.loc["001.Black_footed_Albatross/30107316117.jpg"]
    assert (first.width, first.height, first.boxes) == (560, 419, [[176, 136, 459, 291]])
    given_boxes = [line.split(",") for line in (CUBV2 / PLACES).read_text().splitlines()]
    assert [[image_id, *boxes[0]] for image_id, boxes in rows["boxes"].items()] == [
        [image_id, *map(float, fields)] for image_id, *fields in given_boxes
    ]

    everywhere(SIZES, "560,419", "500,374")(tmp_path)
    with pytest.raises(
        UserError, match=r"val/image_sizes\.txt, line 1: .* 500 x 374 pixels, but the file .* 560 x 419"
    ):
        read(tmp_path)


WSOLEVALUATION = """\
001.Black_footed_Albatross/Black_Footed_Albatross_0046_18.jpg,500,335,60,27,385,331
001.Black_footed_Albatross/Black_Footed_Albatross_0009_34.jpg,500,336,139,30,292,294
019.Gray_Catbird/Gray_Catbird_0032_21551.jpg,500,375,2,69,459,374
019.Gray_Catbird/Gray_Catbird_0067_21043.jpg,500,449,202,69,399,322
022.Chuck_will_Widow/Chuck_Will_Widow_0051_796991.jpg,500,410,92,51,499,354
086.Pacific_Loon/Pacific_Loon_0034_75438.jpg,500,333,34,33,472,332
200.Common_Yellowthroat/Common_Yellowthroat_0055_190967.jpg,357,500,20,113,197,376
"""
"""Width, height and corners in wsolevaluation's files; of the official boxes the third, fifth and sixth reach out."""


def test_official_boxes_of_cub_become_those_of_wsolevaluation(real_cub: Path) -> None:
    """Hence the kinds `cub` and `wsol-metadata` give the same boxes for the same images."""
    official = real_cub / "official_metadata"
    ids = {row.fields[1]: row.fields[0] for row in read_table(official / "images.txt", {"id": str, "path": str})}
    columns = {"id": str, "x": finite, "y": finite, "width": finite, "height": finite}
    boxes = {row.fields[0]: row.fields[1:] for row in read_table(official / "bounding_boxes.txt", columns)}
    assert len(ids) == len(boxes) == 11788
    for row in WSOLEVALUATION.splitlines():
        path, *fields = row.split(",")
        width, height, *expected = map(int, fields)
        assert [int(value) for value in corners(*boxes[ids[path]], width, height)] == expected, path
    for x, y, width, height in boxes.values():  # in an image that is large enough, nothing moves
        assert corners(x, y, width, height, 10**4, 10**4) == (x, y, x + width, y + height)


@pytest.mark.parametrize("flat", [True, False])
def test_test_images_alone_are_a_dataset(birds: Path, flat: bool):
    test = birds / "metadata/test"
    for split in ("train", "val"):
        shutil.rmtree(birds / "metadata" / split)
    if flat:
        for file in test.iterdir():
            file.rename(birds / "metadata" / file.name)
        test.rmdir()
    index = read(birds)
    assert index["split"].tolist() == ["test", "test"]
    assert index["class_name"].tolist() == ["003.Tern", "007.Wren"]


def test_a_sample_knows_classes_that_it_does_not_show(birds: Path):
    for split in ("train", "val"):
        shutil.rmtree(birds / "metadata" / split)
    ids = ["a.jpg", "b.jpg"]
    for image_id in ids:
        draw(birds / "images" / image_id, (40, 30))
    part = birds / "metadata/test"
    write(part, IDS, ids)
    write(part, LABELS, ["a.jpg,7", "b.jpg,998"])
    write(part, SIZES, [])
    write(part, PLACES, ["a.jpg,0,0,9,9", "b.jpg,0,0,9,9", "b.jpg,20,20,29,29"])
    settings_ = {"kind": "wsol-metadata", "name": "sample", "path": birds / "images", "metadata": birds / "metadata"}
    with pytest.raises(UserError, match=r"label 7, expected 0 to 1 .* set `classes`"):
        prepare_dataset(WsolMetadata.model_validate(settings_), birds / "data")
    prepare_dataset(WsolMetadata.model_validate({**settings_, "classes": 1000}), birds / "data")
    index, about = read_index(birds / "data/index.parquet"), read_json(birds / "data/dataset.json")
    assert index["label"].tolist() == [7, 998]
    assert [len(boxes) for boxes in index["boxes"]] == [1, 2]
    assert len(about["classes"]) == 1000 and about["classes"][998] == index["class_name"][1] == "class-998"
    assert about["splits"] == {"train": 0, "val": 0, "test": 2}
    with pytest.raises(UserError, match="label 998, expected 0 to 997 as the number of classes is set"):
        prepare_dataset(WsolMetadata.model_validate({**settings_, "classes": 998}), birds / "data")


def test_one_split_by_its_own_folder_is_taken_for_a_mistake(birds: Path):
    with pytest.raises(UserError, match=rf"no such folder.*Did you mean {birds / 'metadata'}\?"):
        read_wsol_metadata(birds / "metadata/train", birds / "images", birds, birds)
