"""PNG files whose bytes do not depend on the machine."""

import struct
import zlib

import numpy as np

STORED_BLOCK = 65535
"""Bytes in one uncompressed deflate block, the most that the format allows (RFC 1951, 3.2.4)."""


def encode_png(pixels: np.ndarray) -> bytes:
    """An 8-bit PNG of pixels, uint8, (H, W) for grey or (H, W, 3) for RGB.

    The pixels are stored, not compressed: zlib and its faster replacements choose different compressed bytes, and
    even different block sizes when told not to compress, so the blocks are laid out here. 96 x 96 RGB takes 28 KB.
    """
    if pixels.dtype != np.uint8 or not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)):
        raise ValueError(f"found {pixels.dtype} {pixels.shape}, expected uint8 of shape (H, W) or (H, W, 3)")
    height, width = pixels.shape[:2]
    rows = pixels.reshape(height, -1)
    raw = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1).tobytes()  # each row: filter 0, then pixels
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if pixels.ndim == 2 else 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", _stored(raw)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _stored(raw: bytes) -> bytes:
    """A zlib stream (RFC 1950) of stored deflate blocks."""
    blocks = []
    for start in range(0, len(raw), STORED_BLOCK):
        part = raw[start : start + STORED_BLOCK]
        last = start + STORED_BLOCK >= len(raw)
        blocks.append(struct.pack("<BHH", last, len(part), len(part) ^ 0xFFFF) + part)
    return b"\x78\x01" + b"".join(blocks) + struct.pack(">I", zlib.adler32(raw))
