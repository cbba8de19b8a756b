"""The polygons of a bird, and those of them that are the same for all birds up to scale: belly, head, eye and wing."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from camagain.datasets.synthbirds.geometry import ellipse, line, ribbon, smooth

BELLY = ((-0.5, 0.1), (-0.2, 0.1), (0.15, 0.05), (0.4, -0.12), (0.62, 0.0), (0.4, 0.42), (-0.1, 0.5))
THROAT = ((1.1, 0.25), (0.4, 0.35), (-0.1, 0.75), (0.3, 1.3), (1.2, 1.0))
STRIPE = ((1.0, 0.02), (0.3, -0.12), (-0.6, 0.12), (-0.9, 0.42), (0.2, 0.18))
CROWN = (
    (0.97, -0.16),
    (0.5, -0.36),
    (-0.1, -0.26),
    (-0.72, 0.16),
    (-1.25, 0.1),
    (-0.9, -1.2),
    (0.3, -1.4),
    (1.2, -0.8),
)
WING = (
    (0.27, -0.08), (0.14, -0.19), (-0.12, -0.17), (-0.42, -0.07), (-0.68, 0.05),
    (-0.68, 0.06), (-0.4, 0.1), (-0.1, 0.15), (0.16, 0.1),
)  # fmt: skip
PATCH = ((0.14, -0.1), (-0.05, -0.125), (-0.27, -0.065), (-0.34, 0.02), (-0.13, 0.07), (0.09, 0.06))


@dataclass(frozen=True)
class Shape:
    """One polygon (n, 2) of a bird; paints `ink`, with `inside` only where one of these inks already lies."""

    ink: str
    outline: np.ndarray
    inside: tuple[str, ...] = ()


def moved(shapes: list[Shape], move: Callable[[np.ndarray], np.ndarray]) -> list[Shape]:
    """The same shapes with all their points (n, 2) put through `move` in one call."""
    points = move(np.concatenate([shape.outline for shape in shapes]))
    result, start = [], 0
    for shape in shapes:
        end = start + len(shape.outline)
        result.append(Shape(shape.ink, points[start:end], shape.inside))
        start = end
    return result


@cache
def underparts() -> list[Shape]:
    """The pale belly with rows of spots, in the trunk's frame; do not change the list."""
    shapes = [Shape("belly", smooth(np.array(BELLY)), ("body",))]
    for number in range(9):
        at = (-0.05 + 0.05 * number, 0.1 + 0.06 * (number % 3))
        shapes.append(Shape("spot", ellipse(at, (0.022, 0.035), tilt=20, step=45), ("belly",)))
    return shapes


@cache
def head_shapes() -> list[Shape]:
    """A head of radius 1 at the origin that looks right, with its markings; do not change the list."""
    return [
        Shape("head", ellipse((0.0, 0.0), (1.0, 0.96))),
        Shape("throat", smooth(np.array(THROAT)), ("head",)),
        Shape("stripe", smooth(np.array(STRIPE)), ("head", "throat")),
        Shape("crown", smooth(np.array(CROWN)), ("head",)),
    ]


@cache
def eye_shapes() -> list[Shape]:
    """The eye in its ring, in the head's frame; do not change the list."""
    return [
        Shape("eye_ring", ellipse((0.38, -0.08), (0.27, 0.27), step=30)),
        Shape("eye", ellipse((0.38, -0.08), (0.2, 0.2), step=30)),
        Shape("glint", ellipse((0.44, -0.15), (0.07, 0.07), step=45)),
    ]


@cache
def wing_shapes() -> list[Shape]:
    """The folded wing with its patch and feather edges, in the trunk's frame; do not change the list."""
    outline = smooth(np.array(WING))
    shapes = [Shape("wing_edge", outline * 1.05), Shape("wing", outline)]
    for number in range(5):  # flight feathers, from the middle of the wing to its tip
        start, tip = np.array([-0.12 - 0.05 * number, 0.12 - 0.045 * number]), np.array([-0.66, 0.05 - 0.008 * number])
        shapes.append(Shape("wing_dark", line(start, tip, 0.012, 0.006), ("wing",)))
    for number in range(3):  # coverts on the shoulder
        x = 0.2 - 0.06 * number
        arc = np.array([[x, -0.15, 0.006], [x - 0.035, -0.05, 0.012], [x, 0.06, 0.006]])
        shapes.append(Shape("wing_light", ribbon(smooth(arc, closed=False)), ("wing",)))
    shapes.append(Shape("wing_patch", smooth(np.array(PATCH)), ("wing", "wing_dark", "wing_light")))
    for number in range(3):  # feather edges across the patch
        x = 0.02 - 0.1 * number
        arc = np.array([[x + 0.02, -0.14, 0.008], [x - 0.02, -0.02, 0.012], [x + 0.01, 0.1, 0.008]])
        shapes.append(Shape("wing_dark", ribbon(smooth(arc, closed=False)), ("wing_patch",)))
    return shapes
