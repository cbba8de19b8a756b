"""Images are counted before they are read, and too few of them are said before anything runs."""

from pathlib import Path

import pytest

from camagain.config import Experiment
from camagain.config.file import parse_experiment
from camagain.datasets.index import read_index
from camagain.datasets.prepare import prepare_dataset
from camagain.datasets.sizes import Sizes, check_sizes, largest_useful_batch, sizes_of
from camagain.errors import UserError


def experiment(dataset: dict | None = None, compute: dict | None = None, **training) -> Experiment:
    return parse_experiment(
        {
            "run": "small",
            "dataset": dataset
            or {"kind": "synthbirds", "classes": 3, "train_per_class": 6, "val_per_class": 2}
            | {"test_per_class": 1, "image_size": 48},
            "input": {"size": 32},
            "training": {"epochs": 1, "learning_rate": 0.1, **training},
            "compute": compute or {},
            "models": [{"name": "net", "architecture": "resnet_narrow"}],
        },
        "small",
    )


def write_folder(folder: Path, training: int = 4, classes: int = 3) -> dict:
    """The text files of a folder in CUB's layout, without any photograph; one test image of each class."""
    rows = [(label, image) for label in range(1, classes + 1) for image in range(training + 1)]
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, list[str]] = {"images": [], "image_class_labels": [], "train_test_split": []}
    for number, (label, image) in enumerate(rows, start=1):
        files["images"].append(f"{number} {label}/{image}.jpg")
        files["image_class_labels"].append(f"{number} {label}")
        files["train_test_split"].append(f"{number} {int(image < training)}")
    files["classes"] = [f"{label} class{label}" for label in range(1, classes + 1)]
    for name, lines in files.items():
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return {"kind": "cub-folder", "name": "mine", "path": str(folder), "val_per_class": 1}


def test_drawn_birds_are_as_many_as_was_said(tmp_path: Path):
    dataset = experiment().dataset
    prepare_dataset(dataset, tmp_path)
    index = read_index(tmp_path / "index.parquet")
    assert sizes_of(dataset) == Sizes.of(index["split"], index["label"]) == Sizes(12, 6, 3, 3, fewest=4)


def test_a_folder_is_counted_from_its_text_files(tmp_path: Path):
    assert sizes_of(experiment(write_folder(tmp_path)).dataset) == Sizes(9, 3, 3, 3, fewest=3)


def test_a_folder_that_is_not_there_is_not_counted(tmp_path: Path):
    dataset = {"kind": "cub-folder", "name": "mine", "path": str(tmp_path / "nowhere")}
    assert sizes_of(experiment(dataset).dataset) is None


def test_too_few_images_of_a_class_are_said_at_once(tmp_path: Path):
    dataset = write_folder(tmp_path, training=2) | {"val_per_class": 2}
    with pytest.raises(UserError, match="class 'class1' has 2 training images"):
        sizes_of(experiment(dataset).dataset)


def test_wsolevaluations_text_files_are_counted(tmp_path: Path):
    for split, images in (("train", 4), ("val", 2), ("test", 6)):
        (tmp_path / split).mkdir()
        lines = [f"{split}/{image}.jpg,{image % 2}" for image in range(images)]
        (tmp_path / split / "class_labels.txt").write_text("\n".join(lines) + "\n")
    dataset = {"kind": "wsol-metadata", "name": "theirs", "path": str(tmp_path), "metadata": str(tmp_path)}
    assert sizes_of(experiment(dataset).dataset) == Sizes(4, 2, 6, 2, fewest=2)
    (tmp_path / "val" / "class_labels.txt").unlink()
    assert sizes_of(experiment(dataset).dataset) == Sizes(4, 0, 6, 2, fewest=2), "a dataset may have no val"
    (tmp_path / "test" / "class_labels.txt").unlink()
    assert sizes_of(experiment(dataset).dataset) is None


def test_the_official_split_adds_up():
    sizes = sizes_of(experiment({"kind": "cub", "val_per_class": 5}).dataset)
    assert sizes == Sizes(train=4994, val=1000, test=5794, classes=200, fewest=24)


def test_a_batch_larger_than_the_training_split_is_refused():
    with pytest.raises(
        UserError, match=r"batch_size of 'net' is 32, but 'synthbirds' has only 27 training images.*8 giv"
    ):
        check_sizes(experiment(batch_size=32), Sizes(27, 27, 27, 9, fewest=3))
    assert largest_useful_batch(27) == 8 and largest_useful_batch(64) == 32 and largest_useful_batch(1) == 1


def test_a_batch_as_large_as_the_split_is_a_step():
    assert check_sizes(experiment(batch_size=32), Sizes(32, 200, 27, 9, fewest=3)) == []


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        (Sizes(47, 200, 9, 9, fewest=5), "batches of 32 and leaves out 15 of 47 training images"),
        (Sizes(64, 200, 9, 9, fewest=1), "a class has 1 training images"),
        (Sizes(64, 27, 9, 9, fewest=5), "stand on 27 images"),
        (Sizes(64, 150, 9, 200, fewest=5), "stand on 150 images"),
    ],
)
def test_what_a_small_dataset_means_is_said(sizes: Sizes, said: str):
    (remark,) = check_sizes(experiment(batch_size=32), sizes)
    assert said in remark


def test_without_training_images_nothing_is_trained():
    with pytest.raises(UserError, match="'synthbirds' has no training images, but 'net' is to be trained"):
        check_sizes(experiment(), Sizes(0, 0, 300, 9, fewest=0))
    assert check_sizes(experiment(epochs=0), Sizes(0, 0, 300, 9, fewest=0)) == []


def test_an_experiment_that_trains_nothing_needs_no_batch():
    assert check_sizes(experiment(batch_size=32, epochs=0), Sizes(3, 200, 9, 9, fewest=0)) == []


@pytest.mark.parametrize(
    ("compute", "training", "why"),
    [
        ({"processes": 2}, {"batch_size": 6, "augmentation": {"mixup": 1.0}}, "6, 3 per process, but mixup and CutMix"),
        ({}, {"batch_size": 5, "augmentation": {"cutmix": 1.0}}, "5, 5 per process, but mixup and CutMix"),
        ({"processes": 4}, {"batch_size": 6}, "does not split evenly over compute.processes = 4"),
        ({"processes": 2}, {"batch_size": 6, "accumulation": 2}, "accumulation = 2; choose a multiple of 4"),
    ],
)
def test_a_batch_that_cannot_be_divided_is_refused_with_the_experiment(compute: dict, training: dict, why: str):
    with pytest.raises(UserError, match=why):
        experiment(compute=compute, **training)
