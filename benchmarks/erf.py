"""Effective receptive fields: `contribution_map` against the procedure of RepLKNet's authors, per image.

ResNet-50 at 1024 px, the input that they measure at, ConvNeXt-T and RepLKNet-31B. Their way: the whole image, torch's
default layout and convolutions, parameters that want gradients, too, which are set to none before each image. Ours: the
part of the image that the centre can depend on, channels-last, no gradients of parameters, large kernels merged and by
the fast route, dense layers by oneDNN (`camagain.models.pointwise`). Where a clone of DingXiaoH/RepLKNet-pytorch is at
hand its own functions are run, unmodified, on the same network, otherwise a plain loop of ours. Left out on both sides:
reading the pictures, of which noise takes the place.

Ours finds out once what the centre depends on and tries it on noise, so it is timed over 20 images, of the 50 that
upstream takes; theirs costs the same for every image and is timed over one. The centre of the others depends on every
pixel, and fewer images a call are enough.

Results must be the same. `difference` is the largest of our map from theirs in double precision, through the maximum.
In single precision a sum that rounds to the other side of 0 in front of a ReLU switches a path on or off, so that any
two orders of summation differ at single pixels by far more than rounding: `float32` and `peer_float32` are how far
either side is then from the map in double precision. The sides of the squares that hold 20, 30, 50 and 99 % are those
of single precision, and equal.
"""

import ast
import copy
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.harness import Kept, alternate, published_source, ratio_rows
from benchmarks.heatmaps import randomised
from camagain.analysis.erf.contribution import THRESHOLDS, area_ratios, contribution_map
from camagain.config import Compute
from camagain.localization.forward import ready
from camagain.models import create
from camagain.models.zoo import Network

REPOSITORY = "DingXiaoH+RepLKNet-pytorch"
CASES = (
    ("resnet50", 1024, 20, 3, True),
    ("convnext_tiny", 512, 2, 3, True),
    ("replknet_31b", 256, 1, 3, True),
)
"""Architecture, side of the input, images in one call of ours, rounds, whether to compare in double precision, which
takes torch minutes for large kernels (see `erf_large`)."""

BOUND = 1e-9
"""Largest difference of two maps in double precision, through their maximum."""


def input_gradient(network: Callable[[torch.Tensor], torch.Tensor], samples: torch.Tensor) -> np.ndarray:
    """Contributions to the centre of the last feature maps, (1, 3, H, W) -> (H, W), as upstream's `get_input_grad`."""
    maps = network(samples)  # (1, C, h, w)
    centre = maps[:, :, maps.shape[2] // 2, maps.shape[3] // 2].relu().sum()
    return torch.autograd.grad(centre, samples)[0].relu().sum((0, 1)).cpu().numpy()


def smallest_square(scaled: np.ndarray, share: float) -> tuple[int, float] | None:
    """The smallest square that holds a share, as upstream's `get_rectangle`."""
    height, width = scaled.shape
    for i in range(1, height // 2):
        square = scaled[height // 2 - i : height // 2 + i + 1, width // 2 - i : width // 2 + i + 1]
        if square.sum() / scaled.sum() > share:
            return 2 * i + 1, (2 * i + 1) ** 2 / (height * width)
    return None


def rows(peer: Path | None, cases: Sequence[tuple[str, int, int, int, bool]] = CASES) -> Iterator[dict]:
    """Ratios of whole measurements, per image."""
    clone = peer / REPOSITORY if peer else None
    gradient, square, name = input_gradient, smallest_square, "plain loop"
    if clone:
        gradient = function(clone, "erf/visualize_erf.py", "get_input_grad", torch=torch)
        square = function(clone, "erf/analyze_erf.py", "get_rectangle", np=np)
        name = REPOSITORY.replace("+", "/")
    for case in cases:
        yield from compare(*case, gradient, square, name)


def compare(
    architecture: str, size: int, count: int, rounds: int, double: bool, gradient: Callable, square: Callable, name: str
) -> list[dict]:
    """One network at one size."""
    stock: Any = randomised(create(architecture, 1000))
    network = prepared(stock)
    image = torch.randn(1, 3, size, size)

    def theirs(image: torch.Tensor) -> np.ndarray:
        """Upstream's loop over images, for one."""
        samples = image.clone().requires_grad_()
        stock.zero_grad()
        return gradient(stock.forward_features, samples)

    single = ours(network, image)  # and warms what the rounds need
    calls = {"camagain": partial(ours, network, image, count), name: Kept(partial(theirs, image))}
    seconds = alternate(calls, rounds, warm=True)
    peer_single = calls[name].result
    sides = [area and area[0] for area in area_ratios(single).values()]
    scaled = np.log10(peer_single + 1)
    peer_areas = [square(scaled / scaled.max(), t) for t in THRESHOLDS]
    assert sides == [area and area[0] for area in peer_areas], f"squares of {sides} pixels, the peer's {peer_areas}"

    stock.double()  # before kernels are merged, which rounds
    exact, difference = ours(prepared(stock), image.double()), ""
    if double:
        apart_by = apart(theirs(image.double()), exact)
        assert apart_by <= BOUND, f"in double precision the maps differ by {apart_by:.1e} of their maximum"
        difference = f"{apart_by:.1e}"
    found = {
        "difference": difference,
        "float32": f"{apart(single, exact):.1e}",
        "peer_float32": f"{apart(peer_single, exact):.1e}",
        "sides": " ".join(map(str, sides)),
    }
    ratios = ratio_rows("erf", f"{architecture}, {size} px", seconds, "camagain", {"camagain": count})
    return [{**row, **found} for row in ratios]


def prepared(stock: nn.Module) -> Network:
    """The same network as jobs of ours run it."""
    network: Any = copy.deepcopy(stock)
    return ready(network, Compute(), torch.device("cpu"))


def ours(network: Network, image: torch.Tensor, count: int = 1) -> np.ndarray:
    return contribution_map(network, (image for _ in range(count)))


def apart(one: np.ndarray, exact: np.ndarray) -> float:
    """The largest difference of two maps through the maximum."""
    return float(np.abs(one - exact).max() / exact.max())


def function(clone: Path, path: str, name: str, **scope: Any) -> Callable:
    """One function of a published script as it stands, without running the script."""
    tree = ast.parse(published_source(clone, path))
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    exec(compile(tree, path, "exec"), scope)
    return scope[name]
