"""Images as tensors: reading, warping to the network's square, normalising, and a table of them for a data loader."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch.utils.data import Dataset, get_worker_info

from camagain.artifacts import readable
from camagain.config import Input
from camagain.datasets.index import image_path
from camagain.datasets.opened import open_image
from camagain.datasets.pixels import normalised, square
from camagain.errors import UserError

if TYPE_CHECKING:
    from camagain.datasets.decoded import DecodedImages

CACHE_BYTES = 2**30
"""Decoded images of a split up to this size stay in memory; JPEG decoding would otherwise dominate small networks."""

Transform = Callable[[Image.Image], torch.Tensor]
Item = tuple[torch.Tensor, int, int]


def read_rgb(path: Path, remedy: str = "Restore the file and run `camagain data` again.") -> Image.Image:
    """An image file as RGB; UserError naming a file that is missing or cannot be decoded, and what to do."""
    readable(path)
    try:
        return open_image(path).convert("RGB")
    except Exception as error:  # whatever a decoder raises on a damaged file means that the file is damaged
        raise UserError(f"{path}: cannot be read as an image ({error or type(error).__name__}). {remedy}") from None


def warp(image: Image.Image, settings: Input) -> torch.Tensor:
    """An image as the network sees it in evaluation: warped to the square (see `square`), normalised; (3, S, S)."""
    pixels = square(image, settings).astype(np.float32) / 255  # (S, S, 3)
    return torch.from_numpy(normalised(pixels, settings))  # (3, S, S)


class ImageTable(Dataset):
    """The images of an index as (tensor, label, row number), decoded once where they fit into memory.

    `decoded` (see `camagain.datasets.decoded`) gives pixels from disk instead; either way they are the same.
    """

    def __init__(
        self, index: pd.DataFrame, index_path: Path, transform: Transform, decoded: "DecodedImages | None" = None
    ) -> None:
        self.names = index["path"].tolist()
        self.paths = [image_path(index_path, path) for path in self.names]
        self.labels = index["label"].tolist()
        self.transform = transform
        self.decoded = decoded
        decoded_bytes = 3 * int((index["width"] * index["height"]).sum())
        self.cache: dict[int, Image.Image] | None = {} if decoded_bytes <= CACHE_BYTES else None

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> Item:
        return self.transform(self.image(row)), self.labels[row], row

    def image(self, row: int) -> Image.Image:
        """The decoded image of a row."""
        if self.decoded is not None:
            return self.decoded.image(self.names[row])
        if self.cache is None or get_worker_info() is not None:  # a loader's process ends with the epoch, and its cache
            return read_rgb(self.paths[row])
        if row not in self.cache:
            self.cache[row] = read_rgb(self.paths[row])
        return self.cache[row]
