"""How far the boxes of each set of images moved, as one picture: distributions of the change of IoU."""

import io

import numpy as np
from matplotlib.figure import Figure

from camagain.artifacts import INSIDE
from camagain.compare.judging.images import ImageComparison, joined
from camagain.compare.runs.folder import RunFolder
from camagain.compare.show.pictures import COLORS

BINS = 41
"""Odd, so that one bin is centred on no change."""

WIDTH_INCHES = 4.0
"""Narrow enough to be read on a phone."""

ROW_INCHES = 0.4


def iou_changes(a: RunFolder, b: RunFolder, images: ImageComparison) -> np.ndarray:
    """IoU in A minus IoU in B of the images of one set where it is not the same."""
    file = INSIDE.images(images.model, images.method).as_posix()
    _, ours, theirs = joined(a, b, file)
    changes = ours["iou"] - theirs["iou"]
    return changes[changes != 0]


def draw_distributions(a: RunFolder, b: RunFolder, sets: list[ImageComparison]) -> bytes:
    """One histogram below the other, on one axis symmetric about 0, each as high as its highest bin; PNG bytes."""
    changes = [iou_changes(a, b, images) for images in sets]
    reach = max((float(np.abs(found).max()) for found in changes if len(found)), default=0.0) or 1.0
    edges = np.linspace(-reach, reach, BINS + 1)
    centres = (edges[:-1] + edges[1:]) / 2
    colors = [COLORS["b"] if centre < -1e-12 else COLORS["a"] if centre > 1e-12 else "#8C8C8C" for centre in centres]
    figure = Figure(figsize=(WIDTH_INCHES, ROW_INCHES * len(sets) + 0.55), dpi=150, layout="constrained")
    grid = figure.subplots(len(sets), 1, sharex=True, squeeze=False)[:, 0]
    for axes, images, found in zip(grid, sets, changes, strict=True):
        counts, _ = np.histogram(found, edges)
        axes.bar(centres, counts / max(1, counts.max()), width=edges[1] - edges[0], color=colors, linewidth=0)
        axes.axvline(0, color="#606060", linewidth=0.6)
        axes.set(yticks=[], ylim=(0, 1.12))
        axes.set_ylabel(f"{images.model}\n{images.method}", rotation=0, ha="right", va="center", fontsize=8)
        axes.tick_params(labelsize=8, length=2)
        for side in ("top", "left", "right"):
            axes.spines[side].set_visible(False)
    grid[-1].set_xlabel("IoU in A minus IoU in B", fontsize=9)
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()
