"""Opens every image once before anything is trained on it, and reads its size."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from camagain.datasets.text_tables import Line, refuse
from camagain.progress import progress

CLOSED = "this user may not open it"


def verified_sizes(folder: Path, images: dict[Any, Line], listing: Path, hint: str = "") -> dict[Any, tuple[int, int]]:
    """Width and height of every image of `listing`, whose paths below `folder` are last in a line; each decoded once.

    Refuses files that are missing or damaged; `hint` is said of missing ones.
    """
    files = {image_id: folder / line.fields[-1] for image_id, line in images.items()}
    refuse(
        [
            f"{file}: no such image, but {listing}, line {images[image_id].number}, lists it as image {image_id}"
            for image_id, file in files.items()
            if not file.is_file()
        ],
        f"Paths are relative to {folder}; put the file there, or give the folder that they are relative to.{hint}",
    )
    found = dict(zip(files, image_sizes(list(files.values())), strict=True))
    faults = {
        image_id: f"{files[image_id]} (image {image_id}; {listing}, line {images[image_id].number}): {size}"
        for image_id, size in found.items()
        if isinstance(size, str)
    }
    refuse([fault for fault in faults.values() if fault.endswith(CLOSED)], "Change its permissions.")
    refuse([fault for fault in faults.values() if not fault.endswith(CLOSED)], "Copy or download the file again.")
    return {image_id: size for image_id, size in found.items() if not isinstance(size, str)}


def image_sizes(paths: Sequence[Path]) -> list[tuple[int, int] | str]:
    """Per image its (width, height) in pixels after decoding it to the end, or what is wrong with it as text."""
    with (
        progress("verifying images", len(paths)) as advance,
        # Pillow's decoders release the interpreter lock, so threads do run side by side.
        ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool,
    ):
        sizes = []
        for size in pool.map(_size_or_fault, paths):
            sizes.append(size)
            advance(1)
    return sizes


def _size_or_fault(path: Path) -> tuple[int, int] | str:
    from camagain.datasets.opened import open_image

    try:
        with open_image(path) as image:
            size = image.size
            # A JPEG is decoded at an eighth of its size: every coefficient is still read, so a truncated file still
            # raises (the tests hold Pillow to that, baseline and progressive), and it takes less than half the time.
            image.draft(None, (max(1, size[0] // 8), max(1, size[1] // 8)))
            image.load()
    except PermissionError:
        return CLOSED
    except Exception as error:  # whatever a decoder raises on a damaged file means that the file is damaged
        return f"not a complete, readable image: {error or type(error).__name__}"
    return size
