"""Errors of the system are told from bugs, whatever library they come through."""

import errno
import os

import pytest

from camagain.errors import REMEDIES, of_the_system


@pytest.mark.parametrize("number", REMEDIES)
def test_an_error_of_the_system_names_the_file_and_what_to_do(number: int):
    said = of_the_system(OSError(number, os.strerror(number), "results/tiny/maps.npz"))
    assert said and said.startswith("results/tiny/maps.npz: ") and "run the same command again" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    "text",
    [
        "12000 requested and 8192 written",  # numpy
        "[Errno 28] Error writing bytes to file. Detail: [errno 28] No space left on device",  # pyarrow
    ],
)
def test_a_full_disk_is_found_in_the_words_of_a_library(text: str):
    said = of_the_system(OSError(text))
    assert said and said.startswith("The disk is full.")


@pytest.mark.parametrize(
    "error", [FileNotFoundError(errno.ENOENT, "No such file", "x"), OSError("28 birds"), IsADirectoryError("results")]
)
def test_anything_else_keeps_its_traceback(error: OSError):
    assert of_the_system(error) is None
