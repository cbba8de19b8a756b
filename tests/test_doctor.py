"""What `camagain doctor` says of the weights in the downloads folder."""

from pathlib import Path

import pytest
import yaml

from camagain.doctor import diagnosis, needs
from camagain.downloads import fetch
from camagain.errors import UserError


def test_files_of_weights_are_listed_with_what_is_known_of_them(tmp_path: Path):
    assert f"no published file in {tmp_path}" in diagnosis(tmp_path)
    for name in ("replknet_31B1K384_CUB.pth", "SLaK_tiny_checkpoint.safetensors", "holiday.jpg"):
        (tmp_path / name).write_bytes(b"\x80")
    sha256 = fetch("http://127.0.0.1:9", tmp_path / "replknet_31B1K384_CUB.pth")
    lines = [line.split(maxsplit=1)[1] for line in diagnosis(tmp_path).splitlines() if line.startswith("weights ")]
    assert len(lines) == 2
    assert lines[0] == "upstream slak_tiny.in1k_300ep: SLaK_tiny_checkpoint.safetensors, not recorded: not used so far"
    assert lines[1].startswith("published replknet_31b: replknet_31B1K384_CUB.pth, recorded ")
    assert lines[1].endswith(f", sha256 {sha256[:12]}")


def own_birds(root: Path, folder: Path, **changes) -> Path:
    """The experiment for one's own photographs, with a folder of 27 training images in text files alone."""
    rows = [(label, image) for label in range(1, 10) for image in range(5)]
    (folder / "images.txt").write_text("".join(f"{i} {c}/{k}.jpg\n" for i, (c, k) in enumerate(rows)))
    (folder / "image_class_labels.txt").write_text("".join(f"{i} {c}\n" for i, (c, _) in enumerate(rows)))
    (folder / "train_test_split.txt").write_text("".join(f"{i} {int(k < 4)}\n" for i, (_, k) in enumerate(rows)))
    (folder / "classes.txt").write_text("".join(f"{c} bird{c}\n" for c in range(1, 10)))
    values = yaml.safe_load((root / "config/experiments/cub-folder.yaml").read_text())
    values["dataset"] |= {"path": str(folder), "val_per_class": 1}
    values["training"] |= changes
    (folder / "own.yaml").write_text(yaml.safe_dump(values))
    return folder / "own.yaml"


def test_an_experiment_says_what_it_needs(root: Path, tmp_path: Path):
    said = needs(own_birds(root, tmp_path))
    assert "27 training images, 9 of val, 9 of test; 9 classes, the smallest with 3 training images" in said
    assert "leaves out 11 of 27 training images" in said and "stand on 9 images" in said
    assert "tf_efficientnet_lite0" not in said and "efficientnet_lite0: " in said and "NVIDIA H200" in said


def test_too_few_images_are_said_before_anything_runs(root: Path, tmp_path: Path):
    with pytest.raises(UserError, match="is 32, but 'cub-folder' has only 27 training images"):
        needs(own_birds(root, tmp_path, batch_size=32))


def test_without_files_the_papers_images_are_counted(root: Path):
    said = needs(root / "config/experiments/cub-v2.yaml")
    assert "the files of 'cub-v2' are not there; counted are as many as in CUB-200-2011" in said
