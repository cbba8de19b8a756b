"""Which image files are opened at all: a file of somebody else's may call itself anything. Never imports torch."""

import io
from pathlib import Path

from PIL import Image

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "PPM", "TIFF", "WEBP")
"""Formats that Pillow decodes in this process. Of any format it opens more: an EPS file starts Ghostscript."""

MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")
"""Pixels of 8 bits a channel. Pillow turns 16 bits, floats and integers into 8 by cutting off at 255, white mostly."""

MOST_PIXELS = 2**26
"""8,192 x 8,192, more than any camera of 60 megapixels. Decoded as RGB they take 0.2 GB; a PNG of ten times as many
pixels can be smaller than a megabyte."""


MOST_BYTES = 2**29
"""512 MiB, twice what so many pixels of four channels take in a file that does not compress them."""


def open_image(path: Path) -> Image.Image:
    """An image file whose pixels are not decoded yet; OSError where it is of another format or mode, or too large.

    The whole file is read first, so that no file stays open. The message of the error does not name the file.
    """
    size = Path(path).stat().st_size
    if size > MOST_BYTES:
        raise OSError(f"the file has {size:,} bytes, more than {MOST_BYTES:,}")
    content = io.BytesIO(Path(path).read_bytes())
    try:
        image = Image.open(content, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise OSError(f"it has more than {MOST_PIXELS:,} pixels; make it smaller") from None
    except Image.UnidentifiedImageError:
        raise OSError(f"it is none of {', '.join(FORMATS)}, or damaged from its first bytes on") from None
    if image.width * image.height > MOST_PIXELS:
        raise OSError(f"it has {image.width:,} x {image.height:,} pixels, more than {MOST_PIXELS:,}; make it smaller")
    if image.mode not in MODES:
        raise OSError(f"its pixels are of Pillow's mode {image.mode}, not 8 bits a channel; convert it to 8 bits")
    return image
