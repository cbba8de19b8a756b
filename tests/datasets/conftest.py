"""A tiny dataset in the CUB-200-2011 layout."""

from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture
def cub_folder(tmp_path: Path) -> Path:
    """Six 40 x 30 images: 1-3 of class 3, 4-6 of class 7 (class 5 has none); in each class two train and one tests.

    The box of image i is x = i, y = 2.5, width = 10, height = 20.
    """
    root = tmp_path / "birds"
    names = {i: ("003.Tern" if i < 4 else "007.Wren") for i in range(1, 7)}
    for image_id, name in names.items():
        path = root / "images" / name / f"bird {image_id}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((40, 30), 80).convert("RGB").save(path)
    texts = {
        "images.txt": [f"{i} {name}/bird {i}.jpg" for i, name in names.items()],
        "image_class_labels.txt": [f"{i} {3 if i < 4 else 7}" for i in names],
        "train_test_split.txt": [f"{i} {int(i % 3 != 0)}" for i in names],
        "bounding_boxes.txt": [f"{i} {i}.0 2.5 10.0 20.0" for i in names],
        "classes.txt": ["3 003.Tern", "5 005.Unused", "7 007.Wren"],
    }
    for name, lines in texts.items():
        (root / name).write_text("".join(line + "\n" for line in lines))
    return root
