"""The middle distance and the foreground: stones, grass and leafy twigs."""

import numpy as np

from camagain.datasets.synthbirds.canvas import Canvas
from camagain.datasets.synthbirds.dice import Dice
from camagain.datasets.synthbirds.geometry import blade, direction, ellipse, leaf, ribbon, rotate, smooth
from camagain.datasets.synthbirds.habitats import NATURALS, Habitat, shade


def draw_clutter(canvas: Canvas, dice: Dice, habitat: Habitat) -> None:
    """Stones, grass and leafy twigs of the middle distance, on the back sheet."""
    for _ in range(dice.integer(*habitat.stones)):
        depth = dice.uniform(0.0, 1.0)  # far stones lie higher in the picture and look smaller
        at = np.array([dice.uniform(0, 1), 0.62 + 0.4 * depth])
        draw_stone(canvas, dice, at, (0.05 + 0.09 * depth) * dice.uniform(0.7, 1.3))
    for _ in range(dice.integer(*habitat.tufts)):
        root = np.array([dice.uniform(0, 1), dice.uniform(0.96, 1.1)])
        draw_tuft(canvas, canvas.back, dice, root, dice.uniform(0.2, 0.6), habitat)
    for _ in range(dice.integer(*habitat.sprays)):
        angle = 90 * dice.integer(0, 3)
        inward = direction(angle)
        aside = np.array([-inward[1], inward[0]]) * dice.uniform(-0.5, 0.5)
        root = np.array([0.5, 0.5]) - inward * 0.52 + aside
        draw_spray(canvas, canvas.back, dice, root, angle + dice.integer(-40, 40), dice.uniform(0.3, 0.6), habitat)


def draw_spray(
    canvas: Canvas, sheet: np.ndarray, dice: Dice, root: np.ndarray, angle: int, length: float, habitat: Habitat
) -> None:
    """A thin twig with leaves on both sides."""
    bend = dice.integer(-30, 30)
    middle = root + direction(angle) * length * 0.5
    tip = middle + direction(angle + bend) * length * 0.5
    twig = smooth(np.array([[*root, 0.012], [*middle, 0.009], [*tip, 0.005]]), steps=4, closed=False)
    canvas.fill(sheet, ribbon(twig), canvas.ink(shade(dice.pick(NATURALS[:3]), 80)))
    colour, size = dice.pick(habitat.leaves), dice.uniform(0.08, 0.2)
    for number, (x, y, _) in enumerate(twig[1:]):
        side = 1 if number % 2 else -1
        lean = angle + bend * number // 8 + side * dice.integer(25, 70)
        long = size * dice.uniform(0.7, 1.2)
        tone = dice.pick((80, 90, 100, 110))
        halves = leaf(np.array([x, y]), lean, long, long * dice.uniform(0.35, 0.55), dice.uniform(-0.15, 0.15))
        for half, change in zip(halves, (0, 14), strict=True):
            canvas.fill(sheet, half, canvas.ink(shade(colour, tone + change)))


def draw_tuft(canvas: Canvas, sheet: np.ndarray, dice: Dice, root: np.ndarray, height: float, habitat: Habitat) -> None:
    """A tuft of grass: bent blades from one root."""
    for _ in range(dice.integer(4, 8)):
        start = root + np.array([dice.uniform(-0.05, 0.05), 0.0])
        outline = blade(
            start, dice.integer(-115, -65), height * dice.uniform(0.7, 1.1), 0.025, dice.uniform(-0.12, 0.12)
        )
        ink = canvas.ink(shade(dice.pick(habitat.leaves), dice.pick((85, 100, 115))))
        canvas.fill(sheet, outline, ink)


def draw_stone(canvas: Canvas, dice: Dice, at: np.ndarray, radius: float) -> None:
    """A rounded stone, lighter on top; `at` is its centre."""
    colour, tilt = dice.pick(NATURALS), dice.integer(-15, 15)
    corners = np.array([[dice.uniform(0.85, 1.15)] for _ in range(8)])
    outline = smooth(ellipse((0.0, 0.0), (radius, radius * dice.uniform(0.5, 0.8)), step=45) * corners, steps=4)
    base, top = canvas.ink(shade(colour, 85)), canvas.ink(shade(colour, 105))
    canvas.fill(canvas.back, rotate(outline, tilt) + at, base)
    canvas.fill(canvas.back, rotate(outline * [0.86, 0.7], tilt) + at - np.array([0.03, 0.22]) * radius, top)
