"""The class activation map (Zhou et al. 2016): feature maps, weighed by the class weights and added up.

Axes: B images, C channels, h x w cells of the feature grid.
"""

import torch

from camagain.config.methods import ScoreMap
from camagain.localization.maps import Variant, check_shapes

DECLARES = ScoreMap(name="cam", title="CAM", variants=True, choices=True, in_model_zoo=True)


def cam(features: torch.Tensor, weights: torch.Tensor, variant: Variant = "published") -> torch.Tensor:
    """The class activation map, features (B, C, h, w) and class weights (B, C) -> maps (B, h, w) in [0, 1].

    Both variants weigh every channel by the class weight, ignore the bias, cut negative values off (ReLU) and divide by
    the largest value; they differ in an image without any positive evidence:

    - `published`, as the authors' script computes it: the mean over channels, and 0/0 = NaN for such an image.
    - `described` (Zhou et al. 2016, equation 2): the sum over channels, and a map of zeros for such an image.

    Up to rounding the two are equal everywhere else, since a constant factor cancels. wsolevaluation has no ReLU and
    scales from the minimum instead, which is a different map wherever evidence is negative.
    Raises ValueError when the shapes do not fit.

    >>> features = torch.tensor([[[[1.0, 2.0]], [[3.0, 0.0]]]])  # one image, two channels, 1 x 2 cells
    >>> cam(features, torch.tensor([[2.0, 1.0]]))
    tensor([[[1.0000, 0.8000]]])
    """
    check_shapes(features, weights)
    evidence = torch.einsum("bchw,bc->bhw", features, weights)  # (B, h, w)
    if variant == "published":
        positive = (evidence / features.shape[1]).relu()
        return positive / positive.amax((1, 2), keepdim=True)
    if variant == "described":
        positive = evidence.relu()
        return positive / positive.amax((1, 2), keepdim=True).clamp_min(torch.finfo(positive.dtype).tiny)
    raise ValueError(f"variant is {variant!r}; expected 'published' or 'described'")
