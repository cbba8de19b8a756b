"""The classes, which differ only in the colour of the crown and the colour of the wing patch."""

from dataclasses import dataclass

Colour = tuple[int, int, int]
"""Red, green, blue, 0-255."""

CUES: tuple[tuple[str, Colour], ...] = (
    ("Scarlet", (222, 24, 32)),
    ("Azure", (24, 92, 236)),
    ("Golden", (255, 214, 16)),
    ("Ivory", (250, 250, 244)),
    ("Orange", (255, 118, 0)),
    ("Violet", (128, 34, 196)),
    ("Turquoise", (0, 206, 196)),
    ("Rose", (255, 92, 172)),
)
"""Saturated colours (and white) that no body and no background has; neighbours in the list differ much."""

MAX_CLASSES = len(CUES) ** 2


@dataclass(frozen=True)
class BirdClass:
    """One class: its name in the style of CUB-200-2011 without the number, and its two colours."""

    name: str
    crown: Colour
    wing: Colour


def bird_classes(count: int) -> list[BirdClass]:
    """The classes 0 .. count-1, for 2 to 64 classes.

    With c colours, class k has crown k mod c and wing (k mod c + k div c) mod c: the diagonals of a Latin square.
    Two classes or more share each crown colour, and two or more each wing colour (for 4 classes and from 6 on; with
    2, 3 or 5 it cannot be or is not so throughout), hence neither cue alone tells the class and both together do.
    The wings count from the other half of the palette, so with up to 4 colours (8 classes) none is used for both.
    """
    if not 2 <= count <= MAX_CLASSES:
        raise ValueError(
            f"found {count} classes, expected 2 to {MAX_CLASSES}: {len(CUES)} crown by {len(CUES)} wing colours"
        )
    colours = min(len(CUES), max(2, count // 2))
    while colours * colours < count:
        colours += 1
    classes = []
    for number in range(count):
        crown, diagonal = number % colours, number // colours
        wing = ((crown + diagonal) % colours + len(CUES) // 2) % len(CUES)
        (crown_name, crown_colour), (wing_name, wing_colour) = CUES[crown], CUES[wing]
        classes.append(BirdClass(f"{crown_name}_crowned_{wing_name}_wing", crown_colour, wing_colour))
    return classes
