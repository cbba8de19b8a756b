"""The three splits: val is carved out of the official training part, the official test part is left alone."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from camagain.datasets.text_tables import refuse


def carve_val(
    image_ids: Sequence[str],
    class_names: Sequence[str],
    is_train: Sequence[bool],
    val_per_class: int,
    seed: int,
    source: Path,
) -> list[str]:
    """The split of every image: "test" where not `is_train`, "val" for `val_per_class` of each class, else "train".

    Within a class the training images are ordered by the SHA-256 of "<seed>:<image id>" and the first ones become val.
    The choice therefore depends on the seed and the ids alone: not on the order of lines, not on other classes, and not
    on the version of any random number generator. A class must keep at least one training image. `source` is the file
    that the official split was read from; it is named in errors.
    """
    if val_per_class < 1:
        refuse([f"{source}: val_per_class is {val_per_class}, which leaves val empty"], "Set it to 1 or more.")
    if is_train and all(is_train):
        refuse(
            [f"{source}: none of the {len(is_train)} images is marked 0, so there is nothing to test on"],
            "Restore the original file or mark the test images with 0.",
        )
    training: dict[str, list[str]] = {name: [] for name in class_names}
    for image_id, name, train in zip(image_ids, class_names, is_train, strict=True):
        if train:
            training[name].append(image_id)

    short = [name for name, ids in training.items() if len(ids) <= val_per_class]
    if short:
        more = f" (and {len(short) - 1} more classes have too few)" if len(short) > 1 else ""
        refuse(
            [
                f"{source}: class '{short[0]}' has {len(training[short[0]])} training images (marked 1){more}, but "
                f"{val_per_class} per class are taken out for val and at least one must remain"
            ],
            "Add training images or lower val_per_class.",
        )

    chosen: set[str] = set()
    for ids in training.values():
        chosen.update(sorted(ids, key=lambda image_id: _rank(seed, image_id))[:val_per_class])
    return [
        "test" if not train else "val" if image_id in chosen else "train"
        for image_id, train in zip(image_ids, is_train, strict=True)
    ]


def _rank(seed: int, image_id: str) -> str:
    return hashlib.sha256(f"{seed}:{image_id}".encode()).hexdigest()
