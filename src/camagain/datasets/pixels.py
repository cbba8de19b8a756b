"""An image's pixels as every network sees them, before normalisation. Never imports torch: figures draw them, too."""

import numpy as np
from PIL import Image

from camagain.config import Input


def warped(image: Image.Image, settings: Input) -> Image.Image:
    """An image warped to the network's square of S x S pixels, without crop.

    The aspect ratio is not kept, as in the authors' script and in wsolevaluation, so that the score map covers the
    whole image and boxes scale with one factor per axis.
    """
    return image.resize((settings.size, settings.size), Image.Resampling[settings.interpolation.upper()])


def square(image: Image.Image, settings: Input) -> np.ndarray:
    """The pixels of an image warped to the network's square: (S, S, 3) uint8."""
    return np.asarray(warped(image, settings))


def normalised(pixels: np.ndarray, settings: Input) -> np.ndarray:
    """Pixels in [0, 1] with the mean subtracted and divided by the deviation: (S, S, 3) -> (3, S, S) float32."""
    values = (pixels.astype(np.float32) - np.array(settings.mean, np.float32)) / np.array(settings.std, np.float32)
    return np.ascontiguousarray(values.transpose(2, 0, 1))  # (3, S, S)
