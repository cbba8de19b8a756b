"""SynthBirds: exact annotations, the same bytes every time, and classes that differ only in crown and wing patch."""

import hashlib
import io
import math
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from camagain.datasets.kinds.synthbirds import SynthBirds, drawing_processes
from camagain.datasets.synthbirds import write_synthbirds
from camagain.datasets.synthbirds.classes import MAX_CLASSES, bird_classes
from camagain.datasets.synthbirds.dice import Dice
from camagain.datasets.synthbirds.png import encode_png
from camagain.datasets.synthbirds.render import Picture, draw_picture
from camagain.datasets.synthbirds.write import MARKER, PARTS, part_masks, tight_box
from camagain.errors import UserError

SMALL = SynthBirds.model_validate(
    {
        "kind": "synthbirds",
        "classes": 4,
        "train_per_class": 3,
        "test_per_class": 2,
        "val_per_class": 1,
        "image_size": 64,
    }
)

PINNED = "578de825a38d41d2f1bc9c8c58589d34b625e5e141e00d9b40410f9a24747a4e"
"""Digest of the files that SMALL gives (see `digest`). That a run here agrees with it proves that this machine draws
what the machine drew on which it was recorded; it changes only when the drawing is changed on purpose."""


def digest(folder: Path) -> str:
    """SHA-256 over the relative name and the bytes of every file of the layout."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != MARKER:  # which holds settings, and a new one would change no picture
            total.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def table(path: Path) -> list[list[str]]:
    return [line.split(" ") for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "synthbirds"
    write_synthbirds(folder, SMALL)
    return folder


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    """160 pictures of 96 pixels, as many of each of the 8 default classes."""
    kinds = bird_classes(8)
    return [draw_picture((0, number % 8 + 1, number), kinds[number % 8], 96) for number in range(160)]


# --- the files ---


def test_layout_is_that_of_cub(small: Path) -> None:
    images, labels, split = (
        table(small / name) for name in ("images.txt", "image_class_labels.txt", "train_test_split.txt")
    )
    classes = dict(table(small / "classes.txt"))
    numbers = [str(number) for number in range(1, 21)]
    assert [row[0] for row in images] == [row[0] for row in labels] == [row[0] for row in split] == numbers
    assert [row[0] for row in table(small / "bounding_boxes.txt")] == numbers
    assert classes["1"] == "001.Scarlet_crowned_Orange_wing" and list(classes) == ["1", "2", "3", "4"]
    for (_, file), (_, label) in zip(images, labels, strict=True):
        assert file.startswith(f"{classes[label]}/{classes[label].split('.')[1]}_0")
        with Image.open(small / "images" / file) as image, Image.open(small / "segmentations" / file) as mask:
            assert (image.format, image.size, image.mode, mask.size, mask.mode) == (
                "PNG",
                (64, 64),
                "RGB",
                (64, 64),
                "L",
            )
    trained = [label for (_, label), (_, train) in zip(labels, split, strict=True) if train == "1"]
    assert sorted(trained) == sorted(list(classes) * 3)
    listed = {Path(file) for _, file in images}
    assert {path.relative_to(small / "images") for path in (small / "images").rglob("*.png")} == listed


def test_every_image_has_every_part_in_order(small: Path) -> None:
    names = table(small / "parts" / "parts.txt")
    assert [int(number) for number, _ in names] == list(range(1, len(names) + 1))
    assert {"crown", "wing"} <= {name for _, name in names}
    expected = [(str(image), number) for image in range(1, 21) for number, _ in names]
    boxes, places = table(small / "parts" / "part_boxes.txt"), table(small / "parts" / "part_locs.txt")
    assert [(row[0], row[1]) for row in boxes] == [(row[0], row[1]) for row in places] == expected
    for (_, _, *box, seen), (_, _, x, y, visible) in zip(boxes, places, strict=True):
        left, top, width, height = map(float, box)
        assert seen == visible == str(int(width > 0))
        assert left <= float(x) <= left + width and top <= float(y) <= top + height


def test_bounding_box_is_tight_to_the_segmentation(small: Path) -> None:
    for (_, file), (_, *numbers) in zip(table(small / "images.txt"), table(small / "bounding_boxes.txt"), strict=True):
        with Image.open(small / "segmentations" / file) as image:
            mask = np.asarray(image)
        assert set(np.unique(mask)) == {0, 255}
        x, y, width, height = (int(float(number)) for number in numbers)
        inside = mask[y : y + height, x : x + width]
        assert (inside > 0).sum() == (mask > 0).sum()
        assert all(edge.any() for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))


def test_same_settings_same_bytes_with_any_number_of_workers(small: Path, tmp_path: Path) -> None:
    write_synthbirds(tmp_path / "again", SMALL, workers=2)
    assert digest(tmp_path / "again") == digest(small)


@pytest.mark.parametrize(("classes", "side", "count"), [(2, 96, 1), (64, 96, 4), (2, 1024, 4)])
def test_birds_are_drawn_in_processes_where_there_is_enough_to_draw(monkeypatch, classes: int, side: int, count: int):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    settings = SMALL.model_copy(
        update={"classes": classes, "image_size": side, "train_per_class": 8, "test_per_class": 2}
    )
    assert drawing_processes(settings) == count


def test_bytes_are_those_recorded(small: Path) -> None:
    assert digest(small) == PINNED


def test_another_seed_gives_other_images_of_the_same_classes(small: Path, tmp_path: Path) -> None:
    write_synthbirds(tmp_path / "other", SMALL.model_copy(update={"seed": 1}))
    assert (tmp_path / "other" / "classes.txt").read_bytes() == (small / "classes.txt").read_bytes()
    for _, file in table(small / "images.txt"):
        assert (tmp_path / "other" / "images" / file).read_bytes() != (small / "images" / file).read_bytes()


def test_more_test_images_leave_the_others_as_they_are(small: Path, tmp_path: Path) -> None:
    write_synthbirds(tmp_path / "more", SMALL.model_copy(update={"test_per_class": 3}))
    for _, file in table(small / "images.txt"):
        assert (tmp_path / "more" / "images" / file).read_bytes() == (small / "images" / file).read_bytes()


def test_rewriting_replaces_what_was_written_before(tmp_path: Path) -> None:
    folder = tmp_path / "birds"
    write_synthbirds(folder, SMALL.model_copy(update={"classes": 3, "train_per_class": 2}))
    (folder / "index.parquet").write_text("stale")
    settings = SMALL.model_copy(update={"classes": 2, "train_per_class": 2, "test_per_class": 1})
    write_synthbirds(folder, settings)
    assert len(table(folder / "images.txt")) == len(list((folder / "images").rglob("*.png"))) == 6
    assert not (folder / "index.parquet").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["birds"]


def test_a_foreign_folder_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="something else than SynthBirds"):
        write_synthbirds(tmp_path, SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("camagain.datasets.synthbirds.write.encode_png", fail)
    with pytest.raises(OSError, match="disk full"):
        write_synthbirds(tmp_path / "birds", SMALL)
    assert list(tmp_path.iterdir()) == []


# --- the classes ---


@pytest.mark.parametrize("count", [4, 6, 7, 8, 9, 16, 31, MAX_CLASSES])
def test_neither_cue_alone_tells_the_class_but_both_do(count: int) -> None:
    kinds = bird_classes(count)
    pairs = [(kind.crown, kind.wing) for kind in kinds]
    assert len(set(pairs)) == len({kind.name for kind in kinds}) == count
    for cue in ([kind.crown for kind in kinds], [kind.wing for kind in kinds]):
        assert all(cue.count(colour) >= 2 for colour in cue)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_few_classes_are_distinct_too(count: int) -> None:
    assert len({(kind.crown, kind.wing) for kind in bird_classes(count)}) == count


def test_default_classes_use_no_colour_for_both_cues() -> None:
    kinds = bird_classes(8)
    assert {kind.crown for kind in kinds}.isdisjoint({kind.wing for kind in kinds})


@pytest.mark.parametrize("count", [-1, 0, 1, 65])
def test_class_counts_out_of_range_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="expected 2 to 64"):
        bird_classes(count)


def test_classes_differ_only_in_crown_and_wing_patch() -> None:
    kinds = bird_classes(8)[:4]  # of these, any two differ in both colours
    for number in range(24):
        one, other = kinds[number % 4], kinds[(number + 1 + number // 8) % 4]
        first, second = draw_picture((5, number), one, 96), draw_picture((5, number), other, 96)
        cue = (first.parts["crown"] > 0) | (first.parts["wing_patch"] > 0)
        differs = (first.image != second.image).any(axis=2)
        assert not (differs & ~cue).any()
        clear = (2 * first.parts["crown"].astype(int) > first.full) | (
            2 * first.parts["wing_patch"].astype(int) > first.full
        )
        assert clear.any() and differs[clear].all()
        assert np.array_equal(first.mask, second.mask)
        assert all(np.array_equal(first.parts[name], second.parts[name]) for name in first.parts)


# --- the pictures ---


@pytest.mark.parametrize("size", [48, 97, 200, 300])
def test_any_size_has_an_exact_mask_and_visible_cues(size: int) -> None:
    for number in range(6):
        picture = draw_picture((3, number), bird_classes(64)[number * 9], size)
        assert picture.image.shape == (size, size, 3) and picture.image.dtype == np.uint8
        assert picture.mask.shape == (size, size)
        masks = part_masks(picture)
        assert list(masks) == [name for name, _ in PARTS]
        assert masks["crown"].any() and masks["wing_patch"].any()
        for mask in masks.values():
            assert not (mask & ~picture.mask).any()
        # A pixel's parts, apart from the legs that are none, never cover more than the pixel, nor more than the bird.
        covered = np.sum([cover.astype(int) for cover in picture.parts.values()], axis=0)
        assert covered.max() == picture.full
        assert not ((2 * covered >= picture.full) & ~picture.mask).any()


def test_one_scene_looks_alike_at_every_size() -> None:
    kind = bird_classes(8)[0]
    for number in range(6):
        small, large = draw_picture((11, number), kind, 64), draw_picture((11, number), kind, 256)
        reduced = large.mask.reshape(64, 4, 64, 4).mean(axis=(1, 3)) >= 0.5
        assert (reduced != small.mask).mean() < 0.02
        means = large.image.reshape(64, 4, 64, 4, 3).mean(axis=(1, 3))
        assert np.abs(means - small.image).mean() < 12


def test_birds_vary_so_that_trivial_boxes_fail(pictures: list[Picture]) -> None:
    boxes = np.array([tight_box(picture.mask) for picture in pictures], dtype=float) / 96
    x, y, width, height = boxes.T
    area = width * height
    assert area.min() > 0.08 and area.max() < 0.5  # so the whole picture never reaches IoU 0.5
    assert np.percentile(area, 90) - np.percentile(area, 10) > 0.2
    assert np.percentile(width / height, 90) / np.percentile(width / height, 10) > 2.5
    assert (x + width / 2).std() > 0.1 and (y + height / 2).std() > 0.12
    assert max(centred_hits(boxes, w, h) for w in (0.4, 0.5, 0.6, 0.7, 0.8) for h in (0.4, 0.5, 0.6, 0.7)) < 0.4


def centred_hits(boxes: np.ndarray, width: float, height: float) -> float:
    """The share of boxes (n, 4), x y width height, with which one centred box has an IoU of at least 0.5."""
    low = np.maximum(boxes[:, :2], [(1 - width) / 2, (1 - height) / 2])
    high = np.minimum(boxes[:, :2] + boxes[:, 2:], [(1 + width) / 2, (1 + height) / 2])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    return float((shared / (boxes[:, 2] * boxes[:, 3] + width * height - shared) >= 0.5).mean())


def test_cues_are_local_yet_large_enough_to_learn(pictures: list[Picture]) -> None:
    crown, patch = (
        np.array([picture.parts[name].sum() / picture.full for picture in pictures]) for name in ("crown", "wing_patch")
    )
    bird = np.array([picture.mask.sum() for picture in pictures])
    assert 40 < np.median(crown) < 120 and 60 < np.median(patch) < 150  # pixels of 96 x 96
    assert crown.min() > 12 and patch.min() > 15
    assert np.median((crown + patch) / bird) < 0.22


def test_some_birds_are_partly_hidden_but_never_most_of_a_bird(
    pictures: list[Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("camagain.datasets.synthbirds.render._occlude", lambda *_: None)
    hidden = []
    for number, picture in enumerate(pictures[:80]):
        whole = draw_picture((0, number % 8 + 1, number), bird_classes(8)[number % 8], 96)
        assert not (picture.mask & ~whole.mask).any()
        hidden.append(1 - picture.mask.sum() / whole.mask.sum())
    assert max(hidden) < 0.4
    assert 0.1 < np.mean(np.array(hidden) > 0.01) < 0.5


# --- what the bytes rest on ---


def test_directions_are_far_from_a_tie_of_rounding() -> None:
    """Machines whose sin and cos differ in the last bits still round to the same table."""
    for function in (math.cos, math.sin):
        fractions = [abs(function(math.radians(degrees)) * 2**20) % 1 for degrees in range(360)]
        assert min(abs(fraction - 0.5) for fraction in fractions) > 1e-4


def test_dice_are_fair_and_depend_on_every_integer_of_the_key() -> None:
    dice = Dice(1, 2, 3)
    rolls = [dice.integer(-1, 4) for _ in range(6000)]
    assert sorted(set(rolls)) == [-1, 0, 1, 2, 3, 4]
    assert all(850 < rolls.count(side) < 1150 for side in range(-1, 5))
    assert Dice(1, 2, 3).bytes(3, 5).shape == (3, 5)
    streams = [Dice(*key).bytes(16).tobytes() for key in ((1, 2, 3), (1, 2, 4), (2, 2, 3), (1, 3, 3))]
    assert len(set(streams)) == 4 and Dice(1, 2, 3).bytes(16).tobytes() == streams[0]


def test_dice_roll_the_numbers_that_were_recorded() -> None:
    dice = Dice(0, 1, 2)
    assert [dice.integer(0, 999) for _ in range(5)] == [790, 917, 461, 729, 943]


@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (3, 4, 3), (200, 200, 3)])
def test_png_reads_back_as_written(shape: tuple[int, ...]) -> None:
    pixels = Dice(9).bytes(*shape)
    with Image.open(io.BytesIO(encode_png(pixels))) as image:
        image.load()
        assert np.array_equal(np.asarray(image), pixels)


def test_png_refuses_what_it_cannot_write() -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        encode_png(np.zeros((4, 4), np.float32))
    with pytest.raises(ValueError, match="expected uint8"):
        encode_png(np.zeros((4, 4, 4), np.uint8))
