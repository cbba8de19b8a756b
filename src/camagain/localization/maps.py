"""The arguments of every function that makes score maps from feature maps and class weights.

Axes: B images, C channels, h x w cells of the feature grid.
"""

from typing import Literal

import torch

Variant = Literal["published", "described"]
"""As the authors' script computes a map, or as the paper's text means it."""


def check_shapes(features: torch.Tensor, weights: torch.Tensor) -> None:
    """ValueError unless features are (B, C, h, w) and weights (B, C)."""
    if features.ndim != 4:
        raise ValueError(f"features have shape {tuple(features.shape)}; expected (B, C, h, w)")
    if weights.shape != features.shape[:2]:
        raise ValueError(f"weights have shape {tuple(weights.shape)}; expected {tuple(features.shape[:2])}, (B, C)")
