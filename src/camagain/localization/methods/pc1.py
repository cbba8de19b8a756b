"""The first principal component of weighted feature maps as a score map (the paper's PC1 method).

Axes: B images, C channels, h x w cells of the feature grid, P = h w cells in a row.

Every channel is weighed by its class weight and then scaled to [0, 1] by itself, so only the sign of a weight counts.
The channels are the samples of a principal component analysis and the cells its variables: the first axis is the
picture along which channels differ most. The sign of an axis is arbitrary; the two variants decide differently which
of its ends is the object.
"""

import torch

from camagain.config.methods import ScoreMap
from camagain.localization.maps import Variant, check_shapes

DECLARES = ScoreMap(name="pc1", title="PC1", variants=True, choices=True, in_model_zoo=True)


def pc1(features: torch.Tensor, weights: torch.Tensor, variant: Variant = "published") -> torch.Tensor:
    """PC1 score maps, features (B, C, h, w) and class weights (B, C) -> maps (B, h, w).

    - `published`, as the authors' script computes it: the axis with the sign that scikit-learn (since 1.5) gives it,
      largest absolute cell positive; divided by its largest value; x replaced by 1 - x if the bright cells of the frame
      (above the mean; the frame is one cell wide above and to the left, two cells below and to the right) number more
      than half of 2 (h - 1) + 2 (w - 1). Values reach from -1 to 2.
    - `described`: in [0, 1], and the same for an axis and its negative: it takes the one in which at most half of the
      outermost cells, counted once each, are above the mean; if both fit, the one whose outermost cells are darker on
      average.

    Deviations of both: a constant channel says nothing about cells and counts as zeros, where the script divides 0
    by 0 and stops; it was written for networks without such channels, but behind a ReLU every image has some. An exact
    eigendecomposition replaces scikit-learn's randomized solver, which is not seeded in the script and moves in the
    last digits from run to run. Raises ValueError when the shapes do not fit.

    >>> features = torch.zeros(1, 3, 8, 8)
    >>> features[:, :2, 3:6, 3:6] = 1  # two channels see the same square
    >>> (pc1(features, torch.ones(1, 3), "described") > 0.5).sum().item()
    9
    """
    check_shapes(features, weights)
    if variant not in ("published", "described"):
        raise ValueError(f"variant is {variant!r}; expected 'published' or 'described'")
    height, width = features.shape[2:]
    scaled = scale_channels(features * weights[:, :, None, None])  # (B, C, P)
    axis = first_axis(scaled).unflatten(1, (height, width))  # (B, h, w), sign by the largest absolute cell
    if variant == "described":
        return span(axis * described_sign(axis)[:, None, None])
    relative = axis / axis.amax((1, 2), keepdim=True)
    bright = relative > relative.mean((1, 2), keepdim=True)
    bright[:, 1 : height - 2, 1 : width - 2] = False
    reverse = bright.sum((1, 2)) / (2 * (height - 1) + 2 * (width - 1)) > 0.5  # (B,)
    return torch.where(reverse[:, None, None], 1 - relative, relative)


def scale_channels(weighted: torch.Tensor) -> torch.Tensor:
    """Every channel shifted and divided to span [0, 1], (B, C, h, w) -> (B, C, P); a constant one becomes zeros."""
    rows = weighted.flatten(2)  # (B, C, P)
    low, high = rows.aminmax(dim=2, keepdim=True)
    return (rows - low) / torch.where(high == low, 1, high - low)


def first_axis(samples: torch.Tensor) -> torch.Tensor:
    """The first principal axis of C samples of P variables, (B, C, P) -> (B, P), unit length.

    Its largest absolute value is positive.
    """
    axis = principal_axes(samples, count=1)[0].squeeze(1)  # (B, P)
    peak = axis.gather(1, axis.abs().argmax(1, keepdim=True))  # (B, 1)
    return axis * torch.where(peak < 0, -1, 1)


def principal_axes(samples: torch.Tensor, count: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Principal axes of C samples of P variables and their variances, (B, C, P) -> (B, R, P) and (B, R), R = min(C, P).

    Axes have unit length and an arbitrary sign; variances descend and are sums of squares over samples, >= 0. Of the
    axes only the first `count` are computed. Computed from the smaller of the two matrices of inner products.
    """
    centred = samples - samples.mean(1, keepdim=True)
    _, C, P = centred.shape
    rank = min(C, P)
    kept = rank if count is None else min(count, rank)
    if P <= C:
        values, vectors = eigh(centred.mT @ centred)  # eigenvalues ascend
        axes = vectors[:, :, rank - kept :].flip(2).mT  # (B, kept, P)
    else:
        values, vectors = eigh(centred @ centred.mT)
        scores = vectors[:, :, rank - kept :].flip(2)  # (B, C, kept)
        axes = torch.nn.functional.normalize((centred.mT @ scores).mT, dim=2)  # (B, kept, P)
    return axes, values.flip(1).clamp_min(0)


def eigh(matrices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Eigenvalues, ascending, and eigenvectors of symmetric matrices; by the CPU where their device cannot."""
    try:
        values, vectors = torch.linalg.eigh(matrices)
    except NotImplementedError:  # on Apple's GPU
        values, vectors = torch.linalg.eigh(matrices.cpu())
    return values.to(matrices.device), vectors.to(matrices.device)


def described_sign(axis: torch.Tensor) -> torch.Tensor:
    """+1 or -1 for each axis (B, h, w): the sign that leaves the outermost cells dark; for -axis it is the opposite.

    The object is assumed to leave at least half of the image's edge free, as the authors' own rule assumes.
    """
    centred = axis - axis.mean((1, 2), keepdim=True)
    edge = torch.ones_like(axis[0], dtype=torch.bool)
    edge[1:-1, 1:-1] = False
    cells = centred[:, edge]  # (B, 2 (h - 1) + 2 (w - 1))
    brighter = (cells > 0).sum(1) - (cells < 0).sum(1)
    lean = torch.where(brighter == 0, cells.mean(1).sign(), brighter.sign())
    return torch.where(lean > 0, -1.0, 1.0).to(axis)


def span(maps: torch.Tensor) -> torch.Tensor:
    """Maps shifted and divided to span [0, 1], (B, h, w) -> same; a constant map becomes zeros."""
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / torch.where(high == low, 1, high - low)
