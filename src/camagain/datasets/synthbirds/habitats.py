"""Habitats: the colours and textures of backgrounds, and how much grows and lies in them."""

from dataclasses import dataclass

import numpy as np

from camagain.datasets.synthbirds.classes import Colour
from camagain.datasets.synthbirds.dice import Dice
from camagain.datasets.synthbirds.texture import noise, ramp, upsample

NATURALS: tuple[Colour, ...] = (
    (94, 72, 52), (124, 94, 64), (172, 142, 102), (204, 182, 146), (110, 108, 62), (94, 112, 68), (90, 100, 110),
    (142, 146, 144), (180, 180, 172), (60, 60, 62), (140, 88, 62), (224, 212, 184), (104, 126, 144),
)  # fmt: skip
"""Browns, greys and olives: birds, stones, twigs and dead leaves all take theirs from here, so that colour alone does
not tell a bird from its background."""


def shade(colour: Colour, percent: int) -> Colour:
    """A colour made darker (below 100) or lighter (above)."""
    red, green, blue = (min(255, channel * percent // 100) for channel in colour)
    return red, green, blue


@dataclass(frozen=True)
class Habitat:
    """How a kind of background looks and what may stand in it.

    `stops` are the colours of its ramp from dark to light, `octaves` the noise that runs along it (see `noise`), and
    `gradient` how much lighter (darker if negative) the picture gets toward its top; sprays, tufts and stones are the
    least and the largest number of each.
    """

    stops: tuple[Colour, ...]
    octaves: tuple[tuple[int, int, int], ...]
    gradient: int
    leaves: tuple[Colour, ...]
    perches: tuple[str, ...]
    sprays: tuple[int, int]
    tufts: tuple[int, int]
    stones: tuple[int, int]


GREENS: tuple[Colour, ...] = ((58, 92, 40), (82, 122, 52), (112, 146, 66), (146, 166, 84), (70, 104, 70))
DRY: tuple[Colour, ...] = ((168, 134, 78), (140, 100, 58), (186, 160, 104), (124, 116, 66), (112, 80, 52))

HABITATS: tuple[Habitat, ...] = (
    Habitat(  # woodland
        stops=((24, 40, 24), (48, 76, 38), (84, 114, 56), (150, 166, 96), (206, 208, 156)),
        octaves=((4, 4, 110), (9, 9, 80), (20, 20, 40)),
        gradient=-40,
        leaves=GREENS,
        perches=("branch", "branch", "trunk"),
        sprays=(3, 6), tufts=(0, 2), stones=(0, 0),
    ),
    Habitat(  # open sky behind a tree
        stops=((120, 150, 186), (160, 184, 208), (196, 210, 220), (232, 234, 232)),
        octaves=((3, 4, 90), (6, 10, 50)),
        gradient=60,
        leaves=GREENS,
        perches=("branch",),
        sprays=(2, 5), tufts=(0, 0), stones=(0, 0),
    ),
    Habitat(  # autumn
        stops=((50, 38, 28), (104, 78, 46), (156, 122, 70), (192, 168, 112), (214, 204, 168)),
        octaves=((4, 4, 100), (10, 10, 80), (22, 22, 40)),
        gradient=-30,
        leaves=DRY,
        perches=("branch", "trunk", "ground"),
        sprays=(2, 6), tufts=(0, 3), stones=(0, 2),
    ),
    Habitat(  # meadow
        stops=((60, 88, 40), (96, 124, 56), (136, 152, 78), (176, 180, 118), (198, 210, 206)),
        octaves=((3, 5, 60), (12, 5, 70), (30, 9, 40)),
        gradient=-70,
        leaves=GREENS + DRY[:2],
        perches=("ground", "stone", "branch"),
        sprays=(0, 2), tufts=(5, 10), stones=(1, 4),
    ),
    Habitat(  # water
        stops=((48, 70, 82), (82, 108, 120), (122, 146, 152), (168, 184, 182), (212, 218, 208)),
        octaves=((2, 9, 90), (4, 22, 70), (8, 40, 50)),
        gradient=40,
        leaves=GREENS[1:3] + DRY[:3],
        perches=("stone", "stone", "ground", "branch"),
        sprays=(0, 2), tufts=(2, 6), stones=(2, 5),
    ),
    Habitat(  # rocks
        stops=((64, 60, 56), (104, 98, 90), (140, 134, 124), (178, 172, 160)),
        octaves=((4, 4, 80), (11, 9, 80), (26, 22, 70), (46, 46, 40)),
        gradient=-20,
        leaves=DRY + GREENS[:2],
        perches=("stone", "ground"),
        sprays=(0, 2), tufts=(1, 4), stones=(4, 8),
    ),
)  # fmt: skip


def backdrop(dice: Dice, size: int, habitat: Habitat) -> np.ndarray:
    """The distant background, out of focus: int32 (size, size, 3), 0-255."""
    down = ((np.arange(size) * 2 + 1 - size) * habitat.gradient // size).astype(np.int32)
    field = np.clip(128 - down[:, None] + noise(dice, size, habitat.octaves), 0, 255)
    picture = ramp(habitat.stops)[field]
    blobs = _blobs(dice, (*habitat.leaves, *NATURALS))
    opacity = upsample(blobs[3], size)[..., None]
    # Colours are spread together with their opacity, so that a blob does not fade to black at its edge.
    tinted = np.stack([upsample(channel * blobs[3] >> 8, size) for channel in blobs[:3]], axis=2)
    return ((picture * (255 - opacity)) >> 8) + tinted


def _blobs(dice: Dice, colours: tuple[Colour, ...]) -> np.ndarray:
    """Things too near or far to be in focus: red, green, blue and opacity on a coarse lattice, int32 (4, 30, 30)."""
    side = 30
    blobs = np.zeros((4, side, side), np.int32)
    y, x = np.arange(side)[:, None], np.arange(side)
    for _ in range(dice.integer(4, 14)):
        left, top = dice.integer(0, side - 1), dice.integer(0, side - 1)
        wide, high = dice.integer(2, 5), dice.integer(2, 5)
        inside = ((x - left) * high) ** 2 + ((y - top) * wide) ** 2 <= (wide * high) ** 2
        blobs[:3, inside] = np.array(shade(dice.pick(colours), dice.integer(80, 120)))[:, None]
        blobs[3, inside] = dice.integer(90, 200)
    return blobs
