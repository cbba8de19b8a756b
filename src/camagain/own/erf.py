"""The effective receptive field of anybody's network on anybody's images: what `camagain erf --model` does."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from camagain.analysis.erf.area import THRESHOLDS, area_ratios, free_area_ratios
from camagain.analysis.erf.contribution import measure
from camagain.analysis.erf.show import OUTLINED, draw_picture
from camagain.artifacts import atomic
from camagain.datasets.images import warp
from camagain.datasets.index import spread_evenly
from camagain.datasets.opened import FORMATS
from camagain.errors import UserError
from camagain.own.localize import upright
from camagain.own.network import OwnNetwork, own_network
from camagain.progress import track

ENDINGS = {f".{name.lower()}" for name in FORMATS} | {".jpg", ".tif", ".ppm"}


def erf_of(
    model: str,
    weights: Path | None,
    images: Path,
    count: int = 50,
    size: int | None = None,
    picture: Path | None = None,
) -> str:
    """Area ratios of a network in a few lines, by RepLKNet's procedure; its map as a picture where one is wanted.

    `model` and `weights` as `own_network` takes them; `images` is a folder or a file, of which at most `count` are
    taken, spread evenly. UserError where there are none.
    """
    chosen = spread_evenly(pd.DataFrame({"path": files_in(images)}), count)["path"].tolist()
    own = own_network(model, weights)
    if size is not None:
        own = OwnNetwork(own.name, own.network, own.input.model_copy(update={"size": size}), own.classes)
    found = measure(own.network, track(seen(own, chosen), len(chosen), f"erf of {own.name}"), own.name)
    square, free = area_ratios(found.values), free_area_ratios(found.values)
    if picture is not None:
        write_picture(found.values, picture)
    skipped = f", {found.skipped} skipped since their gradients are not finite" if found.skipped else ""
    lines = [
        f"{own.name}: effective receptive field over {found.images} images of {own.input.size} px{skipped}",
        "share t  square, px  % of the input  fewest pixels, %",
    ]
    for t in THRESHOLDS:
        side, ratio = ("–", "–") if square[t] is None else (f"{square[t][0]}", f"{100 * square[t][1]:.1f}")  # type: ignore[index]
        lines.append(f"{t:<7.0%}  {side:>10}  {ratio:>14}  {100 * free[t]:>16.1f}")
    return "\n".join(lines)


def files_in(images: Path) -> list[Path]:
    """Image files of a folder and those below it, in order of their names, or the one file; UserError without any."""
    found = [images] if images.is_file() else sorted(p for p in images.rglob("*") if p.suffix.lower() in ENDINGS)
    if not found:
        raise UserError(f"{images}: found no image; expected a file or a folder of {', '.join(FORMATS)}.")
    return found


def seen(own: OwnNetwork, paths: list[Path]) -> Iterator[torch.Tensor]:
    """Images as the network sees them, (1, 3, S, S) each."""
    for path in paths:
        yield warp(upright(path), own.input)[None]


def write_picture(contribution: np.ndarray, path: Path) -> None:
    """The map as upstream draws it, with the square that holds half of it."""
    squares = area_ratios(contribution, (OUTLINED,))[OUTLINED]
    side, ratio = (np.nan, np.nan) if squares is None else squares
    page = Figure(figsize=(3, 3.2), layout="constrained")
    axes = page.add_subplot(xticks=[], yticks=[])
    draw_picture(axes, contribution, pd.Series({"side_pixels": side, "area_ratio": ratio}))
    with atomic(path) as temporary:
        page.savefig(temporary, dpi=200)
