"""The theoretical receptive field: which pixels the centre cell of a network's last feature maps can depend on.

The network runs once on tensors without content (torch's meta device: shapes alone, milliseconds at any size) while
every torch function that it calls is watched. A tensor carries, for each cell along its row and its column axis, the
first and the last pixel that the cell depends on; a convolution joins those of its window, a sum those of its terms.
Borders, strides, dilations, asymmetric padding and parallel branches are exact. An operation that may mix all cells
counts as seeing the whole image: squeeze-and-excitation, attention, adaptive pooling, resizing, padding by reflection,
operators outside torch. The answer may then be too large, never too small.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from camagain.analysis.erf.dependence import CONSTANT, WHOLE, Axis, Dependence, depends, tensors
from camagain.errors import UserError
from camagain.models.zoo import Network, feature_maps


@dataclass(frozen=True)
class Span:
    """Pixels `start` to `stop` - 1 along one axis, seen by cell `cell`; neighbouring cells lie `step` pixels apart.

    Where nothing smaller than the whole axis is known, `step` is its length: no part of it can be left out.
    """

    start: int
    stop: int
    step: int
    cell: int | None = None

    def aligned(self, size: int) -> "Span":
        """The smallest span of an axis of `size` pixels that holds this one and leaves out a multiple of `step` pixels
        on either side. A network run on it alone has its cells at the same pixels; `cell` is counted from its start.
        """
        start = self.start // self.step * self.step
        stop = size - (size - self.stop) // self.step * self.step
        return Span(start, stop, self.step, None if self.cell is None else self.cell - start // self.step)


def receptive_field(network: Network, height: int, width: int, name: str = "network") -> tuple[Span, Span]:
    """Rows and columns of a height x width image that the centre cell (h // 2, w // 2) of the last maps can depend on.

    Exact for networks of convolutions, windowed pooling, stored norms, functions of single cells, sums and joined
    channels; the whole image for all others. Weights do not matter, so a weight of zero counts. The network must be in
    eval mode and is not touched. Raises UserError for a network without feature maps.
    """
    whole = Span(0, height, height), Span(0, width, width)
    try:
        result = trace(network, height, width, name)
    except UserError:
        raise
    except Exception:  # a network that cannot run on shapes alone, for any reason: the whole image is always right
        return whole
    if not isinstance(result, tuple):
        return whole
    spans = []
    for axis in result:
        cell = len(axis.low) // 2
        spans.append(Span(int(axis.low[cell]), int(axis.high[cell]) + 1, axis.step, cell))
    return whole if any(span.start >= span.stop for span in spans) else (spans[0], spans[1])


def trace(network: Network, height: int, width: int, name: str) -> Dependence:
    """The dependence of the last feature maps on an image of that size."""
    meta: dict[int, Any] = {id(p): nn.Parameter(p.detach().to("meta"), False) for p in network.parameters()}
    meta.update({id(buffer): buffer.to("meta") for buffer in network.buffers()})
    constants = list(meta.values())
    bare = copy.deepcopy(network, meta)  # `meta` lists every tensor as copied already, so no weight is copied
    image = torch.empty(1, 3, height, width, device="meta", dtype=next(network.parameters()).dtype)
    pixels = [Axis(dim, np.arange(size), np.arange(size), 1) for dim, size in ((-2, height), (-1, width))]
    watch = Watch()
    watch.note(image, (pixels[0], pixels[1]))
    for constant in constants:
        watch.note(constant, CONSTANT)
    with torch.inference_mode(False), torch.no_grad(), watch:
        features = feature_maps(bare, image, name)
    return watch.of(features)


class Watch(TorchFunctionMode):
    """Notes what every tensor depends on that a torch function returns."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: dict[int, tuple[torch.Tensor, Dependence]] = {}  # keeps the tensors: an id is not used twice

    def note(self, tensor: torch.Tensor, dependence: Dependence) -> None:
        self.notes[id(tensor)] = tensor, dependence

    def of(self, tensor: torch.Tensor) -> Dependence:
        """WHOLE for a tensor from elsewhere: an operator that is no torch function may have made it of the image."""
        return self.notes[id(tensor)][1] if id(tensor) in self.notes else WHOLE

    def __torch_function__(self, function: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        inputs = [(tensor, self.of(tensor)) for tensor in tensors((args, kwargs))]
        result = function(*args, **kwargs)
        name = getattr(function, "__name__", "")
        dependence = depends(name, inputs, result, args, kwargs)
        for tensor in tensors(result):
            self.note(tensor, dependence)
        in_place = name == "__setitem__" or (name.endswith("_") and not name.endswith("__"))
        if in_place and inputs:
            self.note(inputs[0][0], dependence)
        return result
