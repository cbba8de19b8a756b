"""One bird: its proportions, its pose, and the polygons that they give."""

from dataclasses import dataclass

import numpy as np

from camagain.datasets.synthbirds.dice import Dice
from camagain.datasets.synthbirds.geometry import direction, ellipse, line, rotate, smooth
from camagain.datasets.synthbirds.shapes import Shape, eye_shapes, head_shapes, moved, underparts, wing_shapes


@dataclass(frozen=True)
class Anatomy:
    """Proportions of a bird, its trunk being about 1 long, and its pose in degrees clockwise, facing right.

    `beak`, `beak_depth` and `crest` are in units of the head's radius; `fork` is negative for a forked tail and
    positive for a pointed one; `tilt` turns the whole bird (negative: head up), `nod` the head, `tail_lift` the tail.
    """

    plump: float
    head: float
    neck: float
    beak: float
    beak_depth: float
    tail: float
    tail_width: float
    fork: float
    wing: float
    leg: float
    crest: float
    tilt: int
    nod: int
    tail_lift: int
    clinging: bool


def sample_anatomy(dice: Dice, perch: str) -> Anatomy:
    """A random bird in a pose that suits its perch: upright at a trunk, anything from upright to level elsewhere."""
    clinging = perch == "trunk"
    tilt = dice.integer(-80, -55) if clinging else dice.integer(-50, 14)
    return Anatomy(
        plump=dice.uniform(0.86, 1.22),
        head=dice.uniform(0.94, 1.16),
        neck=dice.uniform(0.0, 0.09),
        beak=dice.uniform(0.45, 1.1),
        beak_depth=dice.uniform(0.20, 0.36),
        tail=dice.uniform(0.30, 0.72),
        tail_width=dice.uniform(0.10, 0.2),
        fork=dice.uniform(-0.07, 0.07),
        wing=dice.uniform(0.9, 1.1),
        leg=dice.uniform(0.12, 0.26),
        crest=dice.uniform(0.25, 0.6) if dice.chance(0.3) else 0.0,
        tilt=tilt,
        nod=dice.integer(15, 50) if clinging else -tilt // 2 + dice.integer(-18, 22),
        tail_lift=dice.integer(-8, 10) if clinging else dice.integer(-15, 25),
        clinging=clinging,
    )


def bird_shapes(bird: Anatomy) -> tuple[list[Shape], np.ndarray]:
    """The polygons of a bird that faces right, in drawing order, and the point (2,) that rests on its perch.

    The middle of its trunk is the origin and its trunk is about 1 long.
    """
    head_at = np.array([0.42 + 0.4 * bird.neck, -0.21 - bird.neck])
    head_size = 0.185 * bird.head
    wing_scale = np.array([bird.wing, bird.wing * (0.55 + 0.45 * bird.plump)])
    upper = [
        *_tail(bird),
        *_trunk(bird, head_at, head_size),
        *moved(underparts(), lambda points: points * [1.0, bird.plump]),
        *moved(_head(bird), lambda points: rotate(points, bird.nod) * head_size + head_at),
        *moved(wing_shapes(), lambda points: points * wing_scale),
    ]
    legs, rest = _legs(bird)
    return legs + moved(upper, lambda points: rotate(points, bird.tilt)), rest


def _trunk(bird: Anatomy, head_at: np.ndarray, head_size: float) -> list[Shape]:
    """Trunk and neck as a chain of discs."""
    joints = [  # x, y, radius
        (-0.47, 0.03, 0.075),
        (-0.27, 0.03, 0.17 * bird.plump),
        (-0.02, 0.03, 0.25 * bird.plump),
        (0.19, -0.01, 0.225 * bird.plump),
        (0.33, -0.11 - 0.4 * bird.neck, 0.165),
        (head_at[0], head_at[1], head_size * 0.9),
    ]
    disc = ellipse((0.0, 0.0), (1.0, 1.0))
    return [Shape("body", disc * r + (x, y)) for x, y, r in smooth(np.array(joints), steps=4, closed=False)]


def _head(bird: Anatomy) -> list[Shape]:
    """Beak, head, crown with or without a crest, and eye, for a head of radius 1 at the origin that looks right."""
    tip = (0.98 + bird.beak, 0.13)
    beak = np.array([(0.8, -0.5 * bird.beak_depth - 0.05), tip, tip, (0.8, 0.5 * bird.beak_depth + 0.25)])
    shapes = [
        Shape("beak", smooth(beak, steps=4)),
        Shape("beak_dark", line(np.array([0.85, 0.1]), np.array(tip), 0.05, 0.02), ("beak",)),
        *head_shapes(),
    ]
    if bird.crest:
        peak = (-0.95 - 0.3 * bird.crest, -0.55 - bird.crest)
        crest = np.array([(0.45, -0.75), (-0.3, -1.0 - bird.crest), peak, peak, (-0.8, -0.4), (-0.2, -0.5)])
        shapes.append(Shape("crown", smooth(crest)))
    return [*shapes, *eye_shapes()]


def _tail(bird: Anatomy) -> list[Shape]:
    """The tail fan with the shafts of its feathers."""
    wide, long = bird.tail_width, bird.tail
    fan = np.array([(0.12, -0.07), (-long, -wide), (-long - 2 * bird.fork, 0.0), (-long, wide), (0.12, 0.08)])
    root = np.zeros(2)
    tips = [np.array([-long, side * wide]) for side in (-0.55, 0.0, 0.55)]
    shapes = [Shape("tail", fan), *(Shape("tail_dark", line(root, tip, 0.01, 0.018), ("tail",)) for tip in tips)]
    return moved(shapes, lambda points: rotate(points, bird.tail_lift) + np.array([-0.44, 0.03]))


def _legs(bird: Anatomy) -> tuple[list[Shape], np.ndarray]:
    """Two legs that reach down, or toward the trunk that the bird clings to, and the point between the feet."""
    away = direction(bird.tilt + 90) if bird.clinging else direction(90)
    across = np.array([away[1], -away[0]])
    hips = rotate(np.array([[0.04, 0.2 * bird.plump], [-0.1, 0.2 * bird.plump]]), bird.tilt)
    reached = hips[:, 0] * away[0] + hips[:, 1] * away[1]
    level = max(float(reached[0]), float(reached[1])) + bird.leg
    feet = hips + (level - reached)[:, None] * away
    shapes = []
    for hip, foot in zip(hips, feet, strict=True):
        shapes.append(Shape("leg", line(hip, foot, 0.028, 0.02)))
        for spread in (0.09, -0.06):
            shapes.append(Shape("leg", line(foot, foot + across * spread + away * 0.015, 0.02, 0.014)))
    return shapes, (feet[0] + feet[1]) / 2
