"""The CUB layout reader: a tiny folder computed by hand, every kind of bad input, and the real subset."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from camagain.datasets.cub import corners, read_cub
from camagain.datasets.index import check_index
from camagain.datasets.parts import Part
from camagain.errors import UserError

SUBSET = Path(__file__).parents[2].parent / "shared" / "data" / "cub_subset27"


def write(root: Path, name: str, lines: list[str]) -> None:
    (root / name).write_text("".join(line + "\n" for line in lines))


def replace(name: str, number: int, *lines: str) -> Callable[[Path], None]:
    """Replaces line `number` (from 1) of a text file by `lines`; none of them removes it."""

    def change(root: Path) -> None:
        old = (root / name).read_text().splitlines()
        write(root, name, [*old[: number - 1], *lines, *old[number:]])

    return change


def test_tiny_folder_by_hand(cub_folder: Path) -> None:
    mask = cub_folder / "segmentations" / "007.Wren" / "bird 5.png"
    mask.parent.mkdir(parents=True)
    mask.write_bytes(b"")
    index = read_cub(cub_folder, val_per_class=1)
    check_index(index, "test")

    def val_of(*ids: int) -> str:
        return min((str(i) for i in ids), key=lambda i: hashlib.sha256(f"0:{i}".encode()).hexdigest())

    val = {val_of(1, 2), val_of(4, 5)}
    assert index["image_id"].tolist() == ["1", "2", "3", "4", "5", "6"]
    assert index["path"][0] == "images/003.Tern/bird 1.jpg"
    assert index["label"].tolist() == [0, 0, 0, 1, 1, 1]
    assert index["class_name"].tolist() == ["003.Tern"] * 3 + ["007.Wren"] * 3
    assert [split for split, i in zip(index["split"], index["image_id"], strict=True) if int(i) % 3 == 0] == [
        "test"
    ] * 2
    assert set(index["image_id"][index["split"] == "val"]) == val
    assert (index["split"] == "train").sum() == 2
    assert set(index["width"]) == {40} and set(index["height"]) == {30}
    assert index["boxes"].tolist() == [[[float(i), 2.5, i + 10.0, 22.5]] for i in range(1, 7)]
    assert index["mask_path"].dropna().tolist() == ["segmentations/007.Wren/bird 5.png"]


def add_parts(root: Path, boxes: bool = False) -> None:
    """Three parts of six images, among them two that are not seen; the eye of image i is at (i, 2.5)."""
    (root / "parts").mkdir()
    write(root, "parts/parts.txt", ["3 tail", "1 beak", "2 left eye"])
    hidden = {(4, 1), (5, 3)}
    each = [(i, part, i + part - 2, (i, part) not in hidden) for i in range(1, 7) for part in (1, 2, 3)]
    write(root, "parts/part_locs.txt", [f"{i} {part} {x if seen else 0}.0 2.5 {seen:d}" for i, part, x, seen in each])
    if boxes:
        write(root, "parts/part_boxes.txt", [f"{i} {part} {x} 2 3 4.5 {seen:d}" for i, part, x, seen in each])


@pytest.mark.parametrize("boxes", [False, True])
def test_parts_by_hand(cub_folder: Path, boxes: bool) -> None:
    assert "parts" not in read_cub(cub_folder, val_per_class=1)
    add_parts(cub_folder, boxes)
    parts = read_cub(cub_folder, val_per_class=1)["parts"].tolist()
    beak, eye, tail = parts[0]
    assert eye == Part("left eye", 1.0, 2.5, (1.0, 2.0, 4.0, 6.5) if boxes else None)
    assert (beak.name, beak.x, tail.name, tail.x) == ("beak", 0.0, "tail", 2.0), "in the order of their numbers"
    assert [part.name for part in parts[3]] == ["left eye", "tail"]
    assert [part.name for part in parts[4]] == ["beak", "left eye"]
    assert [len(of_image) for of_image in parts] == [3, 3, 3, 2, 2, 3]


def part(number: int, *lines: str) -> Callable[[Path], None]:
    return replace("parts/part_locs.txt", number, *lines)


BAD_PARTS = {
    "no names": (lambda r: (r / "parts/parts.txt").unlink(), ["parts.txt: no such file", "or remove"]),
    "no points": (lambda r: (r / "parts/part_locs.txt").unlink(), ["part_locs.txt: no such file", "or remove"]),
    "empty": (lambda r: write(r, "parts/part_locs.txt", []), ["part_locs.txt: the file is empty"]),
    "two names of a part": (replace("parts/parts.txt", 1, "1 tail"), ["parts.txt, line 2", "part id 1 occurs again"]),
    "two parts of a name": (replace("parts/parts.txt", 1, "3 beak"), ["parts.txt, line 2", "part name beak occurs"]),
    "not numeric": (part(1, "1 1 left 2 1"), ["part_locs.txt, line 1", "x is 'left'", "a finite number"]),
    "not finite": (part(2, "1 2 nan 2 1"), ["part_locs.txt, line 2", "x is 'nan'", "a finite number"]),
    "not a flag": (part(2, "1 2 1 2 yes"), ["part_locs.txt, line 2", "visible is 'yes'", "0 or 1"]),
    "unknown image": (part(2, "7 2 1 2 1"), ["part_locs.txt, line 2: image id 7 is not in", "images.txt"]),
    "unknown part": (part(2, "1 4 1 2 1"), ["part_locs.txt, line 2: part id 4 is not in", "parts.txt"]),
    "missing": (part(2), ["part_locs.txt: no line for part 2 (left eye) of image 1 (003.Tern/bird 1.jpg)"]),
    "twice": (part(3, "1 2 1 2 1"), ["part_locs.txt, line 3: part 2 (left eye) of image 1 occurs", "line 2"]),
    "outside": (
        part(2, "1 2 43 2 1"),
        ["part_locs.txt: left eye of image 1 (003.Tern/bird 1.jpg) is at 43, 2", "40 x 30", "resized"],
    ),
    "above": (part(2, "1 2 4 -2 1"), ["left eye of image 1", "is at 4, -2"]),
    "box missing": (replace("parts/part_boxes.txt", 2), ["part_boxes.txt: no line for part 2 (left eye) of image 1"]),
    "box of nothing": (replace("parts/part_boxes.txt", 2, "9 1 1 1 1 1 1"), ["part_boxes.txt, line 2: image id 9"]),
}


@pytest.mark.parametrize(("spoil", "says"), BAD_PARTS.values(), ids=BAD_PARTS.keys())
def test_bad_parts_are_refused_in_one_message(cub_folder: Path, spoil: Callable[[Path], object], says: list) -> None:
    add_parts(cub_folder, boxes=True)
    spoil(cub_folder)
    with pytest.raises(UserError) as caught:
        read_cub(cub_folder, val_per_class=1)
    message = str(caught.value)
    assert [text for text in says if text not in message] == [], message
    assert "\n" not in message and message.endswith((".", "?"))


def test_points_may_lie_a_little_outside_and_anywhere_where_not_seen(cub_folder: Path) -> None:
    add_parts(cub_folder)
    part(2, "1 2 41.5 -1 1")(cub_folder)  # of 40 x 30 pixels
    part(3, "1 3 -99 -99 0")(cub_folder)
    assert read_cub(cub_folder, val_per_class=1)["parts"][0][1:] == (Part("left eye", 41.5, -1.0),)


def test_windows_line_ends_bom_and_blank_lines_are_taken(cub_folder: Path) -> None:
    expected = read_cub(cub_folder, val_per_class=1)
    for file in cub_folder.glob("*.txt"):
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    assert read_cub(cub_folder, val_per_class=1).equals(expected)


def box(line: str) -> Callable[[Path], None]:
    return replace("bounding_boxes.txt", 2, line)


def every_box(fields: str) -> Callable[[Path], None]:
    return lambda root: write(root, "bounding_boxes.txt", [f"{i} {fields}" for i in range(1, 7)])


def repeat_line(name: str) -> Callable[[Path], None]:
    return lambda root: write(root, name, [*(lines := (root / name).read_text().splitlines()), lines[1]])


def damage(keep: int) -> Callable[[Path], object]:
    """Leaves only the first bytes of image 2; a negative number leaves out so many at the end."""

    def change(root: Path) -> None:
        file = root / "images/003.Tern/bird 2.jpg"
        file.write_bytes(file.read_bytes()[:keep])

    return change


BAD = {
    "file missing: images": (lambda r: (r / "images.txt").unlink(), ["images.txt", "no such file"]),
    "file missing: labels": (lambda r: (r / "image_class_labels.txt").unlink(), ["image_class_labels.txt", "no such"]),
    "file missing: split": (lambda r: (r / "train_test_split.txt").unlink(), ["train_test_split.txt", "no such"]),
    "file missing: boxes": (lambda r: (r / "bounding_boxes.txt").unlink(), ["bounding_boxes.txt", "no such file"]),
    "file missing: classes": (lambda r: (r / "classes.txt").unlink(), ["classes.txt", "no such file"]),
    "file empty": (lambda r: write(r, "bounding_boxes.txt", []), ["bounding_boxes.txt", "empty"]),
    "file not text": (lambda r: (r / "classes.txt").write_bytes(b"\xff\xfe1"), ["classes.txt", "UTF-8"]),
    "too few fields": (box("2 1 2 3"), ["bounding_boxes.txt, line 2", "4 fields instead of 5", "'2 1 2 3'"]),
    "too many fields": (box("2 1 2 3 4 5"), ["bounding_boxes.txt, line 2", "6 fields instead of 5"]),
    "no path": (replace("images.txt", 2, "2"), ["images.txt, line 2", "1 fields instead of 2"]),
    "box not numeric": (box("2 1 2 wide 4"), ["bounding_boxes.txt, line 2", "width is 'wide'", "a finite number"]),
    "box not finite": (box("2 nan 2 3 4"), ["bounding_boxes.txt, line 2", "x is 'nan'"]),
    "class id not numeric": (
        replace("image_class_labels.txt", 3, "3 tern"),
        ["image_class_labels.txt, line 3", "class id is 'tern'", "a whole number"],
    ),
    "split not 0 or 1": (replace("train_test_split.txt", 3, "3 2"), ["train_test_split.txt, line 3", "'2'", "0 or 1"]),
    "several bad lines": (every_box("1 2 3"), ["bounding_boxes.txt, line 1", "and 5 more"]),
    "image missing": (
        lambda r: (r / "images/003.Tern/bird 2.jpg").unlink(),
        ["bird 2.jpg", "no such image", "images.txt, line 2", "image 2"],
    ),
    "images folder missing": (
        lambda r: shutil.rmtree(r / "images"),
        ["bird 1.jpg", "images.txt, line 1", "and 5 more"],
    ),
    "image truncated by a byte": (damage(-1), ["bird 2.jpg", "image 2", "images.txt, line 2", "truncated"]),
    "image empty": (damage(0), ["bird 2.jpg", "images.txt, line 2", "not a complete, readable image"]),
    "box far outside": (
        box("2 30 2 20 10"),
        ["bounding_boxes.txt, line 2", "image 2", "bird 2.jpg", "40 x 30 pixels", "50% of the box", "at least 90%"],
    ),
    "box beside the image": (box("2 40.2 2 0.5 10"), ["bounding_boxes.txt, line 2", "0% of the box"]),
    "boxes of larger images": (every_box("1 2 60 50"), ["bounding_boxes.txt, line 1", "and 5 more", "resized"]),
    "box without area": (box("2 3 4 0 5"), ["bounding_boxes.txt, line 2", "image 2", "0 x 5 pixels"]),
    "box with negative height": (box("2 3 9 4 -5"), ["bounding_boxes.txt, line 2", "4 x -5 pixels"]),
    "two boxes": (repeat_line("bounding_boxes.txt"), ["bounding_boxes.txt, line 7", "image 2 occurs again", "line 2"]),
    "two labels": (repeat_line("image_class_labels.txt"), ["image_class_labels.txt, line 7", "first in line 2"]),
    "two split lines": (repeat_line("train_test_split.txt"), ["train_test_split.txt, line 7", "first in line 2"]),
    "two images with one id": (replace("images.txt", 2, "1 a.jpg"), ["images.txt, line 2", "image 1 occurs again"]),
    "one image with two ids": (
        replace("images.txt", 2, "2 003.Tern/bird 1.jpg"),
        ["images.txt, line 2", "path 003.Tern/bird 1.jpg occurs again, first in line 1"],
    ),
    "two classes with one id": (replace("classes.txt", 2, "3 003.Tern"), ["classes.txt, line 2", "class id 3 occurs"]),
    "two classes with one name": (
        replace("classes.txt", 2, "5 003.Tern"),
        ["classes.txt, line 2", "class name 003.Tern occurs again"],
    ),
    "image without label": (replace("image_class_labels.txt", 2), ["image_class_labels.txt", "image 2", "line 2"]),
    "image without split": (replace("train_test_split.txt", 2), ["train_test_split.txt", "image 2", "line 2"]),
    "image without box": (replace("bounding_boxes.txt", 2), ["bounding_boxes.txt", "image 2", "images.txt, line 2"]),
    "label of unknown image": (
        replace("image_class_labels.txt", 6, "6 7", "99 7"),
        ["image_class_labels.txt, line 7", "image id 99 is not in"],
    ),
    "box of unknown image": (
        replace("images.txt", 2),
        ["image_class_labels.txt, line 2", "image id 2 is not in", "images.txt"],
    ),
    "unknown class": (replace("classes.txt", 1), ["image_class_labels.txt, line 1", "class id 3", "and 2 more"]),
    "path leads out": (replace("images.txt", 2, "2 ../secret.jpg"), ["images.txt, line 2", "leads out of images/"]),
    "path absolute": (replace("images.txt", 2, "2 /secret.jpg"), ["images.txt, line 2", "leads out of images/"]),
    "class too small for val": (
        replace("train_test_split.txt", 2, "2 0"),
        ["train_test_split.txt", "'003.Tern' has 1 training images", "lower val_per_class"],
    ),
    "no test image": (
        lambda r: write(r, "train_test_split.txt", [f"{i} 1" for i in range(1, 7)]),
        ["train_test_split.txt", "none of the 6 images is marked 0"],
    ),
    "no training image": (
        lambda r: write(r, "train_test_split.txt", [f"{i} 0" for i in range(1, 7)]),
        ["train_test_split.txt", "has 0 training images", "1 more classes"],
    ),
}


@pytest.mark.parametrize(("spoil", "parts"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_refused_in_one_message(
    cub_folder: Path, spoil: Callable[[Path], object], parts: list[str]
) -> None:
    spoil(cub_folder)
    with pytest.raises(UserError) as caught:
        read_cub(cub_folder, val_per_class=1)
    message = str(caught.value)
    assert [part for part in parts if part not in message] == [], message
    assert "\n" not in message
    assert message.endswith((".", "?"))


def test_corners_in_place_of_sizes_are_noticed(cub_folder: Path) -> None:
    write(cub_folder, "bounding_boxes.txt", [f"{i} 20 12 {30 + i} 28" for i in range(1, 7)])
    with pytest.raises(UserError, match="every box here would fit as corners x0, y0, x1, y1: write x1 - x0"):
        read_cub(cub_folder, val_per_class=1)
    box("2 20 12 15 28")(cub_folder)  # one that is no corner
    with pytest.raises(UserError, match="were the images resized"):
        read_cub(cub_folder, val_per_class=1)


def test_wrong_folders_are_named_with_a_hint(cub_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        read_cub(tmp_path / "absent", 1)
    with pytest.raises(UserError, match="is a file"):
        read_cub(cub_folder / "images.txt", 1)
    for near in (cub_folder.parent, cub_folder / "images"):
        with pytest.raises(UserError, match=rf"images\.txt: no such file.*Did you mean {cub_folder}\?"):
            read_cub(near, 1)


def test_val_per_class_zero_is_refused(cub_folder: Path) -> None:
    with pytest.raises(UserError, match="val_per_class is 0"):
        read_cub(cub_folder, val_per_class=0)


@pytest.mark.parametrize(("line", "expected"), [
    ("2 30 2 11 10", [30, 2, 39, 12]),  # one pixel of rounding, 91 % inside
    ("2 36 2 5 10", [36, 2, 39, 12]),  # one pixel, though only 80 % inside
    ("2 -1 -1 5 5", [0, 0, 4, 4]),
    ("2 0 2 43 10", [0, 2, 39, 12]),  # three pixels, 93 % inside, as image 1218 of the official set
    ("2 0 0 40 30", [0, 0, 39, 29]),
])  # fmt: skip
def test_slack_is_clipped_to_the_last_pixel(cub_folder: Path, line: str, expected: list[int]) -> None:
    box(line)(cub_folder)
    assert read_cub(cub_folder, val_per_class=1)["boxes"][1] == [expected]


@given(x0=st.integers(0, 498), y0=st.integers(0, 373), data=st.data())
def test_boxes_inside_survive(x0: int, y0: int, data: st.DataObject) -> None:
    x1, y1 = data.draw(st.integers(x0 + 1, 499)), data.draw(st.integers(y0 + 1, 374))
    assert corners(x0, y0, x1 - x0, y1 - y0, 500, 375) == (x0, y0, x1, y1)


@given(st.tuples(*[st.floats(-50, 600)] * 2, *[st.floats(0.1, 600)] * 2))
def test_clipped_corners_stay_ordered_and_inside(fields: tuple[float, float, float, float]) -> None:
    x0, y0, x1, y1 = corners(*fields, 500, 375)
    assert 0 <= x0 <= x1 <= 499 and 0 <= y0 <= y1 <= 374


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ids=st.lists(st.integers(0, 10**6), min_size=2, max_size=2, unique=True))
def test_labels_are_contiguous_and_keep_the_order_of_class_ids(cub_folder: Path, ids: list[int]) -> None:
    write(cub_folder, "image_class_labels.txt", [f"{i} {ids[0] if i < 4 else ids[1]}" for i in range(1, 7)])
    write(cub_folder, "classes.txt", [f"{ids[0]} tern", f"{ids[1]} wren", "1000001 unused"])
    labels = read_cub(cub_folder, val_per_class=1)["label"].tolist()
    first = int(ids[0] > ids[1])
    assert labels == [first] * 3 + [1 - first] * 3


def with_parts(index: pd.DataFrame) -> None:
    """The parts of the subset: as many as its README says, each in its bird's box, scaled like the images."""
    assert index["parts"].map(len).sum() == 18_383
    original = [line.split() for line in (SUBSET / "parts/part_locs_original.txt").read_text().splitlines()]
    names = dict(line.split(maxsplit=1) for line in (SUBSET / "parts/parts.txt").read_text().splitlines())
    at = {(image_id, names[part]): (float(x), float(y)) for image_id, part, x, y, seen in original if seen == "1"}
    sizes = [line.split() for line in (SUBSET / "image_sizes.txt").read_text().splitlines()[1:]]
    widths = {row[0]: int(row[1]) for row in sizes}
    for row in index.itertuples():
        (x0, y0, x1, y1), scale = row.boxes[0], row.width / widths[row.image_id]
        for one in row.parts:
            assert x0 - 1 <= one.x <= x1 + 1 and y0 - 1 <= one.y <= y1 + 1
            assert (one.x, one.y) == pytest.approx([scale * side for side in at[row.image_id, one.name]], abs=1.0)


@pytest.mark.skipif(not SUBSET.is_dir(), reason="needs the 27-class CUB subset in ../shared/data")
def test_real_subset() -> None:
    index = read_cub(SUBSET, val_per_class=5)
    check_index(index, "subset")
    assert len(index) == 1549
    assert index["split"].value_counts().to_dict() == {"test": 739, "train": 810 - 27 * 5, "val": 27 * 5}
    assert sorted(index["label"].unique()) == list(range(27))
    assert index.loc[index["label"] == 16, "class_name"].unique().tolist() == ["019.Gray_Catbird"]
    sizes = [line.split() for line in (SUBSET / "image_sizes.txt").read_text().splitlines()[1:]]
    assert {row[0]: (int(row[3]), int(row[4])) for row in sizes} == {
        row.image_id: (row.width, row.height) for row in index.itertuples()
    }
    with_parts(index)
    # Image 999 is the one whose official box lies 5 pixels too low.
    x0, y0, x1, y1 = index.set_index("image_id")["boxes"]["999"][0]
    assert (x0, y0, round(x1, 2), y1) == (1.36, 47.1, 313.03, 255.0)
