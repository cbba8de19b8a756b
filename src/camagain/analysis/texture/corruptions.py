"""Corruptions of an image that keep its texture and destroy its shape, or the other way round. Never imports torch.

| name | keeps | loses |
|---|---|---|
| clean | everything | nothing |
| patches | whatever is smaller than the patches of a g x g grid | shape: the arrangement of the patches |
| median | whatever is larger than the window of the filter, with its edges | texture: whatever is smaller |
| phases | amplitude spectrum, covariance of the colours | structure: edges, spots and places; a control |
| grey | luminance | colour; a control |

What is drawn at random depends on the seed, the image and the corruption alone: all networks see the same images.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from camagain.analysis.texture.patches import draw_order, shuffle

Name = Literal["clean", "patches", "median", "phases", "grey"]
Loss = Literal["nothing", "shape", "texture", "structure", "colour"]

LOSSES: dict[Name, Loss] = {
    "clean": "nothing",
    "patches": "shape",
    "median": "texture",
    "phases": "structure",
    "grey": "colour",
}

LUMINANCE = np.array([0.299, 0.587, 0.114])
"""Red, green and blue in luminance (ITU-R BT.601)."""


@dataclass(frozen=True)
class Corruption:
    """One corruption and its strength: patches per side, or the window of the median filter in pixels, else 0."""

    name: Name
    strength: int = 0

    @property
    def loses(self) -> Loss:
        return LOSSES[self.name]

    @property
    def keeps_places(self) -> bool:
        """Whether the object can still be found, so that a map of the image can be compared with its true box."""
        return self.name != "phases"

    def generator(self, seed: int, image_id: str) -> np.random.Generator:
        """The random generator of one image's corruption."""
        return np.random.default_rng([seed, zlib.crc32(image_id.encode()), self.strength])

    def order(self, seed: int, image_id: str) -> np.ndarray:
        """The random order of an image's patches."""
        return draw_order(self.strength, self.generator(seed, image_id))

    def apply(self, pixels: np.ndarray, seed: int, image_id: str) -> np.ndarray:
        """The corrupted image: (S, S, 3) uint8 -> (S, S, 3) float64; within [0, 1] but for phases, which leave it."""
        if self.name == "patches":
            pixels = shuffle(pixels, self.order(seed, image_id))
        if self.name == "median":
            pixels = cv2.medianBlur(pixels, self.strength)
        values = pixels / 255.0
        if self.name == "phases":
            return scramble_phases(values, self.generator(seed, image_id))
        return grey(values) if self.name == "grey" else values


def corruptions_of(side: int, grids: Sequence[int], smoothing: Sequence[float]) -> tuple[list[Corruption], list[str]]:
    """Every corruption of images of side x side pixels, clean first, and a line for each that is left out, with why.

    `smoothing`: windows of the median filter as shares of the side. Windows that round to the same pixels count once.
    """
    left_out = [f"{g} x {g} patches: {side} pixels cannot be divided by {g}" for g in grids if side % g]
    windows = dict.fromkeys(odd_window(share, side) for share in smoothing)
    made = [
        Corruption("clean"),
        *(Corruption("patches", g) for g in sorted(set(grids)) if side % g == 0),
        *(Corruption("median", window) for window in sorted(windows)),
        Corruption("phases"),
        Corruption("grey"),
    ]
    return made, left_out


def scramble_phases(pixels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The image with random phases, a random-phase texture (Galerne et al. 2011): (H, W, 3) -> same, not clipped.

    The phase of white noise is added to that of every frequency, the same in all three colours. Each colour keeps its
    amplitude spectrum and mean, and the colours keep their covariance. Replaced phases would be the same in all three
    colours, and the image grey. The Fourier transform takes the image as periodic: the jump between opposite
    edges adds to the amplitudes along the axes.
    """
    height, width, _ = pixels.shape
    noise = np.fft.rfft2(generator.standard_normal((height, width)))  # (H, W/2+1)
    noise[0, 0] = 1  # the mean stays
    turn = noise / np.abs(noise)
    spectrum = np.fft.rfft2(pixels, axes=(0, 1)) * turn[..., None]  # (H, W/2+1, 3)
    return np.fft.irfft2(spectrum, s=(height, width), axes=(0, 1))


def grey(pixels: np.ndarray) -> np.ndarray:
    """Luminance in all three colours: (H, W, 3) -> same."""
    return np.repeat((pixels @ LUMINANCE)[..., None], 3, axis=2)


def odd_window(share: float, side: int) -> int:
    """The odd number of pixels nearest to a share of the side, at least 3."""
    return max(3, 2 * round((share * side - 1) / 2) + 1)
