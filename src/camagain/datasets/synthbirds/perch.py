"""What the bird perches on."""

import numpy as np

from camagain.datasets.synthbirds.canvas import Canvas
from camagain.datasets.synthbirds.classes import Colour
from camagain.datasets.synthbirds.clutter import draw_stone
from camagain.datasets.synthbirds.dice import Dice
from camagain.datasets.synthbirds.geometry import leaf, ribbon, rotate, smooth
from camagain.datasets.synthbirds.habitats import DRY, NATURALS, shade

WOODS = NATURALS[:10]


def draw_perch(canvas: Canvas, dice: Dice, perch: str, rest: np.ndarray, away: np.ndarray, scale: float) -> None:
    """Draws a perch on the back sheet so that the feet at `rest` (2,) touch it.

    `perch` is "branch", "trunk", "stone" or "ground"; `away` (2,) points from the bird into it; `scale` is the length
    of the bird's trunk. All in picture units.
    """
    if perch == "ground":
        _draw_ground(canvas, dice, float(rest[1]))
    elif perch == "trunk":
        half = scale * dice.uniform(0.2, 0.45)
        along = np.array([-away[1], away[0]])
        _draw_wood(canvas, dice, rest + away * half * 0.8, along, away, half, from_there=False)
    elif perch == "branch":
        half = scale * dice.uniform(0.05, 0.11)
        along = rotate(np.array([[1.0, 0.0]]), dice.integer(-22, 22))[0]
        _draw_wood(canvas, dice, rest + away * half * 0.8, along, away, half, from_there=False)
    elif rest[1] < 0.62:  # so high up a stone would float: a weathered post instead
        half = scale * dice.uniform(0.14, 0.3)
        down = rotate(away[None], dice.integer(-12, 12))[0]
        _draw_wood(canvas, dice, rest - away * 0.01, down, np.array([-down[1], down[0]]), half, from_there=True)
    else:
        radius = scale * dice.uniform(0.55, 0.9)
        draw_stone(canvas, dice, rest + away * radius * 0.5, radius)


def _draw_ground(canvas: Canvas, dice: Dice, level: float) -> None:
    """Ground up to a wavy edge near `level`, strewn with pebbles and dead leaves."""
    edge = np.array([(x, level - dice.uniform(0.0, 0.14)) for x in (-0.1, 0.2, 0.5, 0.8, 1.1)])
    ground = np.concatenate([smooth(edge, closed=False), [[1.1, 1.1], [-0.1, 1.1]]])
    canvas.fill(canvas.back, ground, canvas.ink(shade(dice.pick(WOODS), 90)))
    for _ in range(dice.integer(6, 14)):
        at = np.array([dice.uniform(0, 1), dice.uniform(level, 1.05)])
        if dice.chance(0.5):
            draw_stone(canvas, dice, at, dice.uniform(0.015, 0.06))
            continue
        halves = leaf(at, dice.integer(0, 359), dice.uniform(0.06, 0.13), 0.05, dice.uniform(-0.2, 0.2))
        litter = dice.pick(DRY + NATURALS)
        for half, tone in zip(halves, (92, 106), strict=True):
            canvas.fill(canvas.back, half, canvas.ink(shade(litter, tone)))


def _draw_wood(
    canvas: Canvas, dice: Dice, at: np.ndarray, along: np.ndarray, across: np.ndarray, half: float, from_there: bool
) -> None:
    """A slightly crooked branch, trunk or post with furrowed bark, through `at` or, for a post, from there on."""
    reach = (0.0, 0.4, 0.8, 1.2, 1.6) if from_there else (-1.6, -0.7, 0.0, 0.7, 1.6)
    spine = np.array([(*(at + along * t + across * dice.uniform(-0.25, 0.25) * half), half) for t in reach])
    spine[reach.index(0.0), :2] = at  # here it must pass
    spine[:, 2] *= np.array([1.15, 1.08, 1.0, 0.92, 0.85])
    curve = smooth(spine, steps=5, closed=False)
    colour: Colour = dice.pick(WOODS)
    wood = canvas.ink(shade(colour, 80))
    canvas.fill(canvas.back, ribbon(curve), wood)
    for _ in range(dice.integer(9, 16)):
        first = dice.integer(0, len(curve) - 6)
        offset, thin = dice.uniform(-0.9, 0.9), half * dice.uniform(0.03, 0.1)
        streak = curve[first : first + 6].copy()
        streak[:, :2] += across * offset * half
        streak[:, 2] = (thin * 0.2, thin, thin, thin, thin, thin * 0.2)
        canvas.fill(canvas.back, ribbon(streak), canvas.ink(shade(colour, dice.pick((58, 66, 96, 112)))), (wood,))
