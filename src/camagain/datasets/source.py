"""What a kind of dataset gives: an index of its images, and where they come from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Source:
    """The images of a dataset, and what `dataset.json` says of their origin.

    `index` is as in `camagain.datasets.index`. Its paths are relative to `prefix`, and that to the folder of the index,
    unless one of them is absolute. `classes`: the names of all classes by label, where the index does not show them
    all, as a sample of ImageNet does not.
    """

    index: pd.DataFrame
    prefix: Path = Path()
    source: str = ""
    boxes: str = "given"
    classes: tuple[str, ...] | None = None
    archive: dict[str, Any] | None = None

    def class_names(self) -> tuple[str, ...]:
        """The names of all classes by label."""
        return self.classes or tuple(self.index.drop_duplicates("label").sort_values("label")["class_name"])

    def located(self) -> pd.DataFrame:
        """The index with paths as they are written."""
        paths = {name: below(self.prefix, self.index[name]) for name in ("path", "mask_path")}
        return self.index.assign(**paths)


def absolute(path: Path) -> Path:
    """A path of the configuration wherever a job runs; `~` is the home folder."""
    return Path(path).expanduser().resolve()


def below(prefix: Path, paths: pd.Series) -> pd.Series:
    """Paths below a folder; missing ones stay missing."""
    return paths.map(lambda path: (prefix / path).as_posix(), na_action="ignore")
