"""Images from which the pixels that a score map calls important are taken, or to which they are brought.

Axes: S x S pixels, V versions of an image. Images are normalised, so 0 is the mean colour of the normalisation.
"""

from collections.abc import Iterator, Sequence
from importlib import import_module

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from camagain.config.packages import MODULES

BLUR = 5 / 224
"""Deviation of the blur from which insertion starts, as a share of the side: 5 px at 224 px (Petsiuk et al., 2018)."""


def places(score_map: np.ndarray, seed: int) -> torch.Tensor:
    """The place of each pixel when the most important comes first, (S, S) -> (S, S) int64; equal ones in random order.

    A map that is cut off at 0 has many equal pixels; row by row, they would come from the top to the bottom.
    """
    chance = np.random.Generator(np.random.Philox(seed)).permutation(score_map.size)
    order = np.lexsort((chance, -score_map.ravel()))
    found = np.empty(score_map.size, dtype=np.int64)
    found[order] = np.arange(score_map.size)
    return torch.from_numpy(found.reshape(score_map.shape))


def first(place: torch.Tensor, share: float) -> torch.Tensor:
    """Which pixels are among the most important ones, a share of all: (S, S) bool."""
    return place < round(share * place.numel())


def deletion(image: torch.Tensor, place: torch.Tensor, steps: int) -> Iterator[torch.Tensor]:
    """The image (3, S, S) with no, some and all pixels set to 0, the most important first: steps + 1 versions."""
    for step in range(steps + 1):
        yield image.masked_fill(first(place, step / steps), 0)


def insertion(image: torch.Tensor, place: torch.Tensor, steps: int) -> Iterator[torch.Tensor]:
    """The blurred image with no, some and all pixels of the image itself, the most important first."""
    start = blurred(image)
    for step in range(steps + 1):
        yield torch.where(first(place, step / steps), image, start)


def blurred(image: torch.Tensor) -> torch.Tensor:
    """The image (3, S, S) behind Petsiuk et al.'s blur: 11 x 11 taps with a deviation of 5 px at 224 px, 0 outside."""
    deviation = BLUR * image.shape[-1]
    reach = max(1, round(deviation))
    taps = np.zeros((2 * reach + 1, 2 * reach + 1))
    taps[reach, reach] = 1
    kernel = torch.from_numpy(gaussian_filter(taps, deviation)).to(image)
    return torch.nn.functional.conv2d(image[:, None], kernel[None, None], padding=reach)[:, 0]


def removed(image: torch.Tensor, place: torch.Tensor, shares: Sequence[float], seed: int) -> Iterator[torch.Tensor]:
    """For each share the image without its most, and then without its least important pixels, filled from around them.

    The filling is ROAD's (Rong et al., ICML 2022), by the package grad-cam: each removed pixel is the weighted mean of
    its neighbours, solved for all at once, plus noise, so that the network does not see the shape of what was removed.
    """
    impute = import_module(f"{MODULES['grad-cam']}.metrics.road").NoisyLinearImputer()
    pixels = image.cpu()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for share in shares:
            most, least = first(place, share), ~first(place, 1 - share)
            for gone in (most, least):
                yield impute(pixels, (~gone).float()).to(image)
