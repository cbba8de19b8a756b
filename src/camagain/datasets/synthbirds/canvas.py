"""A picture made of flat polygons, drawn finely and averaged down, that knows which part covers how much of a pixel."""

from collections.abc import Sequence

import cv2
import numpy as np

from camagain.datasets.synthbirds.classes import Colour

PARTS = ("body", "head", "crown", "eye", "beak", "wing", "wing_patch", "tail")
"""The parts whose coverage is counted, each in a byte of a 64-bit word. Legs belong to the bird but to no part."""

SUBPIXEL_BITS = 4
"""Corners of polygons are rounded to 1/16 of a fine pixel, then OpenCV fills them in integer arithmetic."""


class Canvas:
    """Three sheets of ink numbers, one upon the other: back (scenery), bird, and front (what hides the bird).

    Each pixel of the picture is `fine` x `fine` fine pixels, and each of these holds exactly one ink, so coverages
    are exact counts. Polygons come in picture units: the whole side is 1.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.fine = 4 if size <= 256 else 2
        side = size * self.fine
        self.back = np.zeros((side, side), np.uint8)
        self.bird = np.zeros((side, side), np.uint8)
        self.front = np.zeros((side, side), np.uint8)
        self._inks: dict[tuple[Colour, str], int] = {}

    def ink(self, colour: Colour, part: str = "") -> int:
        """The number (1-255) of an ink of that colour that counts for that part; the same one when asked again."""
        number = self._inks.setdefault((colour, part), len(self._inks) + 1)
        if number > 255:
            raise ValueError("a picture holds at most 255 different inks")
        return number

    def fill(self, sheet: np.ndarray, polygon: np.ndarray, ink: int, inside: Sequence[int] = ()) -> None:
        """Fills a polygon (n, 2); with `inside`, only where one of these inks lies on the sheet already."""
        scale = self.size * self.fine
        corners = np.rint(polygon * (scale << SUBPIXEL_BITS)).astype(np.int32)
        if not inside:
            cv2.fillPoly(sheet, [corners], ink, cv2.LINE_8, SUBPIXEL_BITS)
            return
        (left, top), (right, bottom) = (corners.min(axis=0) >> SUBPIXEL_BITS), (corners.max(axis=0) >> SUBPIXEL_BITS)
        left, top, right, bottom = max(left - 1, 0), max(top - 1, 0), min(right + 2, scale), min(bottom + 2, scale)
        if left >= right or top >= bottom:
            return
        region = sheet[top:bottom, left:right]
        stamp = np.zeros(region.shape, np.uint8)
        cv2.fillPoly(
            stamp, [corners - np.array([left, top], np.int32) * (1 << SUBPIXEL_BITS)], 1, cv2.LINE_8, SUBPIXEL_BITS
        )
        allowed = np.zeros(256, np.uint8)
        allowed[list(inside)] = 1
        region[np.asarray(cv2.LUT(region, allowed) == 1) & (stamp == 1)] = ink

    def flatten(self) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        """What is visible, in fine pixels per pixel (at most fine ** 2), each (size, size):

        the sums of red, green, blue and the count of any ink, int32 (size, size, 4); the count of bird; and the count
        of each part.
        """
        hidden = self.front > 0
        bird = self.bird.copy()
        bird[hidden] = 0
        visible = self.back.copy()
        np.copyto(visible, bird, where=bird > 0)
        np.copyto(visible, self.front, where=hidden)
        colours, parts = np.zeros(256, np.uint64), np.zeros(256, np.uint64)
        for (colour, part), number in self._inks.items():
            red, green, blue = colour
            colours[number] = red | green << 16 | blue << 32 | 1 << 48
            if part in PARTS:
                parts[number] = 1 << 8 * PARTS.index(part)
        # 64-bit words hold four sums of 16 bits or eight of 8 bits: 16 fine pixels of 255 are 4080, so none overflows.
        sums, counts = self._sum(colours[visible]), self._sum(parts[bird])
        light = np.stack([(sums >> np.uint64(16 * i)).astype(np.uint16) for i in range(4)], axis=2).astype(np.int32)
        covers = {part: (counts >> np.uint64(8 * i)).astype(np.uint8) for i, part in enumerate(PARTS)}
        return light, self._sum((bird > 0).astype(np.uint8)), covers

    def coverage(self, sheet: np.ndarray, inks: Sequence[int] = ()) -> np.ndarray:
        """Fine pixels of each pixel that hold one of these inks (any ink without `inks`), uint8 (size, size)."""
        wanted = np.zeros(256, np.uint8)
        wanted[list(inks) if inks else slice(1, None)] = 1
        return self._sum(cv2.LUT(sheet, wanted))

    def _sum(self, values: np.ndarray) -> np.ndarray:
        """Sums over the fine pixels of each pixel; keeps the type."""
        rows = np.add.reduce(values.reshape(self.size, self.fine, -1), axis=1, dtype=values.dtype)
        total = rows[:, 0 :: self.fine]
        for offset in range(1, self.fine):
            total = total + rows[:, offset :: self.fine]
        return np.ascontiguousarray(total)
