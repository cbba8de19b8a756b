"""A kind of dataset for tests: a disc on grey, and its colour is its class. Added as `datasets/kinds/coins.py`."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from camagain.config.base import Name
from camagain.config.dataset import DatasetSettings

if TYPE_CHECKING:
    from camagain.datasets.source import Source

COLOURS = {"copper": (184, 115, 51), "gold": (255, 215, 0)}


class Coins(DatasetSettings):
    """Discs, drawn on this machine."""

    may_be_published: ClassVar[bool] = True

    kind: Literal["coins"]
    name: Name = Field(default="coins", description="Beginning of the folder's name under `data/`.")
    per_split: int = Field(default=3, ge=1, description="Images of each class in each split.")


def read(settings: Coins, folder: Path) -> "Source":
    """Draws the discs into `folder`."""
    import pandas as pd
    from PIL import Image, ImageDraw

    from camagain.datasets.source import Source

    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for split in ("train", "val", "test"):
        for number in range(settings.per_split):
            for label, (metal, colour) in enumerate(COLOURS.items()):
                name, left = f"{split}-{metal}-{number}", 4 + 3 * number
                image = Image.new("RGB", (48, 48), (90, 90, 90))
                ImageDraw.Draw(image).ellipse((left, 8, left + 20, 28), colour)
                image.save(folder / f"{name}.png")
                box = [float(left), 8.0, left + 20.0, 28.0]
                rows.append((name, f"{name}.png", label, metal, split, 48, 48, [box], None))
    columns = ["image_id", "path", "label", "class_name", "split", "width", "height", "boxes", "mask_path"]
    return Source(pd.DataFrame(rows, columns=columns).astype({"mask_path": "str"}), source="drawn for a test")
