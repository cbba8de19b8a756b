"""A network as the report describes it without building it: its card, and the kernel sizes in its weights."""

from pathlib import Path
from typing import Any

from safetensors import safe_open

from camagain.artifacts import existing
from camagain.drawing.results import RunResults

COLOUR_CHANNELS = 3


def model_card(results: RunResults, model: str) -> dict[str, Any]:
    """The content of model.json."""
    return results.json(results.paths.card(results.training(model)))


def largest_kernel(weights: Path) -> int:
    """The longest side of a network's kernels in cells, read from the shapes in its weights.

    It is that of the depthwise kernels, which the paper compares, or, in a ResNet, of the kernels behind the stem: 3.
    """
    with safe_open(existing(weights), framework="numpy") as file:
        shapes = [tuple(file.get_slice(key).get_shape()) for key in file.keys()]  # noqa: SIM118 - it is no mapping
    return largest_of(shapes)


def largest_of(shapes: list[tuple[int, ...]]) -> int:
    """The same from the shapes of tensors; kernels are (outputs, inputs per group, height, width)."""
    kernels = [shape for shape in shapes if len(shape) == 4]
    depthwise = [shape for shape in kernels if shape[1] == 1 and shape[0] > 1]
    behind_the_stem = [shape for shape in kernels if shape[1] != COLOUR_CHANNELS]
    return max((max(shape[2:]) for shape in depthwise or behind_the_stem or kernels), default=1)


def kernel_of(results: RunResults, model: str) -> int:
    """The longest side of the kernels of one model of a run, in cells."""
    return largest_kernel(results.paths.weights(results.training(model)))
