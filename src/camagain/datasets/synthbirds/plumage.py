"""The colours of a bird that do not depend on its class."""

from camagain.datasets.synthbirds.classes import Colour
from camagain.datasets.synthbirds.dice import Dice
from camagain.datasets.synthbirds.habitats import NATURALS, shade

PART_OF_INK = {
    "body": "body", "belly": "body", "spot": "body",
    "head": "head", "throat": "head", "stripe": "head", "eye_ring": "head",
    "crown": "crown", "eye": "eye", "glint": "eye", "beak": "beak", "beak_dark": "beak",
    "wing": "wing", "wing_edge": "wing", "wing_dark": "wing", "wing_light": "wing", "wing_patch": "wing_patch",
    "tail": "tail", "tail_dark": "tail", "leg": "",
}  # fmt: skip
"""The part for which each ink of a bird counts; legs count for none."""

MANTLES = tuple(colour for colour in NATURALS if min(colour) < 140)
"""Upper parts of birds: the naturals without the palest, on which an ivory crown would not stand out."""


def sample_plumage(dice: Dice) -> dict[str, Colour]:
    """A colour for every ink of the bird except those of its class; alike for all classes."""
    mantle = shade(dice.pick(MANTLES), dice.integer(82, 112))
    pale = dice.pick(((224, 214, 190), (204, 190, 158), (190, 192, 188), (214, 204, 196)))
    keep = dice.integer(15, 85)
    red, green, blue = ((a * keep + b * (100 - keep)) // 100 for a, b in zip(mantle, pale, strict=True))
    belly: Colour = (red, green, blue)
    head = shade(mantle, dice.integer(80, 110))
    wing = shade(mantle, dice.integer(66, 84))
    horn = dice.pick(((60, 56, 54), (92, 80, 66), (150, 126, 84), (110, 104, 96)))
    tail = shade(mantle, dice.integer(62, 90))
    return {
        "body": mantle,
        "belly": belly,
        "spot": shade(belly, 68) if dice.chance(0.4) else belly,
        "head": head,
        "throat": belly if dice.chance(0.6) else head,
        "stripe": shade(head, 62) if dice.chance(0.5) else head,
        "eye_ring": shade(belly, 108) if dice.chance(0.5) else shade(head, 74),
        "eye": (16, 14, 14),
        "glint": (240, 240, 240),
        "beak": horn,
        "beak_dark": shade(horn, 62),
        "wing": wing,
        "wing_edge": shade(mantle, 58),
        "wing_dark": shade(wing, 66),
        "wing_light": shade(wing, 140),
        "tail": tail,
        "tail_dark": shade(tail, 68),
        "leg": shade(horn, 84),
    }
