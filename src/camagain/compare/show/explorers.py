"""Links from a comparison's page to one image in the explorer of either run, where there is one."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

from camagain.artifacts import INSIDE
from camagain.compare.judging.comparison import Comparison
from camagain.compare.judging.images import ImageComparison


@dataclass(frozen=True)
class Explorers:
    """The explorers of the two runs: "A" or "B" -> address, as seen from the comparison's page."""

    addresses: Mapping[str, str]

    def links(self, images: ImageComparison, image_id: str) -> dict[str, str]:
        """Where each explorer shows an image with the map of a model and method: "A" or "B" -> address."""
        place = urlencode({"image": image_id, "model": images.model, "method": images.method})
        return {side: f"{address}#{place}" for side, address in self.addresses.items()}


def find_explorers(comparison: Comparison, page: Path) -> Explorers:
    """The explorers that exist, for a page at a path."""
    files = {side: run.root / INSIDE.explorer for side, run in (("A", comparison.a), ("B", comparison.b))}
    folder = page.absolute().parent
    return Explorers(
        {
            side: quote(Path(os.path.relpath(file.absolute(), folder)).as_posix())
            for side, file in files.items()
            if file.is_file()
        }
    )
