"""Score maps of the optional package grad-cam (Gildenblat et al.), from feature maps that are already there.

The package runs a whole network on images. Here it is given the head alone, with the feature maps as its images: no
image passes the backbone again, and as the package resizes its maps to the size of its input, they stay at the size of
the grid. Methods that need the images, or layers before the last, cannot be made this way and are left out: Score-CAM,
Ablation-CAM (both mask the input or its channels and run the network anew, hundreds of times), FullGrad (gradients of
every bias), guided backpropagation, and the package's smoothing by flipped images.

Maps are as the package gives them: negative values cut off, then shifted and scaled to [0, 1], zeros without positive
evidence. One deviation: the package leaves the sign of a principal component to the linear algebra library, so that it
differs between machines; here the largest absolute cell is positive.

Axes: B images, K classes, C channels, h x w cells of the feature grid.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import nn

from camagain.config.methods import ScoreMap, base_of, declared, uses_true_class
from camagain.config.packages import MODULES, require
from camagain.models.zoo import Network, class_scores

DECLARES = (
    ScoreMap(name="grad-cam", title="Grad-CAM", package_class="GradCAM"),
    ScoreMap(name="grad-cam-plus-plus", title="Grad-CAM++", package_class="GradCAMPlusPlus"),
    ScoreMap(name="xgrad-cam", title="XGrad-CAM", package_class="XGradCAM"),
    ScoreMap(name="layer-cam", title="LayerCAM", package_class="LayerCAM"),
    ScoreMap(name="eigen-cam", title="Eigen-CAM", package_class="EigenCAM", class_free=True),
    ScoreMap(name="eigen-grad-cam", title="Eigen-Grad-CAM", package_class="EigenGradCAM"),
    ScoreMap(name="hires-cam", title="HiResCAM", package_class="HiResCAM"),
    ScoreMap(name="grad-cam-elementwise", title="Grad-CAM elementwise", package_class="GradCAMElementWise"),
)

PACKAGE = MODULES["grad-cam"]
"""The module of the package. Imported when first needed: it brings scikit-learn and takes seconds."""

COMPONENT_METHODS = ("eigen-cam", "eigen-grad-cam")
"""Methods whose map is a principal component, which has no sign of its own."""


def require_package(methods: Iterable[str]) -> None:
    """UserError when one of these methods needs the package grad-cam and it is not installed."""
    for method in methods:
        if not declared(method).native:
            require("localization.methods", method, "grad-cam")


def gradient_maps(
    network: Network,
    features: torch.Tensor,
    predicted: torch.Tensor,
    true: torch.Tensor,
    methods: Iterable[str],
) -> dict[str, torch.Tensor]:
    """The package's score maps, features (B, C, h, w) -> (B, h, w) in [0, 1] by name, for those of the methods it has.

    `predicted` and `true` are class numbers (B,); names with `-gt` take the true one. Works under `torch.no_grad` and
    `torch.inference_mode`, and leaves the network and its gradients as they were. Raises UserError when the package is
    missing, ValueError when shapes do not fit or the network is in training mode.
    """
    wanted = [method for method in methods if not declared(method).native]
    require_package(wanted)
    if features.ndim != 4:
        raise ValueError(f"features have shape {tuple(features.shape)}; expected (B, C, h, w)")
    for classes in (predicted, true):
        if classes.shape != features.shape[:1]:
            raise ValueError(f"classes have shape {tuple(classes.shape)}; expected {tuple(features.shape[:1])}, (B,)")
    if network.training:
        raise ValueError("the network is in training mode; call eval() first")
    made = {}
    with torch.inference_mode(False), torch.enable_grad(), frozen(network):
        watched = features.clone()  # features of an inference mode cannot be differentiated, their copy can
        for method in wanted:
            classes = true if uses_true_class(method) else predicted
            maps = package_maps(base_of(method), network, watched, classes.tolist())
            made[method] = torch.from_numpy(maps).to(features.device)  # (B, h, w)
    return made


def package_maps(base: str, network: Network, features: torch.Tensor, classes: list[int]) -> np.ndarray:
    """One method's maps of the given classes, features (B, C, h, w) -> (B, h, w) float32."""
    head = Head(network, features.device)
    package = package_class(base)(head, [head.seen])
    targets = [import_module(f"{PACKAGE}.utils.model_targets").ClassifierOutputTarget(number) for number in classes]
    try:
        # A leaf of its own for every method: the package hangs a hook on it that no one takes off.
        return package(features.detach().requires_grad_(), targets)
    finally:  # and not the package's `with`, which prints an IndexError and goes on
        package.activations_and_grads.release()


class Head(nn.Module):
    """Class scores of feature maps, (B, C, h, w) -> (B, K), behind a layer that the package can watch."""

    def __init__(self, network: Network, device: torch.device) -> None:
        super().__init__()
        self.seen = nn.Identity()
        # A function and not a child: the package calls eval() and zero_grad() on all that it is given.
        self.scores = partial(class_scores, network)
        # The package works on the device of the first parameter.
        self.place = nn.Parameter(torch.empty(0, device=device), requires_grad=False)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.scores(self.seen(features))


@cache
def package_class(base: str) -> Any:
    """The package's class of a method; for principal components one whose sign is settled."""
    found: Any = getattr(import_module(PACKAGE), str(declared(base).package_class))
    if base not in COMPONENT_METHODS:
        return found

    class Signed(found):
        """The package's method, with a sign that does not depend on the machine."""

        def get_cam_image(self, *args, **kwargs) -> np.ndarray:
            return signed(super().get_cam_image(*args, **kwargs))

    return Signed


def signed(components: np.ndarray) -> np.ndarray:
    """Components (B, h, w), each with the sign that makes its largest absolute cell positive."""
    turn = components.max((1, 2)) < -components.min((1, 2))  # (B,)
    return np.where(turn[:, None, None], -components, components)


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Keeps gradients away from a network's parameters, so that none is computed or stored."""
    # Parameters of an inference mode take no gradient anyway, and could not be put back.
    learning = [weight for weight in network.parameters() if weight.requires_grad and not weight.is_inference()]
    for weight in learning:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in learning:
            weight.requires_grad_(True)
