"""The score maps that an experiment can ask for, by name; `-gt` behind a name takes the true class, not the predicted.

Constants alone: the configuration is checked before torch, or an optional package, is imported.
"""

from collections.abc import Mapping
from typing import Literal, get_args

Method = Literal[
    "cam",
    "cam-gt",
    "pc1",
    "pc1-gt",
    "grad-cam",
    "grad-cam-gt",
    "grad-cam-plus-plus",
    "grad-cam-plus-plus-gt",
    "xgrad-cam",
    "xgrad-cam-gt",
    "layer-cam",
    "layer-cam-gt",
    "eigen-cam",
    "eigen-cam-gt",
    "eigen-grad-cam",
    "eigen-grad-cam-gt",
    "hires-cam",
    "hires-cam-gt",
    "grad-cam-elementwise",
    "grad-cam-elementwise-gt",
]
"""Every name, written out because a type has to be."""

METHODS: tuple[Method, ...] = get_args(Method)

CAM_METHODS = ("cam", "pc1")
"""What camagain computes itself."""

GRADIENT_METHODS: Mapping[str, str] = {
    "grad-cam": "GradCAM",
    "grad-cam-plus-plus": "GradCAMPlusPlus",
    "xgrad-cam": "XGradCAM",
    "layer-cam": "LayerCAM",
    "eigen-cam": "EigenCAM",
    "eigen-grad-cam": "EigenGradCAM",
    "hires-cam": "HiResCAM",
    "grad-cam-elementwise": "GradCAMElementWise",
}
"""What the optional package grad-cam computes, and the name of its class there."""

CLASS_FREE = ("eigen-cam",)
"""What looks at no class: with and without `-gt` it is the same map."""

_TRUE_CLASS = "-gt"

_DISPLAY = {
    "cam": "CAM",
    "pc1": "PC1",
    "grad-cam": "Grad-CAM",
    "grad-cam-plus-plus": "Grad-CAM++",
    "xgrad-cam": "XGrad-CAM",
    "layer-cam": "LayerCAM",
    "eigen-cam": "Eigen-CAM",
    "eigen-grad-cam": "Eigen-Grad-CAM",
    "hires-cam": "HiResCAM",
    "grad-cam-elementwise": "Grad-CAM elementwise",
}


def base_of(method: str) -> str:
    """The method without its choice of class: `cam-gt` -> `cam`, `cam` -> `cam`."""
    return method.removesuffix(_TRUE_CLASS)


def uses_true_class(method: str) -> bool:
    """Whether a method's name asks for the map of the true class."""
    return method.endswith(_TRUE_CLASS)


def _display_name(method: str) -> str:
    name, true_class = _DISPLAY[base_of(method)], uses_true_class(method)
    if base_of(method) in CLASS_FREE:
        return f"{name}, no class (-gt)" if true_class else f"{name}, no class"
    return f"{name}, true class" if true_class else f"{name}, predicted class"


METHOD_NAMES: Mapping[str, str] = {method: _display_name(method) for method in METHODS}
"""How a score map is called in tables and figures."""
