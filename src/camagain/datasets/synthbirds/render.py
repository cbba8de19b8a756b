"""One picture: a scene drawn for a class, with the exact mask and the coverage of every part."""

from dataclasses import dataclass

import numpy as np

from camagain.datasets.synthbirds.bird import Anatomy, bird_shapes, sample_anatomy
from camagain.datasets.synthbirds.canvas import Canvas
from camagain.datasets.synthbirds.classes import BirdClass
from camagain.datasets.synthbirds.clutter import draw_clutter, draw_spray, draw_tuft
from camagain.datasets.synthbirds.dice import Dice
from camagain.datasets.synthbirds.geometry import direction
from camagain.datasets.synthbirds.habitats import HABITATS, Habitat, backdrop
from camagain.datasets.synthbirds.perch import draw_perch
from camagain.datasets.synthbirds.plumage import PART_OF_INK, sample_plumage
from camagain.datasets.synthbirds.shapes import Shape, moved
from camagain.datasets.synthbirds.texture import noise, relief


@dataclass(frozen=True)
class Picture:
    """A drawn bird.

    image: uint8 (size, size, 3). mask: bool (size, size), true where the visible bird covers at least half of the
    pixel. parts: per part of `canvas.PARTS` the share of the pixel that it visibly covers, uint8 (size, size), in
    units of 1 / full.
    """

    image: np.ndarray
    mask: np.ndarray
    parts: dict[str, np.ndarray]
    full: int


def draw_picture(key: tuple[int, ...], kind: BirdClass, size: int) -> Picture:
    """Draws the scene that the integers `key` stand for, with the crown and the wing patch of a class.

    Nothing but those two colours depends on the class: the same key gives the same scene, pose and plumage for all.
    """
    dice = Dice(*key)
    canvas = Canvas(size)
    habitat = dice.pick(HABITATS)
    perch = dice.pick(habitat.perches)
    bird = sample_anatomy(dice, perch)
    flip = dice.chance(0.5)
    shapes, rest, scale = _placed(dice, bird, flip)
    away = direction(bird.tilt + 90 if bird.clinging else 90) * ([-1, 1] if flip else [1, 1])

    base = backdrop(dice, size, habitat)
    draw_clutter(canvas, dice, habitat)
    draw_perch(canvas, dice, perch, rest, away, scale)
    inks = {
        name: canvas.ink(colour, PART_OF_INK[name])
        for name, colour in {**sample_plumage(dice), "crown": kind.crown, "wing_patch": kind.wing}.items()
    }
    for shape in shapes:
        inside = [inks[name] for name in shape.inside]
        if inside != [inks[shape.ink]]:  # a marking in the colour of what it lies on needs no drawing
            canvas.fill(canvas.bird, shape.outline, inks[shape.ink], inside)
    if dice.chance(0.45):
        _occlude(canvas, dice, habitat, shapes, [inks["crown"], inks["wing_patch"]])
    return _compose(canvas, dice, base, [number for name, number in inks.items() if name.startswith("wing")], scale)


def _placed(dice: Dice, bird: Anatomy, flip: bool) -> tuple[list[Shape], np.ndarray, float]:
    """The bird's polygons in picture units, the resting point of its feet, and its scale (trunk length)."""
    shapes, rest = bird_shapes(bird)
    mirror = np.array([-1.0 if flip else 1.0, 1.0])
    corners = np.concatenate([shape.outline for shape in shapes if not shape.inside]) * mirror
    low, high = corners.min(axis=0), corners.max(axis=0)
    width, height = (float(side) for side in high - low)
    share = dice.uniform(0.11, 0.45)
    scale = min(float(np.sqrt(share / (width * height))), 0.92 / width, 0.92 / height)
    free = [1.0 - scale * width - 0.03, 1.0 - scale * height - 0.03]
    # u * u * (3 - 2 * u) of an even u prefers both ends: birds away from the centre, as photographers place them.
    u, v = dice.uniform(0, 1), dice.uniform(0, 1)
    shift = np.array([0.015 + free[0] * u * u * (3 - 2 * u), 0.015 + free[1] * v * v * (3 - 2 * v)]) - low * scale
    return moved(shapes, lambda points: points * mirror * scale + shift), rest * mirror * scale + shift, scale


def _occlude(canvas: Canvas, dice: Dice, habitat: Habitat, shapes: list[Shape], cues: list[int]) -> None:
    """Puts a twig or grass before the bird, unless it would hide more than a third of a cue or of the bird."""
    target = dice.pick([shape for shape in shapes if shape.ink in ("body", "tail", "wing")]).outline[0]
    if dice.chance(0.35):
        root = np.array([target[0] + dice.uniform(-0.1, 0.1), dice.uniform(0.95, 1.1)])
        draw_tuft(canvas, canvas.front, dice, root, max(0.15, float(root[1] - target[1])) * 1.2, habitat)
    else:
        x, y = float(target[0]), float(target[1])
        gap, angle = min((x, 0), (1 - x, 180), (y, 90), (1 - y, 270))  # from the nearest side of the picture
        angle += dice.integer(-25, 25)
        draw_spray(canvas, canvas.front, dice, target - direction(angle) * (gap + 0.15), angle, gap + 0.25, habitat)
    for sheet in (canvas.bird > 0, canvas.bird == cues[0], canvas.bird == cues[1]):
        if 3 * np.count_nonzero(sheet & (canvas.front > 0)) > np.count_nonzero(sheet):
            canvas.front[:] = 0
            return


def _compose(canvas: Canvas, dice: Dice, base: np.ndarray, wing: list[int], scale: float) -> Picture:
    """Light, shade and grain upon the flat inks."""
    size, full = canvas.size, canvas.fine * canvas.fine
    sums, visible, parts = canvas.flatten()
    cover = visible.astype(np.int32)
    bits = full.bit_length() - 1  # `full` is a power of two, so that shifts divide
    bird = (
        256
        + (relief(canvas.coverage(canvas.bird), full, round(scale * size * 0.13)) * 7 >> 3)
        + (relief(canvas.coverage(canvas.bird, wing), full, round(scale * size * 0.03)) >> 2)
        + noise(dice, size, ((30, 30, 22),))
    )
    relieved = relief(canvas.coverage(canvas.back), full, round(size * 0.02)) >> 1
    scenery = 256 + relieved + noise(dice, size, ((14, 14, 30), (40, 40, 30), (90, 90, 34)))
    light = bird * cover + scenery * (full - cover)
    painted = (sums[..., :3] * light[..., None]) >> (8 + bits)
    picture = painted + base * (full - sums[..., 3:])
    exposure, warmth = dice.integer(118, 143), dice.integer(-5, 5)
    tint = np.array([exposure + warmth, exposure, exposure - warmth], np.int32)
    grain = (dice.bytes(size, size, 3) >> 5).astype(np.int32) - 4
    picture = ((picture * tint) >> (7 + bits)) + grain
    return Picture(np.clip(picture, 0, 255).astype(np.uint8), 2 * cover >= full, parts, full)
