"""The files that a dataset is read from, so that what is missing can be said before anything runs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from camagain.config.dataset import DatasetSettings, kind_module
from camagain.registry import implementation


@dataclass(frozen=True)
class Needed:
    """One file or folder that a dataset is read from."""

    path: Path
    url: str = ""  # where it is downloaded from; empty where somebody has to put it there
    bytes: int = 0  # of what is downloaded

    def is_there(self) -> bool:
        return self.path.exists()


def needed_files(dataset: DatasetSettings, data: Path) -> list[Needed]:
    """The files that a dataset needs, each whether it is there or not; none for a kind that does not say.

    A kind of dataset says it by a function `needed(settings, data)`, where `data` is the root of all datasets.
    """
    module = implementation("camagain.datasets.kinds", kind_module(dataset.kind))
    found: Iterator[Needed] = module.needed(dataset, data) if hasattr(module, "needed") else iter(())
    return list(found)
