"""`camagain data --check`: everything that is wrong with a dataset at once, and nothing written."""

import shutil
from pathlib import Path

import pytest

from camagain.config.file import parse_experiment
from camagain.datasets.prepare import check_dataset
from camagain.errors import UserError


def settings(tiny_values: dict, **dataset: object):
    return parse_experiment({**tiny_values, "dataset": dataset}, "x").dataset


def faults(dataset, folder: Path) -> list[str]:
    """The lines of what is wrong; the first one counts the faults."""
    with pytest.raises(UserError) as caught:
        check_dataset(dataset, folder)
    return str(caught.value).splitlines()


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_all_faults_of_a_cub_folder_are_listed(cub_folder: Path, tiny_values: dict, tmp_path: Path) -> None:
    dataset = settings(tiny_values, kind="cub-folder", name="birds", path=str(cub_folder), val_per_class=1)
    place = tmp_path / "data" / "birds"
    assert check_dataset(dataset, place) == "birds: 6 images, all in order"
    change(cub_folder / "classes.txt", "7 007.Wren", "8 007.Wren")
    change(cub_folder / "train_test_split.txt", "1 1", "1 yes")
    change(cub_folder / "train_test_split.txt", "6 0", "6 0\n6 0")
    change(cub_folder / "bounding_boxes.txt", "2 2.0 2.5 10.0", "2 2.0 2.5 -10.0")
    change(cub_folder / "bounding_boxes.txt", "3 3.0 2.5 10.0", "3 3.0 2.5 90.0")
    change(cub_folder / "bounding_boxes.txt", "4 4.0 2.5 10.0 20.0\n", "")
    (cub_folder / "images/007.Wren/bird 5.jpg").write_bytes(b"")
    (cub_folder / "images/007.Wren/bird 6.jpg").unlink()
    (cub_folder / "parts").mkdir()
    found = faults(dataset, place)
    assert found[0] == f"birds: {sum(not line.startswith('  ->') for line in found) - 1} faults"
    for text in (
        "line 4: image 4 (007.Wren/bird 4.jpg) has class id 7",
        "line 5: image 5 (007.Wren/bird 5.jpg) has class id 7",
        "train_test_split.txt, line 1: is training is 'yes'",
        "train_test_split.txt, line 7: image 6 occurs again",
        "train_test_split.txt: no line for image 1",
        "the box of image 2 (003.Tern/bird 2.jpg) is -10 x 20 pixels",
        "the box of image 3 (003.Tern/bird 3.jpg) covers x 3 to 93",
        "bounding_boxes.txt: no line for image 4",
        "bird 5.jpg (image 5",
        "bird 6.jpg: no such image",
        "parts.txt: no such file",
    ):
        assert any(text in line for line in found), f"{text} is not in {found}"
    assert list((tmp_path / "data").iterdir()) == []


def test_a_folder_without_its_text_files_is_said_once_for_each(
    cub_folder: Path, tiny_values: dict, tmp_path: Path
) -> None:
    for name in ("classes.txt", "bounding_boxes.txt", "image_class_labels.txt"):
        (cub_folder / name).unlink()
    dataset = settings(tiny_values, kind="cub-folder", name="birds", path=str(cub_folder), val_per_class=1)
    found = faults(dataset, tmp_path / "data" / "birds")
    assert found[0] == "birds: 3 faults"
    shutil.rmtree(cub_folder)
    assert "no such folder" in faults(dataset, tmp_path / "data" / "birds")[1]


def test_all_faults_of_wsolevaluations_texts_are_listed(tiny_values: dict, tmp_path: Path) -> None:
    from PIL import Image

    texts = tmp_path / "metadata" / "test"
    texts.mkdir(parents=True)
    for name in ("a", "b", "c"):
        Image.new("RGB", (8, 6)).save(tmp_path / f"{name}.png")
    (texts / "image_ids.txt").write_text("a.png\nb.png\nc.png\nd.png\n")
    (texts / "class_labels.txt").write_text("a.png,0\nb.png,two\nc.png,3\nd.png,1\n")
    (texts / "image_sizes.txt").write_text("a.png,8,6\nb.png,80,60\n")
    (texts / "localization.txt").write_text("a.png,0,0,4,4\nb.png,4,4,2,2\nc.png,0,0,40,4\n")
    values = {"kind": "wsol-metadata", "name": "w", "path": str(tmp_path), "metadata": str(tmp_path / "metadata")}
    found = faults(settings(tiny_values, **values), tmp_path / "data" / "w")
    for text in (
        "label is 'two'",
        "class_labels.txt: no line for image b.png",
        "has label 3, expected 0 to 2",
        "image_sizes.txt: no line for image c.png",
        "localization.txt: no line for image d.png",
        "d.png: no such image",
        "b.png has 80 x 60 pixels",
        "4,4,2,2 of image b.png has no area",
        "0,0,40,4 of image c.png reaches out",
    ):
        assert any(text in line for line in found), f"{text} is not in {found}"
    assert list((tmp_path / "data").iterdir()) == []


def test_drawn_birds_are_in_order(tiny_values: dict, tmp_path: Path) -> None:
    dataset = parse_experiment(tiny_values, "x").dataset
    assert check_dataset(dataset, tmp_path / "birds") == "tiny-birds: 36 images, all in order"
    assert list(tmp_path.iterdir()) == []
