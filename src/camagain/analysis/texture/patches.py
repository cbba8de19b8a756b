"""Patch shuffling: an image is cut into a grid of patches that change places, and a map of it is put back.

Axes: an array (H, W, ...) is cut into g x g patches of H/g x W/g, numbered row by row from 0.
"""

import cv2
import numpy as np

from camagain.evaluation.score_maps import Interpolation, normalise, upsample


def draw_order(grid: int, generator: np.random.Generator) -> np.ndarray:
    """A random order of g x g patches in which none keeps its place: (g*g,) int64, drawn uniformly among all such.

    Plain permutations leave one patch of the grid where it was on average, a quarter of the image at 2 x 2, where one
    in 24 changes nothing; some images would by luck be shuffled less than others. ValueError for a grid of 1.
    """
    if grid < 2:
        raise ValueError(f"grid is {grid}; a single patch cannot change its place")
    places = np.arange(grid * grid)
    while True:  # 1 in e permutations qualifies, whatever the grid
        order = generator.permutation(grid * grid)
        if (order != places).all():
            return order


def shuffle(pixels: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The same pixels with patch `order[i]` at place i: (H, W, ...) -> same shape and type.

    ValueError where the grid does not divide height and width.
    """
    return join(cut(pixels, order)[order])


def put_back(pixels: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Undoes `shuffle` with the same order: (H, W, ...) -> same shape and type."""
    return join(cut(pixels, order)[np.argsort(order)])


def put_back_map(score_map: np.ndarray, order: np.ndarray, size: int, interpolation: Interpolation) -> np.ndarray:
    """A map of the shuffled image as a map of the image: (h, w) -> (size, size) float64 in [0, 1].

    Resized to the next multiple of the grid at or above `size`, so that patches end between pixels, put back there, and
    resized once more only where `size` is no multiple. The map is smooth on the shuffled image: beside the edges of
    patches, half a cell of it belongs to the neighbour that was there. `carry_map` shows what that costs.
    """
    multiple = next_multiple(order, size)
    whole = put_back(upsample(score_map, multiple, interpolation), order)
    return normalise(whole if multiple == size else upsample(whole, size, interpolation))


def carry_map(score_map: np.ndarray, order: np.ndarray, size: int, interpolation: Interpolation) -> np.ndarray:
    """A map of the image as the feature grid would show it on the shuffled image: (h, w) -> (h, w) float64.

    A network that sees in every patch what it saw there in the whole image would give this: the map at full size,
    shuffled, averaged over the cells. Put back, it is the control: it lacks only what the grid cannot resolve.
    """
    whole = shuffle(upsample(score_map, next_multiple(order, size), interpolation), order)
    return cv2.resize(whole, score_map.shape[::-1], interpolation=cv2.INTER_AREA)  # (h, w)


def next_multiple(order: np.ndarray, size: int) -> int:
    """The smallest number of pixels that patches divide, not below `size`."""
    grid = side_of(order)
    return -(-size // grid) * grid


def cut(pixels: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The patches in rows: (H, W, ...) -> (g*g, H/g, W/g, ...)."""
    grid, (height, width, *rest) = side_of(order), pixels.shape
    if height % grid or width % grid:
        raise ValueError(f"found {height} x {width} pixels, expected sides that {grid} patches divide")
    blocks = pixels.reshape(grid, height // grid, grid, width // grid, *rest)
    return blocks.swapaxes(1, 2).reshape(grid * grid, height // grid, width // grid, *rest)


def join(patches: np.ndarray) -> np.ndarray:
    """Patches in rows as one array: (g*g, H', W', ...) -> (g*H', g*W', ...)."""
    grid, (_, height, width, *rest) = side_of(patches), patches.shape
    blocks = patches.reshape(grid, grid, height, width, *rest)
    return blocks.swapaxes(1, 2).reshape(grid * height, grid * width, *rest)


def side_of(patches: np.ndarray) -> int:
    """g of g*g patches, or of an order of them."""
    return round(len(patches) ** 0.5)
