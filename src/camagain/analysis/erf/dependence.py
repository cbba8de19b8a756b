"""What the result of one torch function depends on, given what its arguments depend on; one rule per function.

A dependence says, for each cell along a tensor's row and column axis, which pixels of the image the cell can see. A
function without a rule counts as seeing the whole image: the answer may be too large, never too small.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

NO_PIXEL = np.iinfo(np.int64).max
"""First pixel of a cell that depends on none."""


@dataclass(frozen=True)
class Axis:
    """Cell i along axis `dim` (counted from the end) depends on pixels low[i] to high[i]; (n,) each."""

    dim: int
    low: np.ndarray
    high: np.ndarray
    step: int

    def windows(self, cells: int, kernel: int, stride: int, before: int, dilation: int = 1) -> "Axis":
        """The axis behind an operation on windows, the first of which begins `before` cells ahead of the first cell."""
        index = stride * np.arange(cells)[:, None] - before + dilation * np.arange(kernel)  # (cells, kernel)
        inside = (index >= 0) & (index < len(self.low))
        index = index.clip(0, len(self.low) - 1)
        low, high = np.where(inside, self.low[index], NO_PIXEL).min(1), np.where(inside, self.high[index], -1).max(1)
        return Axis(self.dim, low, high, self.step * stride)

    def joined(self, other: "Axis") -> "Axis | None":
        """The axis of a tensor made of both, cell by cell; None where their cells do not match."""
        if (self.dim, self.step, len(self.low)) != (other.dim, other.step, len(other.low)):
            return None
        return replace(self, low=np.minimum(self.low, other.low), high=np.maximum(self.high, other.high))


Axes = tuple[Axis, Axis]
CONSTANT, WHOLE = "constant", "whole"
Dependence = Axes | str
"""A tensor's row and column axis; CONSTANT if it does not depend on the image; WHOLE if nothing better is known."""


def depends(name: str, inputs: list[tuple[torch.Tensor, Dependence]], result: Any, args: tuple, kwargs: dict) -> Any:
    """What the result of a torch function depends on, given what its inputs depend on."""
    known = [dependence for _, dependence in inputs]
    if all(dependence == CONSTANT for dependence in known):
        return CONSTANT
    if any(dependence == WHOLE for dependence in known):
        return WHOLE
    if is_pointwise(name) or (name in ("cat", "concat") and joins_channels(*args, **kwargs)):
        return cell_by_cell(inputs)
    rule = RULES.get(name)
    if rule is None or not isinstance(known[0], tuple) or any(dependence != CONSTANT for dependence in known[1:]):
        return WHOLE
    return rule(known[0], result, *args, **kwargs) or WHOLE


def is_pointwise(name: str) -> bool:
    """Whether a function treats every cell by itself, by torch's own tags and a few names that it does not tag."""
    name = name.strip("_")
    operator = getattr(torch.ops.aten, name.removeprefix("i") if name in ("iadd", "imul", "isub") else name, None)
    return name in {"dropout", "hardswish", "contiguous", "clone", "float", "to"} or (
        operator is not None and any(torch.Tag.pointwise in getattr(operator, o).tags for o in operator.overloads())
    )


def joins_channels(tensors: Any, dim: int = 0) -> bool:
    return all((dim if dim < 0 else dim - tensor.ndim) == -3 for tensor in tensors)


def cell_by_cell(inputs: list[tuple[torch.Tensor, Dependence]]) -> Dependence:
    """Sums, products and the like; after a constant that varies over cells (a position code) it is WHOLE."""
    axes = [dependence for _, dependence in inputs if isinstance(dependence, tuple)]
    rows, columns = axes[0]
    for other_rows, other_columns in axes[1:]:
        joint_rows, joint_columns = rows.joined(other_rows), columns.joined(other_columns)
        if joint_rows is None or joint_columns is None:
            return WHOLE
        rows, columns = joint_rows, joint_columns
    for tensor, dependence in inputs:
        if dependence == CONSTANT and any(a.dim >= -tensor.ndim and tensor.shape[a.dim] > 1 for a in (rows, columns)):
            return WHOLE
    return rows, columns


def pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


def windowed(axes: Axes, result: Any, kernel: Any, stride: Any, before: Any, dilation: Any) -> Axes | None:
    if [axis.dim for axis in axes] != [-2, -1] or not isinstance(result, torch.Tensor):
        return None
    settings = zip(pair(kernel), pair(stride), pair(before), pair(dilation), strict=True)
    rows, columns = (a.windows(result.shape[a.dim], *setting) for a, setting in zip(axes, settings, strict=True))
    return rows, columns


# Below, one rule per torch function, with its parameters: axes of its first argument -> axes of its result, or None.


def conv2d(axes, result, input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1) -> Axes | None:
    kernel = tuple(weight.shape[2:])
    if isinstance(padding, str):  # torch puts the odd one of "same" padding behind
        reach = [d * (k - 1) // 2 for d, k in zip(pair(dilation), kernel, strict=True)]
        padding = reach if padding == "same" else 0
    return windowed(axes, result, kernel, stride, padding, dilation)


def max_pool2d(
    axes, result, input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
) -> Axes | None:
    return windowed(axes, result, kernel_size, stride or kernel_size, padding, dilation)


def avg_pool2d(
    axes, result, input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor=None
) -> Axes | None:
    return windowed(axes, result, kernel_size, stride or kernel_size, padding, 1)


def pad(axes, result, input, pad, mode="constant", value=None) -> Axes | None:
    left, _, top, _ = [*pad, 0, 0][:4]  # torch lists the last axis first
    if len(pad) <= 4 and mode == "constant":
        return windowed(axes, result, 1, 1, (top, left), 1)
    return None  # the others copy cells from elsewhere


def permute(axes, result, input, *dims) -> Axes | None:
    order = [d % input.ndim - input.ndim for d in (dims[0] if isinstance(dims[0], list | tuple) else dims)]
    rows, columns = (replace(axis, dim=order.index(axis.dim) - input.ndim) for axis in axes)
    return rows, columns


def linear(axes, result, input, weight, bias=None) -> Axes | None:
    return None if any(axis.dim == -1 for axis in axes) else axes


def layer_norm(axes, result, input, normalized_shape, weight=None, bias=None, eps=1e-5) -> Axes | None:
    return None if any(axis.dim >= -len(normalized_shape) for axis in axes) else axes


def batch_norm(axes, result, input, mean, var, weight=None, bias=None, training=False, *others, **more) -> Axes | None:
    return None if training else axes  # stored statistics; those of the batch are those of the whole image


RULES: dict[str, Callable[..., Axes | None]] = {
    rule.__name__: rule for rule in (conv2d, max_pool2d, avg_pool2d, pad, permute, linear, layer_norm, batch_norm)
}


def tensors(value: Any) -> Iterator[torch.Tensor]:
    """Every tensor in nested lists, tuples and dictionaries."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from tensors(item)
    elif isinstance(value, dict):
        yield from tensors(tuple(value.values()))
