"""Reads checkpoints of strangers: tensors and plain values, never code.

A .pth file is a pickle, and a pickle is a program: reading one in full can do anything that its author wanted. torch's
`weights_only` reader runs none of it; it knows tensors, numbers, strings and plain containers and stops at anything
else. One class is let in besides, `argparse.Namespace`, because training scripts in timm's tradition store their
command line as `args`: it is a bag of attributes without any code of its own, what is in it is read under the same
rule, and it is thrown away at once.
"""

import argparse
import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from camagain.artifacts import readable
from camagain.errors import UserError


def read_checkpoint(path: Path) -> Mapping[str, Any]:
    """What is stored in a .safetensors file, or in one of torch's of any other ending, by its keys there, on the CPU.

    Raises UserError for a file that is missing or damaged, for one that holds anything but tensors and plain values
    (nothing of it is executed), and for one that is no mapping.
    """
    path = readable(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file of weights.")
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise UserError(f"{path}: not a readable safetensors file ({error}). Get it again.") from None
    checkpoint = _unpickled(path)
    if not isinstance(checkpoint, Mapping):
        raise UserError(f"{path}: found a {type(checkpoint).__name__}, expected tensors by name. Get the right file.")
    return checkpoint


def _unpickled(path: Path) -> Any:
    try:
        _refuse_bomb(path)
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except UserError:
        raise
    except Exception as error:  # damaged bytes are instructions as well, and may fail in any way
        name = re.search(r"GLOBAL (\S+)", str(error)) if isinstance(error, pickle.UnpicklingError) else None
        if name is None:
            raise UserError(f"{path}: {_fault(path, error)}. Delete it and get it again.") from None
        raise UserError(
            f"{path}: found '{name[1]}' in it, expected tensors and plain values; nothing of it was executed. Whoever "
            "trusts the file can read it on another machine and save its weights alone, as .safetensors (see "
            "docs/weights.md)."
        ) from None


GROWTH = 4
"""torch stores tensors as they are; a zip archive that holds so many times its own size is no checkpoint."""


def _refuse_bomb(path: Path) -> None:
    """Raises UserError where a zip archive unpacks to far more than it has bytes."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        unpacked, size = sum(entry.file_size for entry in archive.infolist()), path.stat().st_size
    if unpacked > GROWTH * size + 2**20:
        raise UserError(
            f"{path}: {unpacked / 1e6:,.0f} MB are packed into its {size / 1e6:,.1f} MB, expected tensors, which torch "
            "does not pack. Do not use this file."
        )


def _fault(path: Path, error: Exception) -> str:
    """Why a file cannot be read as a checkpoint, in our words: torch's are about its own settings."""
    try:
        with open(path, "rb") as file:
            head = file.read(512)
    except OSError as unreadable:
        return f"cannot be read ({unreadable.strerror})"
    if not head:
        return "the file is empty, expected a checkpoint"
    if head.lstrip().startswith(b"<"):
        return "found a web page, expected a checkpoint"
    if head.startswith((b"PK\x03\x04", b"\x80")):
        return f"found a damaged or truncated checkpoint, or instructions beyond tensors ({type(error).__name__})"
    return f"it begins with {head[:8]!r} and is no checkpoint of torch"
